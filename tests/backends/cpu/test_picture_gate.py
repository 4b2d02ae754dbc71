"""Camera pictures at a frame gate, which keeps their bytes and sifts them first, against the same values as arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from support.networks import random_network

from edgeskip.backends.base import FrameResult, Runner
from edgeskip.backends.cpu.loader import CpuBackend
from edgeskip.core.contract import Preparation
from edgeskip.core.picture import input_of
from edgeskip.graph.onnx_io import graph_from_proto
from edgeskip.graph.passes.pipeline import simplify
from edgeskip.graph.passes.place_gates import GateOptions, place_gates
from edgeskip.graph.skip_model import SkipModel

WIDTH, HEIGHT = 120, 64
STEP = 1 / 57
LARGE, WIDE = (180, 96), (150, 50)  # pictures of another shape, too: the letterbox pads them below


def gated_model(norm: str) -> tuple[SkipModel, Preparation]:
    """A network whose frame gate has a window of 5 and both thresholds, in steps of the picture."""
    proto = onnx.shape_inference.infer_shapes(random_network(5, height=HEIGHT, width=WIDTH, blocks=3), data_prop=True)
    graph = simplify(graph_from_proto(proto, "pictures"))
    preparation = Preparation((WIDTH, HEIGHT), "RGB", mean=(104.0, 117.0, 123.0), scale=(STEP, 1 / 58, 1 / 59))
    options = GateOptions(
        tolerance=0.05, frame_threshold=3.0, frame_window=5, norm=norm,
        scales={name: 1.0 for node in graph.nodes for name in node.outputs},
        preparations={graph.inputs[0]: preparation},
    )  # fmt: skip
    return place_gates(graph, options), preparation


class Scene:
    """Sensor noise over a still picture in which a patch moves."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.backgrounds = {size: self.background(size) for size in ((WIDTH, HEIGHT), LARGE, WIDE)}

    def background(self, size: tuple[int, int]) -> np.ndarray:
        return self.rng.integers(30, 220, (size[1], size[0], 3)).astype(np.int16)

    def picture(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        picture = self.backgrounds[size] + self.rng.integers(-2, 3, (size[1], size[0], 3))
        picture[10:22, 3 * frame % 80 : 3 * frame % 80 + 15] += 40
        # about what the gate lets pass
        picture[-20:, -30:] += self.rng.integers(-4, 5)
        return np.clip(picture, 0, 255).astype(np.uint8)


def video(seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """30 frames: how each is shown, and its picture."""
    scene = Scene(seed)
    for frame in range(30):
        size = LARGE if 12 <= frame < 16 else WIDE if 16 <= frame < 19 else (WIDTH, HEIGHT)
        if frame == 6:
            scene.backgrounds[size] = scene.background(size)
        how = "array" if frame in (9, 10, 17, 22) else "picture"
        if frame == 26:
            how = "reset"
        picture = scene.picture(frame, size)
        # as it was before a cut that only the array showed
        if frame == 22:
            picture = 255 - picture
        yield how, picture


def show(runner: Runner, pictures: list[np.ndarray], preparation: Preparation, as_pictures: bool) -> FrameResult:
    if as_pictures:
        return runner.infer_picture(pictures)
    return runner.infer(np.concatenate([input_of(picture, preparation) for picture in pictures]))


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
@pytest.mark.parametrize("threads", [1, 2])
def test_pictures_open_the_pixels_that_their_values_open(norm: str, threads: int):
    model, preparation = gated_model(norm)
    create = CpuBackend().create_runner
    shares = []
    with create(model, streams=2, threads=threads) as runner, create(model, streams=2, threads=threads) as plain:
        for frame, shown in enumerate(zip(video(1), video(2), strict=True)):
            how, pictures = shown[0][0], [picture for _, picture in shown]
            if how == "reset":
                runner.reset()
                plain.reset()
            ours = show(runner, pictures, preparation, how != "array")
            expected = show(plain, pictures, preparation, False)
            assert dict(ours.active_pixels) == dict(expected.active_pixels), f"frame {frame}"
            for name, value in expected.outputs.items():
                np.testing.assert_array_equal(ours.outputs[name], value, f"frame {frame}, {name}")
            shares.append(ours.active_macs / ours.dense_macs)
    assert min(shares) < 0.5, "the video shows stillness"
    assert sum(share == 1 for share in shares) >= 2, "the video shows cuts"
