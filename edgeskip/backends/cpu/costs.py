"""What a frame cost, from the engine's counters: whole arrays at once, names only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from edgeskip.backends.base import FrameResult
from edgeskip.backends.cpu.plan import CpuPlan


class LayerCounts(Mapping[str, int]):
    """Layer name to a count; the dict is built on first use."""

    def __init__(self, names: list[str], counts: np.ndarray) -> None:
        self._names = names
        self._array = counts

    @cached_property
    def _counts(self) -> dict[str, int]:
        return dict(zip(self._names, self._array.tolist(), strict=True))

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        return repr(self._counts)


class Costs:
    """The convolutions of a plan: in the engine by their op, in a dense segment by whether it ran.

    `gates`: layers that only decide; what they cost is counted, the dense network does without them.
    """

    def __init__(self, plan: CpuPlan, streams: int, gates: frozenset[str] = frozenset()) -> None:
        costs = plan.costs
        self._names = [cost.layer for cost in costs]
        self._macs = np.array([cost.macs for cost in costs], np.int64)
        self._pixels = np.array([max(cost.pixels, 1) for cost in costs], np.int64)
        self._ops = np.array([-1 if cost.op is None else cost.op for cost in costs], np.intp)
        self._in_segments = [(i, cost.segment) for i, cost in enumerate(costs) if cost.segment is not None]
        self._dense = sum(cost.macs for cost in costs if cost.layer not in gates) * streams

    def result(self, outputs: dict[str, np.ndarray], counts: np.ndarray, ran: list[list[bool]]) -> FrameResult:
        """A frame's result.

        Args:
            counts: int64 [ops], pixels that each native op computed, over all streams.
            ran: per stream, whether each segment ran.
        """
        active = counts[self._ops] if len(counts) else np.zeros(len(self._ops), np.int64)
        for index, segment in self._in_segments:
            active[index] = self._pixels[index] * sum(stream[segment] for stream in ran)
        macs = int((self._macs * active // self._pixels).sum())
        return FrameResult(outputs, macs, self._dense, LayerCounts(self._names, active))
