"""A module that looks like TensorRT of some version to the builder, and records what it is asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import onnx


class FakeTensorRT:
    """`calls` holds what was set, in order. `refuse`: "parse", "build", "profile", "plugins" or "cache" goes wrong.

    Members that a version has not got are absent, as in NVIDIA's bindings (edgeskip.backends.tensorrt.versions).
    """

    def __init__(self, version: str = "10.13.3.9", refuse: str = "", steps: int = 4) -> None:
        self.__version__ = version
        major, minor = (int(part) for part in version.split(".")[:2])
        self.calls: list[tuple[Any, ...]] = []
        self.refuse, self.steps = refuse, steps
        self.loaded: list[str] = []
        number = iter(range(1, 100))
        flags = {"TF32": next(number), "VERSION_COMPATIBLE": next(number), "EXCLUDE_LEAN_RUNTIME": next(number),
                 "SPARSE_WEIGHTS": next(number)}  # fmt: skip
        creation = {}
        if major < 11:
            flags["FP16"], flags["PREFER_PRECISION_CONSTRAINTS"] = next(number), next(number)
            creation["EXPLICIT_BATCH"] = 0
        if major >= 10:
            creation["STRONGLY_TYPED"] = 1
            self.IProgressMonitor = type("IProgressMonitor", (), {"__init__": lambda self: None})
        levels = {"NONE": 0, "AMPERE_PLUS": 1} | ({"SAME_COMPUTE_CAPABILITY": 2} if (major, minor) >= (10, 13) else {})
        self.BuilderFlag = SimpleNamespace(**flags)
        self.NetworkDefinitionCreationFlag = SimpleNamespace(**creation)
        self.HardwareCompatibilityLevel = SimpleNamespace(**levels)
        self.PreviewFeature = SimpleNamespace(**({"ALIASED_PLUGIN_IO_10_03": 3} if major >= 10 else {}))
        self.ProfilingVerbosity = SimpleNamespace(LAYER_NAMES_ONLY=0, NONE=1, DETAILED=2)
        self.MemoryPoolType = SimpleNamespace(WORKSPACE=0)
        self.TensorFormat = SimpleNamespace(LINEAR=0)
        self.LayerType = SimpleNamespace(PLUGIN_V2="plugin")
        self.DataType = SimpleNamespace(FLOAT="FLOAT", HALF="HALF")
        self.TacticSource = SimpleNamespace(EDGE_MASK_CONVOLUTIONS=3, JIT_CONVOLUTIONS=4)
        self.ILogger = _logger_class()
        self.registry = _Registry(self, major)

    def get_plugin_registry(self) -> _Registry:
        return self.registry

    def Builder(self, log: Any) -> _Builder:  # noqa: N802
        return _Builder(self, log)

    def OnnxParser(self, network: _Network, log: Any) -> _Parser:  # noqa: N802
        return _Parser(self, network)

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The calls called `name`."""
        return [call[1:] for call in self.calls if call[0] == name]


def _logger_class() -> type:
    class ILogger:
        Severity = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1, WARNING=2, INFO=3, VERBOSE=4)

        def __init__(self) -> None:
            pass

    return ILogger


class _Registry:
    def __init__(self, trt: FakeTensorRT, major: int) -> None:
        self._trt = trt
        setattr(self, "get_creator" if major >= 10 else "get_plugin_creator", self._find)

    def _find(self, name: str, version: str, namespace: str) -> Any:
        known = self._trt.loaded and (version, namespace) == ("1", "edgeskip")
        return object() if known else None

    def load_library(self, path: str) -> Any:
        self._trt.calls.append(("load_library", path))
        if self._trt.refuse == "plugins":
            return None
        self._trt.loaded.append(path)
        return object()


class _Tensor:
    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape, self.allowed_formats = name, shape, None


class _Layer:
    """`precision` and `types`, of its outputs, as they were asked for."""

    def __init__(self, node: onnx.NodeProto, kinds: dict[str, int]) -> None:
        self.name, self.type = node.op_type, "plugin" if node.domain else "layer"
        self.kinds = [{1: "FLOAT", 10: "HALF"}.get(kinds.get(name, 0), "INT32") for name in node.output]
        self.num_outputs = len(self.kinds)
        self.precision: str | None = None
        self.types: dict[int, str] = {}

    def get_output(self, index: int) -> SimpleNamespace:
        return SimpleNamespace(dtype=self.kinds[index])

    def set_output_type(self, index: int, kind: str) -> None:
        self.types[index] = kind


class _Network:
    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.inputs: list[_Tensor] = []
        self.outputs: list[_Tensor] = []
        self.layers: list[_Layer] = []

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def get_layer(self, index: int) -> _Layer:
        return self.layers[index]

    @property
    def num_inputs(self) -> int:
        return len(self.inputs)

    @property
    def num_outputs(self) -> int:
        return len(self.outputs)

    def get_input(self, index: int) -> _Tensor:
        return self.inputs[index]

    def get_output(self, index: int) -> _Tensor:
        return self.outputs[index]


class _Parser:
    def __init__(self, trt: FakeTensorRT, network: _Network) -> None:
        self._trt, self._network = trt, network
        self.num_errors = 0

    def parse(self, model: bytes) -> bool:
        if self._trt.refuse == "parse":
            self.num_errors = 1
            return False
        proto = onnx.load_from_string(model)
        self._network.inputs = [_tensor(value) for value in proto.graph.input]
        self._network.outputs = [_tensor(value) for value in proto.graph.output]
        values = (*proto.graph.value_info, *proto.graph.output)
        kinds = {value.name: value.type.tensor_type.elem_type for value in values}
        self._network.layers = [_Layer(node, kinds) for node in proto.graph.node]
        return True

    def get_error(self, index: int) -> Any:
        return SimpleNamespace(
            desc=lambda: "No importer registered for op: EdgeskipConv", node=lambda: 7, node_name=lambda: "stem",
            node_operator=lambda: "EdgeskipConv",
        )  # fmt: skip


def _tensor(value: onnx.ValueInfoProto) -> _Tensor:
    return _Tensor(
        value.name, tuple(dim.dim_value if not dim.dim_param else -1 for dim in value.type.tensor_type.shape.dim)
    )


class _Config:
    def __init__(self, trt: FakeTensorRT) -> None:
        object.__setattr__(self, "trt", trt)
        object.__setattr__(self, "cache", None)

    def __setattr__(self, name: str, value: Any) -> None:
        self.trt.calls.append((name, value))
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        return lambda *values: self.trt.calls.append((name, *values))

    def create_timing_cache(self, data: bytes) -> bytes:
        return data

    def set_timing_cache(self, cache: bytes, ignore_mismatch: bool) -> bool:
        fits = self.trt.refuse != "cache" or not cache
        if fits:
            object.__setattr__(self, "cache", cache)
        return fits

    def get_timing_cache(self) -> Any:
        return SimpleNamespace(serialize=lambda: (self.cache or b"") + b"timed ")

    def add_optimization_profile(self, profile: Any) -> int:
        self.trt.calls.append(("add_optimization_profile",))
        return -1 if self.trt.refuse == "profile" else 0


class _Builder:
    def __init__(self, trt: FakeTensorRT, log: Any) -> None:
        self._trt, self._log, self.max_threads = trt, log, 1

    def create_network(self, flags: int) -> _Network:
        self._trt.calls.append(("create_network", flags))
        self.network = self._trt.network = _Network(flags)
        return self.network

    def create_builder_config(self) -> _Config:
        return _Config(self._trt)

    def create_optimization_profile(self) -> Any:
        return SimpleNamespace(set_shape=lambda *values: self._trt.calls.append(("set_shape", *values)))

    def build_serialized_network(self, network: _Network, config: _Config) -> bytes | None:
        if "progress_monitor" in config.__dict__:
            try:
                self._tell(config.__dict__["progress_monitor"])
            except BaseException:  # TensorRT lets no exception of Python through
                return None
            if not config.__dict__["progress_monitor"].step_complete("none", 0):
                return None
        if self._trt.refuse == "build":
            self._log.log(self._trt.ILogger.Severity.ERROR, "Could not find any implementation for node conv")
            return None
        self._log.log(self._trt.ILogger.Severity.WARNING, "a warning")
        return b"engine"

    def _tell(self, monitor: Any) -> None:
        monitor.phase_start("Building", None, 2)
        monitor.phase_start("Tactics", "Building", self._trt.steps)
        for step in range(self._trt.steps):
            monitor.step_complete("Tactics", step)
        monitor.phase_finish("Tactics")
        for step in range(2):
            monitor.step_complete("Building", step)
        monitor.phase_finish("Building")
