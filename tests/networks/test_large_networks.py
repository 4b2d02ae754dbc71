"""HRNet-w32 and EfficientDet-D0 run with every convolution in the engine, and equal their dense networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from support.large_networks import efficientdet_d0, hrnet_w32

from edgeskip.backends.registry import get_backend
from edgeskip.core.contract import Preparation, Task
from edgeskip.export.dense import export_dense

BUILDERS = {"hrnet_w32": hrnet_w32, "efficientdet_d0": efficientdet_d0}
CONVOLUTIONS = {"hrnet_w32": 293, "efficientdet_d0": 214}


def moving_patch(shape: tuple[int, ...], frames: int, seed: int) -> list[np.ndarray]:
    """A still random picture over which a random patch of a tenth of the size moves."""
    rng = np.random.default_rng(seed)
    background = rng.random(shape, np.float32)
    height, width = shape[2] // 8, shape[3] // 8
    patch = rng.random((1, shape[1], height, width), np.float32)
    pictures = []
    for index in range(frames):
        picture = background.copy()
        top, left = 16 + 8 * index, 24 + 12 * index
        picture[:, :, top : top + height, left : left + width] = patch
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="module", params=sorted(BUILDERS))
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    builder: Callable[[Path], Path] = BUILDERS[request.param]
    return request.param, builder(tmp_path_factory.mktemp("networks"))


def test_equals_the_dense_network_with_every_convolution_in_the_engine(network: tuple[str, Path]) -> None:
    name, path = network
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    shape = tuple(session.get_inputs()[0].shape)
    frames = moving_patch(shape, 4, seed=3)
    preparation = Preparation(size=(shape[3], shape[2]), scale=(1 / 255,) * 3)
    model = export_dense(path, preparation, Task(), frames[:1], tolerance=0)
    assert len(model.convolutions) == CONVOLUTIONS[name]
    fractions = []
    with get_backend("cpu").create_runner(model, threads=2) as runner:
        convolutions = [layer for layer in runner.layers if layer.macs]
        assert len(convolutions) == CONVOLUTIONS[name]
        assert {layer.where for layer in convolutions} == {"engine"}
        assert {layer.op for layer in runner.layers if layer.where != "engine"} == set()
        for index, frame in enumerate(frames):
            result = runner.infer(frame)
            fractions.append(result.active_mac_fraction)
            for output, value in zip(model.outputs, session.run(model.outputs, {"images": frame}), strict=True):
                error = np.abs(result.outputs[output] - value).max() / np.abs(value).max()
                assert error < 1e-4, f"{name} {output} frame {index}: {error}"
    assert fractions[0] == 1.0
    assert max(fractions[1:]) < 1.0  # little is skipped in EfficientDet: its squeeze-excite vectors move at tolerance 0


def test_tolerance_saves_most_of_the_work_on_a_small_change(network: tuple[str, Path]) -> None:
    name, path = network
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    shape = tuple(session.get_inputs()[0].shape)
    frames = moving_patch(shape, 3, seed=4)
    preparation = Preparation(size=(shape[3], shape[2]), scale=(1 / 255,) * 3)
    model = export_dense(path, preparation, Task(), frames[:2], tolerance=0.1)
    with get_backend("cpu").create_runner(model, threads=2) as runner:
        fractions = [runner.infer(frame).active_mac_fraction for frame in frames]
        unchanged = runner.infer(frames[-1])
    assert fractions[0] == 1.0, name
    assert max(fractions[1:]) < 0.6, f"{name}: {fractions}"
    assert unchanged.active_macs == 0
