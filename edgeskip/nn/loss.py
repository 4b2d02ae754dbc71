"""The price of computing: expected multiply-accumulates of the gated frames, with gradient."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from edgeskip.core.errors import ModelError
from edgeskip.nn.skip_conv import SkipConv2d
from edgeskip.nn.state import skip_layers


def gate_loss(model: nn.Module, weights: Mapping[str, float] | None = None) -> Tensor:
    """Expected MACs / dense MACs of the gated frames since `reset_statistics`: a scalar, 0 to about 1.

    Each layer counts by its MACs (Habibian et al., CVPR 2021, section 3.3), times the weight of the first pattern in
    `weights` that its name matches (1 if none). For a gate that watches the output the expectation is of the pixels
    that it publishes: they are what the layers behind it have to compute. Call `reset_statistics` before each step.

    Raises:
        ModelError: no gated frame since then.
    """
    expected, dense = [], 0.0
    for name, layer in skip_layers(model).items():
        weight = _weight(name, weights or {})
        amount, pixels = _amounts(layer)
        expected += [weight * layer.macs_per_pixel * value for value in amount]
        dense += weight * layer.macs_per_pixel * pixels
    if not dense:
        raise ModelError("no gated frame to take the loss of", hint="run clips of at least two frames first")
    return torch.stack(expected).sum() / dense


def _amounts(layer: SkipConv2d) -> tuple[list[Tensor], float]:
    """Expected pixels per site, summed over streams and frames, and what a dense layer would compute."""
    records = [site.record for site in layer.sites if site.record.amount is not None]
    pixels = sum(record.pixels * record.frames * len(record.amount) for record in records)
    return [record.amount.sum() for record in records], float(pixels)


def _weight(name: str, weights: Mapping[str, float]) -> float:
    return next((weight for pattern, weight in weights.items() if fnmatchcase(name, pattern)), 1.0)
