"""The gated network on the tuning clips: metric and MACs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from edgeskip.nn import mac_statistics, reset_statistics, run_clip
from edgeskip.training.data import Batch
from edgeskip.training.progress import Evaluation
from edgeskip.training.step import Teacher, noiseless


class Evaluator:
    """Evaluates as often as asked; the dense network's outputs are computed once and kept.

    A tuning clip is taken whole, however long: its first frame is the only reference, as in use.

    Args:
        metric: makes a fresh metric: `update(outputs, targets, teacher)` per batch, then `compute()`.
    """

    def __init__(
        self, batches: Callable[[], Iterable[Batch]], metric: Callable[[], Any], teacher: Teacher | None
    ) -> None:
        self._batches, self._metric, self._teacher = batches, metric, teacher
        self._dense: list[Any] = []

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> Evaluation:
        """Metric and MAC fraction of `model`."""
        metric = self._metric()
        totals = [0.0, 0.0]
        for number, batch in enumerate(self._batches()):
            reset_statistics(model)
            with noiseless(model):
                outputs = run_clip(model, batch.clip)
            report = mac_statistics(model)
            weight = report.frames * len(batch.clip)
            totals = [totals[0] + weight * report.active, totals[1] + weight * report.dense]
            metric.update(outputs, batch.targets, self._dense_outputs(number, batch))
        return Evaluation(metric.compute(), totals[0] / totals[1])

    def _dense_outputs(self, number: int, batch: Batch) -> Any:
        if self._teacher is None:
            return None
        if number == len(self._dense):
            self._dense.append(self._teacher(batch.clip))
        return self._dense[number]
