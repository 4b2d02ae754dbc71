"""Runs a TensorRT engine: state on the device, one launch and one synchronisation per frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgeskip.backends.base import FrameResult, LayerInfo, Runner
from edgeskip.backends.layer_list import layer_list
from edgeskip.backends.tensorrt.counting import counted_convolutions
from edgeskip.backends.tensorrt.device import Device, open_device
from edgeskip.backends.tensorrt.execution import Execution
from edgeskip.backends.tensorrt.library import PluginLibrary, require_library_fits
from edgeskip.backends.tensorrt.module import load_tensorrt, make_log
from edgeskip.backends.tensorrt.options import RunnerOptions
from edgeskip.backends.tensorrt.plan import EnginePlan
from edgeskip.backends.tensorrt.profiler import by_tensor, layer_profiler
from edgeskip.backends.tensorrt.self_check import Frames, in_place_is_right, remembered
from edgeskip.backends.tensorrt.session import Session
from edgeskip.backends.tensorrt.sidecar import Here
from edgeskip.core.contract import Preparation
from edgeskip.core.errors import BackendError, InputError
from edgeskip.core.folders import cache_folder
from edgeskip.graph.skip_model import SkipModel

_OTHER = "other"
_STANDARD = ("tensorrt", "a standard op")


class TensorRtRunner(Runner):
    """One engine, all cameras in one batch. Outputs are arrays of the caller's own."""

    def __init__(self, model: SkipModel, plan: EnginePlan, *, streams: int, options: RunnerOptions) -> None:
        """`plan` describes an engine of `model`.

        Raises:
            TensorRTError: the engine does not run so many streams.
        """
        super().__init__(model, streams=streams)
        plan.require_streams(streams)
        self.plan, self.options = plan, options
        plugin_tensors = {name for name, (where, _) in plan.layers.items() if where == "plugin"}
        self._counted = counted_convolutions(model, plugin_tensors, set(plan.masks))
        self._device: Device | None = None
        self._session: Session | None = None
        self._execution: Execution | None = None
        self._profiler: Any = None
        self._library: PluginLibrary | None = None

    @property
    def layers(self) -> list[LayerInfo]:
        """Operations in order: those of the plugin, and those that are TensorRT's with the reason."""
        return layer_list(self.model, lambda tensor: self.plan.layers.get(tensor, _STANDARD))

    @property
    def state_bytes(self) -> int:
        """Device memory of one stream's state, in bytes."""
        self._require_active()
        return self._running.states.bytes_per_stream

    @property
    def level(self) -> str:
        """The GPU's architecture, and how frames go there: "sm_87, graph, state in place"."""
        self._require_active()
        assert self._device is not None
        loop, states = self._running.loop, self._running.states
        graph = f"no graph ({loop.graph_refusal})" if loop.graph_refusal else "graph"
        return f"{self._device.architecture}, {graph}, state {'in place' if states.in_place else 'ping-pong'}"

    @property
    def precision(self) -> str:
        """ "f32" or "f16"."""
        return self.plan.precision

    @property
    def prepares_pictures(self) -> bool:
        """On the device."""
        return len(self.model.frame_inputs) == 1

    def layer_times_ms(self) -> dict[str, float]:
        """Milliseconds per layer in the last frame, over all streams; option `profile`.

        What TensorRT calls by no tensor of ours is summed under "other".
        """
        self._require_active()
        if self._profiler is None:
            raise BackendError("times were not measured", hint="create the runner with profile=True")
        return by_tensor(self._profiler.times_ms, [layer.tensor for layer in self.layers], _OTHER)

    def activate_impl(self) -> None:
        """Ask the driver, load plugins and engine, take all memory."""
        self._device = open_device(self.options.device)
        try:
            with self._device.current():
                self._load(self._device)
        except BaseException:
            self.deactivate_impl()
            raise

    def deactivate_impl(self) -> None:
        """Give memory, engine and context back."""
        device, self._device = self._device, None
        if device is None:
            return
        with device.current():
            if self._execution is not None:
                self._execution.close()
            if self._session is not None:
                self._session.close()
        self._execution = self._session = self._profiler = self._library = None
        device.close()

    def infer_impl(self, inputs: dict[str, np.ndarray]) -> FrameResult:
        """All streams at once."""
        assert self._device is not None
        with self._device.current():
            self._running.upload(inputs)
            return self._frame()

    def infer_picture_impl(self, pictures: list[np.ndarray], preparation: Preparation) -> FrameResult:
        """Resized, reordered and normalised on the device."""
        assert self._device is not None
        if not self.prepares_pictures:
            return super().infer_picture_impl(pictures, preparation)
        execution, name = self._running, self.model.frame_inputs[0]
        target, kind = execution.inputs.pointer(name), execution.inputs.specs[name].dtype
        with self._device.current():
            for index, picture in enumerate(pictures):
                execution.pictures.put(index, picture, preparation, target, kind, execution.stream)
            return self._frame()

    def reset_impl(self, stream: int) -> None:
        """Forget one camera; nothing waits."""
        assert self._device is not None
        with self._device.current():
            self._running.forget(stream)

    def mask_impl(self, tensor: str) -> np.ndarray:
        """bool [streams, H, W]. The first call makes every later frame bring its masks along, without waiting."""
        assert self._device is not None
        name = self.model.mask_of(tensor)
        if name is None or name not in self._running.masks.specs:
            raise InputError(f"tensor {tensor} has no mask", hint="edgeskip inspect MODEL lists the masked tensors")
        with self._device.current():
            mask = self._running.mask_reader.read(name)
        if mask is None:
            raise InputError("no frame was run yet, so there are no masks")
        return mask

    @property
    def _running(self) -> Execution:
        assert self._execution is not None
        return self._execution

    def _frame(self) -> FrameResult:
        if self._profiler is not None:
            self._profiler.times_ms = {}
        self._running.run()
        outputs, counts = self._running.finish()
        pixels = {info.name: info.pixels * self.streams for info in self.model.convolutions}
        pixels.update({conv.info.name: count for conv, count in zip(self._counted, counts, strict=True)})
        active = sum(info.macs * pixels[info.name] // info.pixels for info in self.model.convolutions)
        return FrameResult(outputs, active, self.model.dense_macs * self.streams, pixels)

    def _load(self, device: Device) -> None:
        plan, trt = self.plan, load_tensorrt()
        file = plan.plugin_here(str(trt.__version__), device.architecture)
        self._library = PluginLibrary(file)
        here = Here(str(trt.__version__), device.name, device.compute_capability, self._library.info)
        plan.require_fitting(here, self.streams)
        require_library_fits(self._library.info, str(file), here.tensorrt, device)
        if not self._library.counts:
            self._counted = []  # every layer counts as computed whole
        self._session = Session(trt, plan.path, file, self.streams, make_log(trt))
        if self.options.profile:
            self._profiler = layer_profiler(trt)
            self._session.profile_with(self._profiler)
        self._execution = self._start(self._in_place(device), self.options.graph and not self.options.profile)

    def _start(self, in_place: bool, use_graph: bool) -> Execution:
        assert self._device is not None
        assert self._session is not None
        assert self._library is not None
        return Execution(
            self._device, self._session, self._library, self.plan, self.model.frame_inputs, self.streams,
            self._counted, in_place, use_graph,
        )  # fmt: skip

    def _in_place(self, device: Device) -> bool:
        if self.options.state != "auto":
            return self.options.state == "in_place"
        if not any(state.in_place for state in self.plan.states):
            return False
        version = ".".join(map(str, device.driver_version))
        key = f"{self.plan.sidecar.engine_hash} {device.name} driver {version} streams {self.streams}"
        return remembered(_verdicts(), key, self._check_in_place)

    def _check_in_place(self) -> bool:
        assert self._session is not None
        tensors = self._session.tensors
        return in_place_is_right(self._left_behind, {name: tensors[name].shape for name in self.model.frame_inputs})

    def _left_behind(self, in_place: bool, frames: Frames) -> list[bytes]:
        """What each of `frames` leaves in outputs, masks and states."""
        execution = self._start(in_place, use_graph=False)
        try:
            left = []
            for inputs in frames:
                execution.upload(inputs)
                execution.run()
                left.append(execution.snapshot())
            return left
        finally:
            execution.close()


def _verdicts() -> Path:
    return cache_folder() / "in_place.json"
