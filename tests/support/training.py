"""A dense network, clips and configurations for the tests of edgeskip.training; named by import path in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from support.torch_clips import small_network, torch

HERE = "support.training"
SIZE = (24, 32)


def network(seed: int = 0) -> torch.nn.Module:
    """The dense network, [N, 3, H, W] to [N, 4, h, w]."""
    return small_network(seed)


class MovingPatch:
    """Clips [T, 3, 24, 32]: a patch moves over a still background with a little noise."""

    def __init__(self, count: int = 8, frames: int = 4, seed: int = 0, noise: float = 0.02) -> None:
        self.count, self.frames, self.seed, self.noise = count, frames, seed, noise

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        generator = np.random.default_rng([self.seed, index])
        clip = np.repeat(generator.normal(0, 1, (1, 3, *SIZE)).astype(np.float32), self.frames, 0)
        row, column = generator.integers(0, 12, 2)
        patch = generator.normal(0, 1.5, (3, 8, 10)).astype(np.float32)
        for t in range(self.frames):
            clip[t, :, row : row + 8, column + 2 * t : column + 2 * t + 10] += patch
        return clip + generator.normal(0, self.noise, clip.shape).astype(np.float32)


class LabelledClips(MovingPatch):
    """The same with a target per frame: its mean [T]."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        clip = super().__getitem__(index)
        return clip, clip.mean((1, 2, 3))


def mean_loss(outputs: torch.Tensor, targets: tuple[torch.Tensor, ...], teacher: Any) -> torch.Tensor:
    """A loss of labels."""
    assert teacher is None
    return (outputs.mean((2, 3, 4)) - targets[0]).square().mean()


def broken_loss(outputs: torch.Tensor, targets: tuple[torch.Tensor, ...], teacher: Any) -> torch.Tensor:
    """A loss that is not a number."""
    return outputs.sum() * float("nan")


def mean_metric(outputs: torch.Tensor, targets: tuple[torch.Tensor, ...], teacher: Any) -> float:
    """A metric of labels."""
    return -float(mean_loss(outputs, targets, teacher))


def configuration(**changes: Any) -> dict[str, Any]:
    """Plain values of a small training; `changes` go into [training]."""
    return {
        "model": {"factory": f"{HERE}:network"},
        "gates": [{"gate": "gumbel", "options": {"change": "magnitude", "initial_bias": 1.0}}],
        "data": {
            "dataset": f"{HERE}:MovingPatch", "options": {"count": 12}, "tuning_options": {"count": 6, "seed": 1},
            "window": 4,
        },
        "training": {"budget": 0.5, "steps": 12, "batch": 2, "evaluate_every": 4, "log_every": 2, **changes},
    }  # fmt: skip


def write_configuration(folder: Path, record: dict[str, Any]) -> Path:
    """`record` as a JSON file in `folder`."""
    path = folder / "gates.json"
    path.write_text(json.dumps(record))
    return path


__all__ = ["torch"]
