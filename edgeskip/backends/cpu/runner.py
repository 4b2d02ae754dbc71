"""Runs a CPU plan: one native stream and one set of segment caches per camera."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from time import perf_counter_ns
from typing import Any

import numpy as np

from edgeskip.backends.base import FrameResult, LayerInfo, Runner
from edgeskip.backends.cpu.loader import native
from edgeskip.backends.cpu.plan import NO_MASK, CpuPlan, EngineStep
from edgeskip.backends.cpu.planner import make_plan
from edgeskip.backends.cpu.segments import Segment, SegmentState, run_segment
from edgeskip.core.contract import BLOCKS
from edgeskip.core.errors import BackendError, InputError
from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class EngineOptions:
    """How the engine computes; none of these changes a result (`profile` measures each operation)."""

    level: str = "auto"
    block: int = 0
    panel_rows: int = 0
    profile: bool = False

    @classmethod
    def checked(cls, options: dict[str, Any]) -> EngineOptions:
        """Options by name. Raises BackendError on an unknown name or a value out of range."""
        known = [item.name for item in fields(cls)]
        for name in options:
            if name not in known:
                raise BackendError(f"the cpu backend has no option {name!r}", hint=f"it has: {', '.join(known)}")
        result = cls(**options)
        if result.block not in (0, *BLOCKS):
            raise BackendError(f"block must be 0 or one of {BLOCKS}: {result.block}")
        if result.panel_rows < 0:
            raise BackendError(f"panel_rows must not be negative: {result.panel_rows}")
        return result


@dataclass
class StreamState:
    """One camera: native stream, arrays by name, segment caches, outputs as they were last read."""

    native: Any
    segments: list[SegmentState]
    values: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    ran: list[bool] = field(default_factory=list)
    segment_ns: list[int] = field(default_factory=list)
    new: bool = True

    def forget(self, plan: CpuPlan) -> None:
        """Everything becomes unknown, except constants."""
        self.native.reset()
        for tensor, value in plan.constants:
            self.native.write(tensor, value)
        for segment in self.segments:
            segment.forget()
        self.values = dict(plan.fixed_outputs)
        self.new = True


class CpuRunner(Runner):
    """The native engine's runner. Arrays that `infer` returns belong to the caller."""

    def __init__(self, model: SkipModel, *, streams: int, threads: int, options: EngineOptions) -> None:
        super().__init__(model, streams=streams, threads=threads)
        self.options = options
        self._module = native()
        levels = self._module.levels()
        if options.level not in ("auto", *levels):
            raise BackendError(
                f"this CPU and build have no level {options.level!r}", hint=f"levels here: {', '.join(levels)}"
            )
        self.plan = make_plan(model, self._module.Plan())
        self._engine: Any = None
        self._segments: list[Segment] = []
        self._streams: list[StreamState] = []

    @property
    def layers(self) -> list[LayerInfo]:
        """Operations in order; masks' own ops are left out."""
        return list(self.plan.layers)

    @property
    def level(self) -> str:
        """Instruction set level in use."""
        self._require_active()
        return self._engine.level

    @property
    def state_bytes(self) -> int:
        """Memory of one stream: all its buffers and masks, in bytes."""
        self._require_active()
        return int(self._streams[0].native.state_bytes)

    def tensor(self, name: str) -> np.ndarray:
        """float32 [streams, C, H, W]: what the engine holds of a tensor of the file (such as `state.3.conv.next`).

        Raises:
            InputError: the engine does not hold it.
        """
        self._require_active()
        slot = self.plan.slots.get(name)
        if slot is None:
            raise InputError(f"{name} is no tensor of the engine", hint="it is dead, or inside a dense segment")
        return np.stack([state.native.read(slot.tensor) for state in self._streams])

    def layer_times_ms(self) -> dict[str, float]:
        """Milliseconds per layer in the last frame, over all streams, masks' ops included; option `profile`."""
        self._require_active()
        if not self.options.profile:
            raise BackendError("times were not measured", hint="create the runner with profile=True")
        times: dict[str, float] = {}
        for state in self._streams:
            for op, elapsed in enumerate(state.native.op_times_ns()):
                name = self.plan.op_layers[op]
                times[name] = times.get(name, 0.0) + float(elapsed) * 1e-6
            for segment, elapsed in zip(self._segments, state.segment_ns, strict=True):
                name = segment.step.layers[0]
                times[name] = times.get(name, 0.0) + elapsed * 1e-6
        return times

    def activate_impl(self) -> None:
        """Pack weights, open sessions, allocate the streams."""
        options = self.options
        self._engine = self._module.Engine(
            self.plan.native, self.threads, options.level, options.block, options.panel_rows
        )
        steps = [step for step in self.plan.steps if not isinstance(step, EngineStep)]
        self._segments = [Segment(step, self.plan, self.threads) for step in steps]
        self._streams = [self._new_stream() for _ in range(self.streams)]

    def deactivate_impl(self) -> None:
        """Free engine, sessions and streams."""
        self._streams, self._segments, self._engine = [], [], None

    def infer_impl(self, inputs: dict[str, np.ndarray]) -> FrameResult:
        """The streams in turn; each uses all threads."""
        for index, state in enumerate(self._streams):
            self._run(state, {name: value[index : index + 1] for name, value in inputs.items()})
        outputs = {name: np.concatenate([state.outputs[name] for state in self._streams]) for name in self.plan.outputs}
        return self._with_costs(FrameResult(outputs))

    def reset_impl(self, stream: int) -> None:
        """Forget one camera."""
        self._streams[stream].forget(self.plan)

    def mask_impl(self, tensor: str) -> np.ndarray:
        """bool [streams, H, W]."""
        name = self.model.mask_of(tensor)
        if name is None or name not in self.plan.masks:
            raise InputError(
                f"{tensor} has no mask in the engine", hint=f"tensors with one: {', '.join(self._masked()[:8])} ..."
            )
        mask = self.plan.masks[name]
        return np.stack([state.native.read_mask(mask) for state in self._streams]).astype(bool)

    def _masked(self) -> list[str]:
        return [layer.tensor for layer in self.plan.layers if layer.mask in self.plan.masks]

    def _new_stream(self) -> StreamState:
        stream = self._engine.new_stream()
        stream.profile = self.options.profile
        count = len(self._segments)
        state = StreamState(stream, [SegmentState() for _ in range(count)])
        state.ran, state.segment_ns = [False] * count, [0] * count
        state.forget(self.plan)
        return state

    def _run(self, state: StreamState, inputs: dict[str, np.ndarray]) -> None:
        fresh = set(inputs)
        for name, value in inputs.items():
            slot = self.plan.slots.get(name)
            if slot is not None:
                state.native.write(slot.tensor, np.ascontiguousarray(value[0]))
            state.values[name] = value
        position = 0
        for step in self.plan.steps:
            if isinstance(step, EngineStep):
                state.native.run(step.begin, step.end)
                continue
            begin = perf_counter_ns()
            segment, cache = self._segments[position], state.segments[position]
            state.ran[position] = run_segment(segment, cache, state.native, state.values, fresh)
            state.segment_ns[position] = perf_counter_ns() - begin
            position += 1
        self._read_outputs(state)
        state.new = False

    def _read_outputs(self, state: StreamState) -> None:
        for name in self.plan.outputs:
            if name in state.values:
                state.outputs[name] = state.values[name]
                continue
            slot = self.plan.slots[name]
            if name not in state.outputs:
                state.outputs[name] = np.empty((1, slot.channels, slot.height, slot.width), np.float32)
            elif not state.new and slot.mask != NO_MASK and state.native.mask_count(slot.mask) == 0:
                continue
            state.native.read(slot.tensor, state.outputs[name][0])

    def _with_costs(self, result: FrameResult) -> FrameResult:
        """Active and dense MACs and pixels, over all streams."""
        pixels = [state.native.active_pixels() for state in self._streams]
        for cost in self.plan.costs:
            if cost.op is not None:
                active = sum(int(counts[cost.op]) for counts in pixels)
            else:
                assert cost.segment is not None
                active = cost.pixels * sum(state.ran[cost.segment] for state in self._streams)
            result.dense_macs += cost.macs * self.streams
            result.active_macs += cost.macs * active // max(cost.pixels, 1)
            result.active_pixels[cost.layer] = active
        return result
