"""Runs a CPU plan: one native stream and one set of segment caches per camera."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from time import perf_counter_ns
from typing import Any

import numpy as np

from edgeskip.backends.base import FrameResult, LayerInfo, Runner, not_finite
from edgeskip.backends.cpu.costs import Costs
from edgeskip.backends.cpu.loader import PRECISIONS, native, require_precision
from edgeskip.backends.cpu.plan import CpuPlan, EngineStep
from edgeskip.backends.cpu.planner import make_plan
from edgeskip.backends.cpu.segments import Segment, SegmentState, run_segment
from edgeskip.core.contract import BLOCKS, Preparation
from edgeskip.core.errors import BackendError, InputError
from edgeskip.core.picture import CHANNEL_ORDER, inner_size, level_tables, normalisation, resize_axis
from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class EngineOptions:
    """How the engine computes; only `precision` changes a result (`profile` measures each operation)."""

    level: str = "auto"
    block: int = 0
    panel_rows: int = 0
    profile: bool = False
    precision: str = "f32"

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
        if result.precision not in PRECISIONS:
            raise BackendError(f"precision must be one of {', '.join(PRECISIONS)}: {result.precision}")
        return result


@dataclass
class StreamState:
    """One camera: native stream, arrays by name, segment caches, outputs as they were last handed out.

    `stale`: the outputs are not those of the frame before, so that masks don't tell what differs.
    """

    native: Any
    segments: list[SegmentState]
    values: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    ran: list[bool] = field(default_factory=list)
    segment_ns: list[int] = field(default_factory=list)
    stale: bool = True

    def forget(self, plan: CpuPlan) -> None:
        """Everything becomes unknown, except constants."""
        self.native.reset()
        for tensor, value in plan.constants:
            self.native.write(tensor, value)
        for segment in self.segments:
            segment.forget()
        self.values = dict(plan.fixed_outputs)
        self.stale = True


class CpuRunner(Runner):
    """The native engine's runner. Outputs are read-only: one that did not change is the array of the frame before."""

    def __init__(self, model: SkipModel, *, streams: int, threads: int, options: EngineOptions) -> None:
        super().__init__(model, streams=streams, threads=threads)
        self.options = options
        self._module = native()
        levels = self._module.levels()
        if options.level not in ("auto", *levels):
            raise BackendError(
                f"this CPU and build have no level {options.level!r}", hint=f"levels here: {', '.join(levels)}"
            )
        require_precision(options.precision, options.level)
        self.plan = make_plan(model, self._module.Plan())
        self._costs = Costs(self.plan, streams, model.gate_convolutions)
        segments = [step for step in self.plan.steps if not isinstance(step, EngineStep)]
        # inputs that are read from their arrays, not only from the engine
        self._read_outside = {name for step in segments for name in step.graph.inputs} | set(self.plan.outputs)
        outside = {name for step in segments for name in step.graph.outputs}
        outside |= set(self.plan.inputs) | set(self.plan.fixed_outputs)
        self._engine_output_names = [name for name in self.plan.outputs if name not in outside]
        self._other_outputs = [name for name in self.plan.outputs if name in outside]
        slots = [self.plan.slots[name] for name in self._engine_output_names]
        self._engine_outputs = [(slot.tensor, slot.mask) for slot in slots]
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
    def precision(self) -> str:
        """ "f32", or "bf16" with the kernel that multiplies: "bf16 (amx)"."""
        self._require_active()
        kernel = self._engine.bf16_kernel
        return f"bf16 ({kernel})" if kernel else "f32"

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
            self.plan.native, self.threads, options.level, options.block, options.panel_rows, options.precision
        )
        steps = [step for step in self.plan.steps if not isinstance(step, EngineStep)]
        self._segments = [Segment(step, self.plan, self.threads) for step in steps]
        self._streams = [self._new_stream() for _ in range(self.streams)]

    def deactivate_impl(self) -> None:
        """Free engine, sessions and streams."""
        self._streams, self._segments, self._engine = [], [], None

    def checks_values(self, name: str) -> bool:
        """The native engine checks what it is given while it copies."""
        return name not in self.plan.slots and name not in self.plan.taken_in

    def infer_impl(self, inputs: dict[str, np.ndarray]) -> FrameResult:
        """The streams in turn; each uses all threads."""
        for name, value in inputs.items():
            slot = self.plan.slots.get(name)
            taken_in = self.plan.taken_in.get(name)
            for index, state in enumerate(self._streams):
                state.values[name] = value[index : index + 1]
                # a frame as it came is no state yet
                if taken_in is not None:
                    finite = state.native.offer(taken_in, value[index])
                else:
                    finite = slot is None or state.native.write(slot.tensor, value[index])
                if not finite:
                    raise not_finite(name)
        return self._run_all(set(inputs))

    @property
    def prepares_pictures(self) -> bool:
        """Where the picture goes nowhere but into the engine."""
        names = self.plan.inputs
        held = len(names) == 1 and (names[0] in self.plan.slots or names[0] in self.plan.taken_in)
        return held and names[0] not in self._read_outside

    def infer_picture_impl(self, pictures: list[np.ndarray], preparation: Preparation) -> FrameResult:
        """Resized, reordered and normalised straight into the engine."""
        name = self.model.frame_inputs[0]
        slot, taken_in = self.plan.slots.get(name), self.plan.taken_in.get(name)
        if not self.prepares_pictures:
            return super().infer_picture_impl(pictures, preparation)
        for state, picture in zip(self._streams, pictures, strict=True):
            arguments = _picture_arguments(picture, preparation)
            if taken_in is not None:
                state.native.offer_picture(taken_in, *arguments)
            elif slot is not None:
                state.native.write_picture(slot.tensor, *arguments)
            state.values.pop(name, None)
        return self._run_all({name})

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

    def _run_all(self, fresh: set[str]) -> FrameResult:
        for state in self._streams:
            self._run(state, set(fresh))
        if self.streams == 1:
            outputs = dict(self._streams[0].outputs)
        else:
            states = self._streams
            outputs = {name: np.concatenate([state.outputs[name] for state in states]) for name in self.plan.outputs}
        counts = sum(state.native.active_pixels() for state in self._streams)
        return self._costs.result(outputs, counts, [state.ran for state in self._streams])

    def _run(self, state: StreamState, fresh: set[str]) -> None:
        stale, state.stale = state.stale, True
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
        self._read_outputs(state, stale)
        state.stale = False

    def _read_outputs(self, state: StreamState, stale: bool) -> None:
        """Arrays that were handed out are never written while somebody holds them: a changed output is another one."""
        arrays = state.native.read_outputs(self._engine_outputs, not stale)
        for name, array in zip(self._engine_output_names, arrays, strict=True):
            if array is not None:
                state.outputs[name] = array
        for name in self._other_outputs:
            value = state.values[name]
            # what a segment gave is nobody else's; an input is the caller's, a constant the model's
            shared = name in self.plan.inputs or name in self.plan.fixed_outputs
            state.outputs[name] = _frozen(value.copy() if shared else value)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def _picture_arguments(picture: np.ndarray, preparation: Preparation) -> tuple[Any, ...]:
    """What `Stream.write_picture` and `Stream.offer_picture` want to know."""
    height, width = picture.shape[:2]
    size = inner_size((width, height), preparation)
    _, pads = level_tables(preparation)
    columns, rows = None, None
    if size != (width, height):
        columns, rows = resize_axis(width, size[0]), resize_axis(height, size[1])
    if picture.strides[1:] != (3, 1) or picture.strides[0] < 0:
        picture = np.ascontiguousarray(picture)
    order = CHANNEL_ORDER[preparation.color]
    return picture, size, columns, rows, order, *normalisation(preparation), pads
