"""Dense segments: what the engine can't do, in ONNX Runtime, and only when something it reads changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeskip.backends.cpu.plan import NO_MASK, CpuPlan, SegmentStep
from edgeskip.core.errors import ModelError
from edgeskip.core.lazy import require
from edgeskip.graph.ir import Graph, Node


class Segment:
    """One session, shared by all streams."""

    def __init__(self, step: SegmentStep, plan: CpuPlan, threads: int) -> None:
        self.step = step
        self.plan = plan
        self.session = open_session(step.graph, threads)


@dataclass
class SegmentState:
    """What one stream remembers of a segment: arrays it was fed, and whether it has run. `runs` counts."""

    fed: dict[str, np.ndarray] = field(default_factory=dict)
    valid: bool = False
    runs: int = 0

    def forget(self) -> None:
        """The next frame runs the segment again, whatever changed."""
        self.valid = False


def open_session(graph: Graph, threads: int) -> Any:
    """An ONNX Runtime session for `graph`.

    Raises:
        ModelError: ONNX Runtime can't run it; the message names op and node.
    """
    from edgeskip.graph.onnx_io import to_proto

    onnxruntime = require("onnxruntime", "export", "running a dense segment")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # its idle threads would otherwise burn the cores that the engine's threads work on
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = to_proto(graph).SerializeToString()
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
        node = _culprit(graph, str(error))
        message = str(error).splitlines()[0]
        raise ModelError(
            f"nothing here can run op {_op(node)}, node {node.name or node.outputs[0]}: {message}",
            hint="replace the op in the network, or export it with another opset",
        ) from error


def run_segment(
    segment: Segment, state: SegmentState, stream: Any, values: dict[str, np.ndarray], fresh: set[str]
) -> bool:
    """Run `segment` for one stream where one of its inputs changed; returns whether it ran.

    Args:
        stream: the native stream that holds the engine's tensors.
        values: the stream's arrays by name, frame inputs included; outputs are added.
        fresh: names in `values` that changed in this frame; outputs are added where it ran.
    """
    step = segment.step
    changed = not state.valid
    for name in step.graph.inputs:
        changed |= _feed(name, segment, state, stream, values, fresh)
    if not changed:
        return False
    outputs = segment.session.run(list(step.graph.outputs), {name: state.fed[name] for name in step.graph.inputs})
    for name, value in zip(step.graph.outputs, outputs, strict=True):
        values[name] = value
        fresh.add(name)
        if name in step.outputs_to_engine:
            _write_back(name, value, segment.plan, stream)
    state.valid = True
    state.runs += 1
    return True


def _feed(
    name: str, segment: Segment, state: SegmentState, stream: Any, values: dict[str, np.ndarray], fresh: set[str]
) -> bool:
    """Bring input `name` up to date in `state.fed`; returns whether it changed."""
    slot = segment.plan.slots.get(name)
    if name in values:
        state.fed[name] = values[name]
        return name in fresh
    if slot is None:
        mask = segment.plan.masks[name]
        state.fed[name] = stream.read_mask(mask).astype(np.int32)[None, None]
        return True
    if state.valid and slot.mask != NO_MASK and stream.mask_count(slot.mask) == 0:
        return False
    if name not in state.fed:
        state.fed[name] = np.empty((1, slot.channels, slot.height, slot.width), np.float32)
    stream.read(slot.tensor, state.fed[name][0])
    return True


def _write_back(name: str, value: np.ndarray, plan: CpuPlan, stream: Any) -> None:
    slot = plan.slots.get(name)
    if slot is not None:
        stream.write(slot.tensor, np.ascontiguousarray(value[0], np.float32))
    else:
        stream.write_mask(plan.masks[name], np.ascontiguousarray(value[0, 0], np.uint8))


def _culprit(graph: Graph, message: str) -> Node:
    """The node that `message` is about: named in it, or of an op that it names, else the first."""
    for node in graph.nodes:
        if node.name and node.name in message:
            return node
    for node in graph.nodes:
        if node.op_type in message:
            return node
    return graph.nodes[0]


def _op(node: Node) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type
