"""What a training reports: while it runs, at its evaluations, and in the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Evaluation:
    """On the tuning clips, without noise: the metric (higher is better) and needed / dense MACs, gates included."""

    metric: float
    mac_fraction: float


@dataclass(frozen=True)
class Progress:
    """One step. `mac_fraction`: of the latest measurement on training clips; `evaluation`: where one was made."""

    step: int
    steps: int
    loss: float
    task_loss: float
    gate_loss: float
    price: float
    temperature: float
    rate: float
    mac_fraction: float
    target: float
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class Point:
    """One position of the knob that opens or closes all gates alike, and what comes of it."""

    knob: float
    evaluation: Evaluation


@dataclass(frozen=True)
class Fit:
    """The knob's position that keeps the budget, and the curve of all that were tried."""

    knob: float
    evaluation: Evaluation
    curve: tuple[Point, ...]


@dataclass(frozen=True)
class Result:
    """What a training left. `weights`: the best checkpoint, `evaluation` its figures; `dense_macs` per frame."""

    folder: Path
    weights: Path
    steps: int
    budget: float
    evaluation: Evaluation
    dense_macs: float
    best_step: int
    curve: tuple[Point, ...] = ()
