"""The part of the module `tensorrt` that the runner calls; engines run a lowered network in numpy on a FakeDevice.

An engine "file" holds a number; `ENGINES` has what it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeskip.backends.tensorrt.lowering import Lowered
from edgeskip.graph.reference.interpreter import Interpreter
from support.fake_cuda import FakeDevice
from support.lowered import _runnable


@dataclass
class FakeEngine:
    """`spoils_in_place`: states are written before they are read, as an engine with a reformatting copy may do.
    `refuses_capture`: enqueueing fails while a graph is recorded."""

    lowered: Lowered
    device: FakeDevice
    spoils_in_place: bool = False
    refuses_capture: bool = False
    fails: bool = False
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        graph = self.lowered.graph
        self.names = [*graph.inputs, *graph.outputs]
        self.interpreter = Interpreter(_runnable(graph))
        self.num_io_tensors = len(self.names)

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_mode(self, name: str) -> str:
        return "input" if name in self.lowered.graph.inputs else "output"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        shape = self.lowered.graph.info[name].shape
        return tuple(size if isinstance(size, int) else -1 for size in shape)

    def get_tensor_dtype(self, name: str) -> np.dtype:
        return self.lowered.graph.info[name].dtype

    def create_execution_context(self) -> FakeContext:
        return FakeContext(self)


class FakeContext:
    """Reads and writes at the addresses that hold when a frame is enqueued."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.addresses: dict[str, int] = {}
        self.streams = 1
        self.profiler: Any = None

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.streams = shape[0]
        return all(size > 0 for size in shape)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        shape = self.engine.lowered.graph.info[name].shape
        return tuple(size if isinstance(size, int) else self.streams for size in shape)

    def set_tensor_address(self, name: str, address: int) -> bool:
        if name not in self.engine.names:
            return False
        self.addresses[name] = address
        return True

    def execute_async_v3(self, handle: int) -> bool:
        device = self.engine.device
        recording = device.streams[handle].recording is not None
        if self.engine.fails or (recording and self.engine.refuses_capture):
            return False
        unbound = [name for name in self.engine.names if name not in self.addresses]
        assert not unbound, f"not bound: {unbound}"
        bound = dict(self.addresses)
        device.put(handle, lambda: self._run(bound))
        device.calls["enqueue"] += 1
        return True

    def _run(self, bound: dict[str, int]) -> None:
        graph = self.engine.lowered.graph
        if self.engine.spoils_in_place:
            for name in graph.outputs:
                self._view(name, bound).fill(0)
        values = self.engine.interpreter.run({name: self._view(name, bound).copy() for name in graph.inputs})
        for name in graph.outputs:
            np.copyto(self._view(name, bound), values[name])
        if self.profiler is not None:
            for name in graph.outputs:
                self.profiler.report_layer_time(f"{name} + Relu_7", 0.5)

    def _view(self, name: str, bound: dict[str, int]) -> np.ndarray:
        shape = self.get_tensor_shape(name)
        dtype = self.engine.get_tensor_dtype(name)
        size = int(np.prod(shape)) * dtype.itemsize
        return self.engine.device.bytes_at(bound[name], size).view(dtype).reshape(shape)


class FakeTensorRt:
    """Stands for the module. `engines`: content of an engine file to the engine."""

    __version__ = "10.3.0.30"

    class TensorIOMode:
        INPUT = "input"

    class ILogger:
        class Severity:
            ERROR, INTERNAL_ERROR, WARNING = "error", "internal error", "warning"

    class IProfiler:
        pass

    def __init__(self, engines: dict[bytes, FakeEngine]) -> None:
        self.engines = engines
        self.loaded: list[str] = []
        self.refuses_plugins = False

    def get_plugin_registry(self) -> FakeTensorRt:
        return self

    def load_library(self, path: str) -> object | None:
        if self.refuses_plugins:
            return None
        self.loaded.append(path)
        return object()

    def get_creator(self, name: str, version: str, namespace: str) -> object | None:
        return object() if self.loaded and (version, namespace) == ("1", "edgeskip") else None

    def Runtime(self, log: Any) -> Any:  # noqa: N802 - TensorRT's name
        return _Runtime(self.engines, log)

    @staticmethod
    def nptype(dtype: np.dtype) -> type:
        return dtype.type


@dataclass
class _Runtime:
    engines: dict[bytes, FakeEngine]
    log: Any

    def deserialize_cuda_engine(self, plan: bytes) -> FakeEngine | None:
        if plan not in self.engines:
            self.log.log("error", "Serialization assertion stdVersionRead == serializationVersion failed.")
        return self.engines.get(plan)
