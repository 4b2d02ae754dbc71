"""One stream of the demo: what is timed, when the dense network runs, and what the summary says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edgeskip.backends.base import FrameResult, LayerInfo
from edgeskip.core.contract import Preparation, Task
from edgeskip.core.picture import input_of
from edgeskip.demos.session import Session
from edgeskip.demos.tally import Tally
from edgeskip.tasks import create_decoder

PREPARATION = Preparation((16, 8))


class FakeRunner:
    """A network of one layer that halves its input; computes a quarter of it after the first frame."""

    def __init__(self, prepares_pictures: bool = False) -> None:
        self.prepares_pictures = prepares_pictures
        self.seen: list[np.ndarray] = []
        self.model = SimpleNamespace(
            graph=SimpleNamespace(nodes=[]),
            metadata=SimpleNamespace(masks={}),
            frame_inputs=["x"],
            frame_shape=lambda name: (1, 3, 8, 16),
        )
        self.layers = [LayerInfo("c", "SkipConv", "c", (1, 3, 8, 16), 1280, 128)]

    def infer(self, array: np.ndarray) -> FrameResult:
        self.seen.append(array)
        pixels = 128 if len(self.seen) == 1 else 32
        return FrameResult({"y": array / 2}, 10 * pixels, 1280, {"c": pixels})

    def infer_picture(self, picture: np.ndarray) -> FrameResult:
        return self.infer(input_of(picture, PREPARATION))


def run(frames: int, dense=None, every: int = 4, prepares_pictures: bool = False):
    session = Session(
        FakeRunner(prepares_pictures), create_decoder(Task(), PREPARATION), PREPARATION, dense, every
    )  # fmt: skip
    generator = np.random.default_rng(7)
    pictures = generator.integers(0, 255, (frames, 8, 16, 3), np.uint8)
    return [session.step(picture, index) for index, picture in enumerate(pictures)]


def test_dense_network_runs_on_every_kth_frame_after_the_first() -> None:
    calls = []

    def dense(array: np.ndarray) -> dict[str, np.ndarray]:
        calls.append(array)
        return {"y": array / 2}

    shown = run(10, dense, 4)
    compared = [frame.index for frame in shown if frame.dense_ms is not None]
    assert compared == [1, 5, 9]
    assert len(calls) == 4, "and once before, to warm up"
    assert [frame.agreement for frame in shown][:2] == [None, 1.0]


def test_pictures_go_straight_into_a_runner_that_prepares_them() -> None:
    shown = run(6, lambda array: {"y": array / 2}, 2, prepares_pictures=True)
    assert shown[-1].agreement == 1.0
    for ours, theirs in zip(shown, run(6), strict=True):
        np.testing.assert_array_equal(ours.cost.outputs["y"], theirs.cost.outputs["y"])


def test_disagreement_is_counted() -> None:
    shown = run(3, lambda array: {"y": array}, 1)
    assert shown[-1].agreement == pytest.approx(0.5)


def test_without_a_dense_network_nothing_is_compared() -> None:
    shown = run(4)
    assert all(frame.dense_ms is None and frame.agreement is None for frame in shown)


def test_tally_leaves_the_first_frame_out() -> None:
    tally = Tally()
    for frame in run(9, lambda array: {"y": array / 2}, 3):
        tally.add(frame)
    assert tally.active_mac_fraction == pytest.approx(0.25)
    assert [stage.active_mac_fraction for stage in tally.stages] == pytest.approx([0.25])
    record = tally.summary()
    assert record["frames"] == 9
    assert record["onnxruntime"]["frames"] == 3
    assert record["speedup"] > 0
    assert record["agreement"] == 1.0
    assert record["edgeskip"]["ms_median"] <= record["edgeskip"]["ms_p95"]


def test_tally_of_a_single_frame_has_figures() -> None:
    tally = Tally()
    tally.add(run(1)[0])
    record = tally.summary()
    assert record["active_mac_fraction"] == 1.0
    assert record["onnxruntime"] is None
    assert record["speedup"] is None
    assert tally.frame_ms > 0
    assert tally.fps > 0


def test_tally_of_nothing_says_so() -> None:
    assert Tally().summary() == {"frames": 0}
