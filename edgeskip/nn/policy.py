"""Which convolutions get a gate, and which gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from edgeskip.core.errors import ModelError
from edgeskip.nn.gates import Gate, create_gate

KINDS = ("pointwise", "depthwise", "grouped", "spatial")
SHARED = ("error", "per_call", "dense")


@dataclass(frozen=True)
class Policy:
    """One rule of `convert`; of several, the first that takes a convolution decides on it.

    `gate`, `options`: the gate's name and arguments (`create_gate`). `mode`: "refresh" or "residual". `include`,
    `exclude`: patterns (`fnmatch`) on the module's name. `kinds`: "pointwise" (1x1), "depthwise" (a group per input
    channel), "grouped", "spatial" (the rest). `minimum_weights`: smallest size of the weight. `minimum_macs`:
    smallest cost per frame; needs an example. `shared`: what to do with a convolution that a frame passes more than
    once: "error", "dense" (leave it), or "per_call" (a state per use, by the order of the calls; needs an example).

    Raises:
        ModelError: an unknown kind or way with shared convolutions.
    """

    gate: str = "norm"
    options: Mapping[str, Any] = field(default_factory=dict)
    mode: str = "refresh"
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS
    minimum_weights: int = 0
    minimum_macs: int = 0
    shared: str = "error"

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise ModelError(f"policy: unknown kind {unknown[0]!r}", hint=f"kinds: {', '.join(KINDS)}")
        if self.shared not in SHARED:
            raise ModelError(f"policy: shared={self.shared!r}", hint=f"one of {', '.join(SHARED)}")

    def create_gate(self) -> Gate:
        """A gate for one layer."""
        return create_gate(self.gate, **self.options)

    def names(self, name: str) -> bool:
        """Whether the patterns take a layer of this name."""
        included = any(fnmatchcase(name, pattern) for pattern in self.include)
        return included and not any(fnmatchcase(name, pattern) for pattern in self.exclude)

    def takes(self, name: str, conv: nn.Conv2d, macs: int | None) -> bool:
        """Whether this rule takes the convolution; `macs` per frame, None if not known."""
        if self.minimum_macs and macs is None:
            raise ModelError("policy: minimum_macs needs an example input", hint="convert(..., example=tensor)")
        large = conv.weight.numel() >= self.minimum_weights and (macs or 0) >= self.minimum_macs
        return large and self.names(name) and kind_of(conv) in self.kinds


def kind_of(conv: nn.Conv2d) -> str:
    """One of KINDS."""
    if conv.groups > 1:
        return "depthwise" if conv.groups == conv.in_channels else "grouped"
    return "pointwise" if conv.kernel_size == (1, 1) else "spatial"


def check_patterns(policies: list[Policy], names: list[str]) -> None:
    """Raise ModelError for a pattern that names no convolution: most likely a slip of the pen."""
    for pattern in (pattern for policy in policies for pattern in (*policy.include, *policy.exclude)):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ModelError(
                f"policy: no convolution is called {pattern!r}",
                hint="names are those of model.named_modules(); * stands for anything",
            )
