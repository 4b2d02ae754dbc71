"""A trained network with wider layers that computes the same: what its gates would save at the width that users run.

Chen, Goodfellow, Shlens, Net2Net: Accelerating Learning via Knowledge Transfer (ICLR 2016): a channel is copied, and
whoever reads it gives each copy its share of the weight. Maps, and with them means over channels and masks, stay as
they are; MACs grow by the square of the factor where input and output are both wider.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from edgeskip.nn import GumbelGate, SkipConv2d

# HRNet then has the channels of HRNet-w32, EfficientDet's BiFPN and heads those of EfficientDet-D0
WIDER = 2


def widened(network: nn.Module, factor: int, outputs: Iterable[str], pictures: int = 3) -> nn.Module:
    """A copy of `network` with every channel `factor` times, but those of its picture and of its outputs.

    Args:
        outputs: patterns of the convolutions that write the network's outputs, depthwise ones apart.
        pictures: channels of the input; convolutions that read as many are taken to read the picture.
    """
    network = copy.deepcopy(network)
    last = [name for name, _ in network.named_modules() if any(fnmatchcase(name, pattern) for pattern in outputs)]
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            _widen(module, 1 if module.in_channels == pictures else factor, 1 if name in last else factor)
        elif isinstance(module, nn.BatchNorm2d):
            _widen_norm(module, factor)
    return network


@torch.no_grad()
def _widen(conv: nn.Conv2d, read: int, written: int) -> None:
    if conv.groups == conv.in_channels > 1:
        written = read
        conv.groups *= read
        conv.weight = nn.Parameter(_copied(conv.weight, written))
    else:
        conv.weight = nn.Parameter(_copied(_shared(conv.weight, read), written))
    if conv.bias is not None:
        conv.bias = nn.Parameter(_copied(conv.bias, written))
    conv.in_channels, conv.out_channels = conv.in_channels * read, conv.out_channels * written
    if isinstance(conv, SkipConv2d) and isinstance(conv.gate, GumbelGate):
        conv.gate.weight = nn.Parameter(_shared(conv.gate.weight, read))


def _widen_norm(norm: nn.BatchNorm2d, factor: int) -> None:
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(_copied(getattr(norm, name).detach(), factor)))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, _copied(getattr(norm, name), factor))
    norm.num_features *= factor


def _copied(values: Tensor, factor: int) -> Tensor:
    """Each entry of the first dimension `factor` times, one beside the other: so that concatenations stay in order."""
    return values.repeat_interleave(factor, 0)


def _shared(weight: Tensor, factor: int) -> Tensor:
    """Each input channel's weight in `factor` parts."""
    return weight.repeat_interleave(factor, 1) / factor
