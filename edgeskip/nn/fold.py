"""Batch norms folded into the convolution before them, and dense checkpoints that still hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# timm's batch norms with an activation inside; named, because timm is not imported here
WITH_ACTIVATION = ("BatchNormAct2d", "SyncBatchNormAct")


class FoldedBatchNorm(nn.Module):
    """What is left where a batch norm was folded: nothing, or the activation that it held."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        if type(norm).__name__ in WITH_ACTIVATION:
            self.drop, self.act = norm.drop, norm.act

    def forward(self, x: Tensor) -> Tensor:
        """The activation alone."""
        return self.act(self.drop(x)) if hasattr(self, "act") else x

    def _load_from_state_dict(self, *ignored: Any) -> None:
        """Nothing: the convolution has taken the parameters that a dense checkpoint holds here."""


def can_fold(norm: nn.Module) -> bool:
    """Whether it is a batch norm with running statistics, of a class that does nothing but what is known here."""
    known = type(norm) in (nn.BatchNorm2d, nn.SyncBatchNorm) or type(norm).__name__ in WITH_ACTIVATION
    return known and getattr(norm, "running_var", None) is not None


def fold(model: nn.Module, conv_name: str, norm_name: str) -> FoldedBatchNorm:
    """Put a batch norm into weight and bias of a convolution of `model`, and return what takes its place.

    From here on a dense checkpoint is folded while it is loaded.
    """
    conv, norm = model.get_submodule(conv_name), model.get_submodule(norm_name)
    weight, bias = _folded(conv.weight, conv.bias, norm.state_dict(), norm.eps)
    with torch.no_grad():
        conv.weight.copy_(weight)
        if conv.bias is None:
            conv.bias = nn.Parameter(bias.to(conv.weight))
        else:
            conv.bias.copy_(bias)
    parent, conv_name, norm_name = _parent(conv_name, norm_name)
    # the state dict of a child holds nothing of its siblings, so the nearest common parent folds
    model.get_submodule(parent)._register_load_state_dict_pre_hook(FoldOnLoad(conv_name, norm_name, norm.eps))
    return FoldedBatchNorm(norm)


@dataclass(frozen=True)
class FoldOnLoad:
    """Folds a batch norm that a checkpoint still has, before the checkpoint is loaded; names are the parent's."""

    conv: str
    norm: str
    eps: float

    def __call__(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Change the entries of the convolution in `state_dict`."""
        conv, norm = f"{prefix}{self.conv}.", f"{prefix}{self.norm}."
        if norm + "running_var" not in state_dict or conv + "weight" not in state_dict:
            return
        values = {key.removeprefix(norm): value for key, value in state_dict.items() if key.startswith(norm)}
        weight, bias = state_dict[conv + "weight"], state_dict.get(conv + "bias")
        if len(weight) == len(values["running_var"]):
            state_dict[conv + "weight"], state_dict[conv + "bias"] = _folded(weight, bias, values, self.eps)


def _parent(conv: str, norm: str) -> tuple[str, str, str]:
    """Name of the nearest common parent, and both names within it."""
    parts, others, parents = conv.split("."), norm.split("."), []
    while len(parts) > 1 and len(others) > 1 and parts[0] == others[0]:
        parents.append(parts.pop(0))
        others.pop(0)
    return ".".join(parents), ".".join(parts), ".".join(others)


def _folded(weight: Tensor, bias: Tensor | None, norm: Mapping[str, Tensor], eps: float) -> tuple[Tensor, Tensor]:
    mean, variance = norm["running_mean"].double(), norm["running_var"].double()
    factor = (variance + eps).rsqrt()
    if "weight" in norm:
        factor = factor * norm["weight"].double()
    shift = -mean if bias is None else bias.detach().double() - mean
    offset = shift * factor + (norm["bias"].double() if "bias" in norm else 0.0)
    return (weight.detach().double() * factor.view(-1, 1, 1, 1)).to(weight.dtype), offset.to(weight.dtype)
