"""What a family of ops offers to the planner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.graph.ir import Node

NO_ALPHA = np.zeros(0, np.float32)
# a node's outputs that are views of its input: output -> (input, first channel)
Views = dict[str, tuple[str, int]]


def no_views(node: Node, facts: Facts) -> Views:
    """The views of most ops."""
    return {}


@dataclass(frozen=True)
class Lowering:
    """`supports`: the reason against, or None. `lower`: add native ops. `views`: outputs that need no op."""

    supports: Callable[[Node, Facts], str | None]
    lower: Callable[[Node, Builder], None]
    views: Callable[[Node, Facts], Views] = no_views


@dataclass(frozen=True)
class Function:
    """y = f(x) for one element: a native activation with its parameters."""

    kind: str = "none"
    alpha: np.ndarray = field(default_factory=lambda: NO_ALPHA)
    beta: float = 0.0


def ints(node: Node, name: str, default: list[int]) -> list[int]:
    """An attribute that is a list of ints."""
    value: Any = node.attributes.get(name)
    return list(default) if value is None or len(value) == 0 else [int(item) for item in value]


def floats(value: Any) -> np.ndarray:
    """A list or array attribute as float32 vector."""
    return np.ascontiguousarray(np.asarray(value, np.float32).reshape(-1))


def text(node: Node, name: str, default: str) -> str:
    """A string attribute."""
    value = node.attributes.get(name, default)
    return value.decode() if isinstance(value, bytes) else str(value)
