"""One stream through a skip model: prepare, run, decode, and now and then the dense network beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgeskip.backends.base import FrameResult, Runner
from edgeskip.core.contract import Preparation
from edgeskip.core.placement import Placement
from edgeskip.demos.activity import Activity, Stage
from edgeskip.evaluate.agreement import Comparison
from edgeskip.tasks.base import Decoder, Result
from edgeskip.video import prepare

DenseNetwork = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class DemoFrame:
    """What one picture gave.

    `frame_ms` is the skip network from the camera's picture to its outputs; `pipeline_ms` adds decoding; `dense_ms`
    is the dense network on this very picture, preparing included, None on frames where it did not run.
    `agreement` is that of all frames so far on which it did (see edgeskip.evaluate.agreement), None before the first.
    """

    index: int
    picture: np.ndarray
    result: Result
    cost: FrameResult
    stages: list[Stage]
    frame_ms: float
    pipeline_ms: float
    dense_ms: float | None = None
    agreement: float | None = None


class Session:
    """Runs pictures of one camera through an active `runner`."""

    def __init__(
        self,
        runner: Runner,
        decoder: Decoder,
        preparation: Preparation,
        dense: DenseNetwork | None = None,
        dense_every: int = 15,
        heats: bool = True,
    ) -> None:
        """`dense`: runs the dense network on a prepared picture; called on every `dense_every`-th one.
        `heats`: whether the frames tell where each stage computed, which only a picture needs."""
        self._heats = heats
        self.decoder = decoder
        self.preparation = preparation
        self._runner = runner
        self._activity = Activity(runner)
        self._dense = dense
        self._dense_every = max(1, dense_every)
        self._comparison = Comparison(decoder)
        self._count = 0

    def step(self, picture: np.ndarray, index: int = 0) -> DemoFrame:
        """Run one BGR picture. Raises InputError on one the network can't read."""
        started = time.perf_counter()
        placement = Placement.of((picture.shape[1], picture.shape[0]), self.preparation)
        if self._runner.prepares_pictures:
            cost = self._runner.infer_picture(picture)
        else:
            cost = self._runner.infer(prepare(picture, self.preparation)[0])
        inferred = time.perf_counter()
        result = self.decoder.decode(cost.outputs, placement)
        ended = time.perf_counter()
        stages = self._activity.read(cost, self._heats)
        dense_ms = self._run_dense(picture, placement, cost)
        agreement = self._comparison.agreement
        frame_ms, pipeline_ms = 1e3 * (inferred - started), 1e3 * (ended - started)
        return DemoFrame(index, picture, result, cost, stages, frame_ms, pipeline_ms, dense_ms, agreement)

    def _run_dense(self, picture: np.ndarray, placement: Placement, cost: FrameResult) -> float | None:
        """Time of the dense network on this picture in ms, None where it is not this picture's turn."""
        self._count += 1
        # the first picture is computed whole by the skip network too: the second is the first to be compared
        if self._dense is None or (self._count - 2) % self._dense_every:
            return None
        if self._count == 2:
            self._dense(prepare(picture, self.preparation)[0])  # warm-up
        started = time.perf_counter()
        outputs = self._dense(prepare(picture, self.preparation)[0])
        elapsed = 1e3 * (time.perf_counter() - started)
        self._comparison.add(outputs, cost.outputs, placement)
        return elapsed
