"""Robust statistics of measured times: a machine that does other things too must not move them.

Half-sample mode: Bickel and Fruehwirth, "On a fast, robust estimator of the mode", 2006.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Statistics:
    """Statistics of `count` samples, in the samples' unit.

    `spread` is the median absolute deviation from the median, `mode` the half-sample mode: the
    time that the machine takes when nothing disturbs it.
    """

    count: int
    median: float
    p95: float
    minimum: float
    spread: float
    mode: float
    maximum: float = float("nan")

    @classmethod
    def of(cls, samples: Iterable[float]) -> Statistics:
        """Statistics of at least one sample. Raises ValueError on none, or on one that is not finite."""
        values = np.sort(np.fromiter(samples, np.float64))
        if not len(values) or not np.isfinite(values).all():
            raise ValueError(f"statistics need finite samples, at least one: {values}")
        median = float(np.median(values))
        return cls(
            count=len(values),
            median=median,
            p95=float(np.percentile(values, 95)),
            minimum=float(values[0]),
            spread=float(np.median(np.abs(values - median))),
            mode=half_sample_mode(values),
            maximum=float(values[-1]),
        )

    def record(self, suffix: str, digits: int = 4) -> dict[str, float]:
        """For JSON: keys like "ms_median" where `suffix` is "ms"."""
        names = ("median", "p95", "minimum", "spread", "mode")
        return {f"{suffix}_{name}": round(getattr(self, name), digits) for name in names}


def half_sample_mode(values: np.ndarray) -> float:
    """Mode of sorted `values`: halve to the narrowest half, again and again, until two or three are left."""
    while len(values) > 3:
        half = (len(values) + 1) // 2
        widths = values[half - 1 :] - values[: len(values) - half + 1]
        start = int(widths.argmin())
        values = values[start : start + half]
    if len(values) == 3:
        left, right = values[1] - values[0], values[2] - values[1]
        if left == right:
            return float(values[1])
        values = values[:2] if left < right else values[1:]
    return float(values.mean())
