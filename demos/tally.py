"""Figures of a run so far: medians over the last frames for display, over all frames for the summary."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any

from edgeskip.demos.session import DemoFrame

_RECENT = 60


@dataclass(frozen=True)
class StageShare:
    """Share of the MACs computed at one resolution: `reduction` input pixels per pixel of its maps."""

    reduction: int
    active_mac_fraction: float
    dense_macs: float


class Tally:
    """Takes every frame of a run. The first frame computes everything and is left out of the times."""

    def __init__(self) -> None:
        self.frames = 0
        self.stages: list[StageShare] = []
        self.agreement: float | None = None
        self._frame_ms: list[float] = []
        self._pipeline_ms: list[float] = []
        self._dense_ms: list[float] = []
        self._compared_ms: list[float] = []
        self._fractions: list[float] = []
        self._recent: deque[list[float]] = deque(maxlen=_RECENT)

    def add(self, frame: DemoFrame) -> None:
        """Count `frame`."""
        self.frames += 1
        if self.frames == 1:
            self._first = frame
        else:
            self._frame_ms.append(frame.frame_ms)
            self._pipeline_ms.append(frame.pipeline_ms)
            self._fractions.append(frame.cost.active_mac_fraction)
            self._recent.append([stage.active_macs for stage in frame.stages])
        if frame.dense_ms is not None:
            self._dense_ms.append(frame.dense_ms)
            self._compared_ms.append(frame.frame_ms)
        self.stages = self._stages(frame)
        self.agreement = frame.agreement

    def _stages(self, frame: DemoFrame) -> list[StageShare]:
        """Mean share of each resolution over the last frames."""
        rows = self._recent or [[stage.active_macs for stage in frame.stages]]
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        return [
            StageShare(stage.reduction, active / stage.dense_macs if stage.dense_macs else 0.0, stage.dense_macs)
            for stage, active in zip(frame.stages, means, strict=True)
        ]

    @property
    def frame_ms(self) -> float:
        """Median time of the skip network over the last frames."""
        return median(self._frame_ms[-_RECENT:]) if self._frame_ms else self._first.frame_ms

    @property
    def fps(self) -> float:
        """Frames per second of preparing, network and decoding; without reading, drawing and the dense runs."""
        recent = self._pipeline_ms[-_RECENT:] or [self._first.pipeline_ms]
        return 1e3 / max(1e-6, median(recent))

    @property
    def dense_ms(self) -> float | None:
        """Median time of the dense network over the last frames on which it ran."""
        return median(self._dense_ms[-_RECENT:]) if self._dense_ms else None

    @property
    def speedup(self) -> float | None:
        """Median over the compared frames of dense time / skip time, both on the same picture."""
        pairs = list(zip(self._dense_ms, self._compared_ms, strict=True))[-_RECENT:]
        return median(dense / skip for dense, skip in pairs) if pairs else None

    @property
    def active_mac_fraction(self) -> float:
        """Mean over all frames but the first."""
        if self._fractions:
            return sum(self._fractions) / len(self._fractions)
        return self._first.cost.active_mac_fraction

    def summary(self) -> dict[str, Any]:
        """The figures of the whole run, for a table or JSON."""
        if not self.frames:
            return {"frames": 0}
        times = sorted(self._frame_ms) or [self._first.frame_ms]
        dense = {"ms_median": median(self._dense_ms), "frames": len(self._dense_ms)} if self._dense_ms else None
        pairs = zip(self._dense_ms, self._compared_ms, strict=True)
        return {
            "frames": self.frames,
            "active_mac_fraction": self.active_mac_fraction,
            "edgeskip": {"ms_median": median(times), "ms_p95": times[min(len(times) - 1, int(0.95 * len(times)))]},
            "fps": 1e3 / max(1e-6, median(self._pipeline_ms or [self._first.pipeline_ms])),
            "onnxruntime": dense,
            "speedup": median(slow / fast for slow, fast in pairs) if self._dense_ms else None,
            "agreement": self.agreement,
            "stages": [
                {"reduction": stage.reduction, "active_mac_fraction": stage.active_mac_fraction}
                for stage in self.stages
            ],
        }
