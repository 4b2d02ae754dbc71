"""What the planner makes of a skip model: native ops, dense segments, and where each tensor lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeskip.backends.base import LayerInfo
from edgeskip.graph.ir import Graph

NO_MASK = NO_TENSOR = -1


@dataclass(frozen=True)
class Slot:
    """A tensor of the engine: native id, size, and the native mask of it (`NO_MASK`: always changed)."""

    tensor: int
    channels: int
    height: int
    width: int
    mask: int = NO_MASK


@dataclass(frozen=True)
class EngineStep:
    """Native ops begin <= i < end, run in one call."""

    begin: int
    end: int


@dataclass(frozen=True)
class SegmentStep:
    """Nodes that ONNX Runtime runs: a graph of its own.

    `outputs_to_engine` are tensors that engine ops read: written back after each run, float ones to
    their slot, int32 ones to their mask. `layers` are the names of the layers inside.
    """

    graph: Graph
    outputs_to_engine: tuple[str, ...]
    layers: tuple[str, ...]


@dataclass
class ConvolutionCost:
    """MACs of one convolution: `op` is its native op, or None where ONNX Runtime runs it."""

    layer: str
    macs: int
    pixels: int
    op: int | None = None
    segment: int | None = None


@dataclass
class CpuPlan:
    """Everything that a runner needs, for one stream.

    `slots` and `masks` map the tensor names of the file to the engine, `constants` are native tensors
    that are written once per stream (and after a reset), `op_layers` maps a native op to its layer,
    `fixed_outputs` are outputs that do not depend on any input. `slots` lacks the inputs that are `taken_in`.
    """

    native: Any
    steps: list[EngineStep | SegmentStep] = field(default_factory=list)
    slots: dict[str, Slot] = field(default_factory=dict)
    masks: dict[str, int] = field(default_factory=dict)
    constants: list[tuple[int, np.ndarray]] = field(default_factory=list)
    layers: list[LayerInfo] = field(default_factory=list)
    costs: list[ConvolutionCost] = field(default_factory=list)
    op_layers: dict[int, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    fixed_outputs: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    # inputs that their gate takes in by itself: native input numbers
    taken_in: dict[str, int] = field(default_factory=dict)
