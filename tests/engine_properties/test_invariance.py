"""P4 and P6: block size, threads and panels change cost only; cameras know nothing of each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.random_skip import RandomSkip, random_skip

from edgeskip.backends.cpu.loader import CpuBackend, native
from edgeskip.backends.onnxruntime.loader import OnnxRuntimeBackend

BACKEND = CpuBackend()
pytestmark = pytest.mark.skipif(BACKEND.unavailable_reason() is not None, reason=f"{BACKEND.unavailable_reason()}")
NATIVE = None if BACKEND.unavailable_reason() else native()
LEVELS = NATIVE.levels() if NATIVE else []
BF16 = NATIVE.bf16_kernels() if NATIVE else []
WAYS: list[dict[str, Any]] = [
    {"block": 1}, {"block": 2}, {"block": 4}, {"block": 8}, {"threads": 2}, {"panel_rows": 1}, {"panel_rows": 3},
    {"panel_rows": 7}, {"block": 4, "threads": 2, "panel_rows": 5},
]  # fmt: skip


def record(network: RandomSkip, frames: int = 8, **options: Any) -> list[dict[str, np.ndarray]]:
    """Outputs and masks of every frame."""
    result = []
    with BACKEND.create_runner(network.model, **options) as runner:
        masked = [layer.tensor for layer in runner.layers if layer.mask in runner.plan.masks]
        for picture in network.video(frames):
            outputs = runner.infer(picture).outputs
            masks = {f"mask of {name}": runner.mask(name) for name in masked if network.model.mask_of(name)}
            result.append({**outputs, **masks})
    return result


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(70, 76))
def test_p4_results_are_bit_identical_whatever_the_grain(seed: int, level: str):
    network = random_skip(seed, tolerance=0.08, frame_threshold=0.05)
    expected = record(network, level=level)
    for way in WAYS:
        for frame, (ours, theirs) in enumerate(zip(record(network, level=level, **way), expected, strict=True)):
            for name, value in theirs.items():
                np.testing.assert_array_equal(ours[name], value, err_msg=f"seed {seed}, frame {frame}, {way}, {name}")


@pytest.mark.skipif(not BF16, reason="this CPU, system or build has no bf16 kernel")
@pytest.mark.parametrize("kernel", BF16)
@pytest.mark.parametrize("seed", range(70, 74))
def test_p4_holds_in_bf16(seed: int, kernel: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDGESKIP_BF16_KERNEL", kernel)
    network = random_skip(seed, tolerance=0.08, frame_threshold=0.05)
    expected = record(network, precision="bf16")
    for way in WAYS:
        for frame, (ours, theirs) in enumerate(zip(record(network, precision="bf16", **way), expected, strict=True)):
            for name, value in theirs.items():
                np.testing.assert_array_equal(ours[name], value, err_msg=f"seed {seed}, frame {frame}, {way}, {name}")


@pytest.mark.parametrize("seed", range(80, 84))
def test_p6_two_cameras_give_what_each_gives_alone(seed: int):
    network = random_skip(seed, tolerance=0.08)
    first, second = list(network.video(8)), list(network.video(16))[8:]
    alone = []
    for video in (first, second):
        with BACKEND.create_runner(network.model) as runner:
            alone.append([runner.infer(picture).outputs for picture in video])
    with BACKEND.create_runner(network.model, streams=2) as runner:
        for frame, pictures in enumerate(zip(first, second, strict=True)):
            if frame == 5:
                runner.reset(1)
            together = runner.infer(np.concatenate(pictures)).outputs
            for name, value in together.items():
                np.testing.assert_array_equal(value[0], alone[0][frame][name][0], err_msg=f"seed {seed}, {name}")
                if frame < 5:
                    np.testing.assert_array_equal(value[1], alone[1][frame][name][0], err_msg=f"seed {seed}, {name}")


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
@pytest.mark.parametrize("seed", range(90, 96))
def test_the_engine_skips_what_onnx_runtime_skips_in_the_same_file(seed: int, norm: str):
    network = random_skip(seed, tolerance=0.07, frame_threshold=0.04, norm=norm)
    model = network.model
    with BACKEND.create_runner(model) as engine, OnnxRuntimeBackend().create_runner(model) as stock:
        for frame, picture in enumerate(network.video(8)):
            ours, theirs = engine.infer(picture), stock.infer(picture)
            for name, value in theirs.outputs.items():
                np.testing.assert_allclose(
                    ours.outputs[name], value, rtol=1e-4, atol=1e-4, err_msg=f"seed {seed}, frame {frame}, {name}"
                )
            for layer in engine.layers:
                if layer.op == "SkipConv":
                    np.testing.assert_array_equal(
                        engine.mask(layer.tensor), stock.mask(layer.tensor),
                        err_msg=f"seed {seed}, frame {frame}, mask of {layer.tensor}",
                    )  # fmt: skip
                    assert ours.active_pixels[layer.name] == theirs.active_pixels[layer.name]
