"""A dense network in TensorRT, FP16 where edgeskip's own lowering is: what a skipping engine is compared with."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.build_options import BuildOptions, Streams
from edgeskip.backends.tensorrt.builder import build_engine
from edgeskip.backends.tensorrt.device import CaptureRefused, open_device
from edgeskip.backends.tensorrt.lowering import Lowered
from edgeskip.backends.tensorrt.lowering.free_batch import free_batch
from edgeskip.backends.tensorrt.lowering.half import to_half
from edgeskip.backends.tensorrt.lowering.opset import settle_opset
from edgeskip.backends.tensorrt.memory import Memory
from edgeskip.backends.tensorrt.module import make_log
from edgeskip.backends.tensorrt.plugin_build import plugin_path
from edgeskip.backends.tensorrt.session import Session
from edgeskip.backends.tensorrt.versions import parse_version
from edgeskip.core.files import write_bytes
from edgeskip.graph.ir import Graph
from edgeskip.graph.onnx_io import load_graph

WARM_UP = 2


def lowered_dense(graph: Graph, file: str) -> Lowered:
    """`graph` for TensorRT's parser in FP16, open for several pictures. Raises ModelError."""
    fixed = None if free_batch(graph) else 1
    to_half(graph, frozenset())
    graph.remove_unused()
    newer = settle_opset(graph)
    graph.remove_unused()
    return Lowered(graph, {}, fixed, newer, file)


def library_of(machine: Any) -> Path:
    """The plugin library of this machine; the dense network needs none of it, but TensorRT is opened with it."""
    found = plugin_path(parse_version(machine.trt.__version__), machine.gpu.architecture)
    if found is None:
        raise errors.plugin_missing("of this TensorRT and GPU")
    return found


def build_dense(machine: Any, network: Path, output: Path, batch: int) -> None:
    """Build the dense engine of ONNX file `network` where it is not there yet. Raises TensorRTError."""
    if output.exists():
        return
    options = BuildOptions(precision="fp16", streams=Streams(batch, batch, batch))
    lowered = lowered_dense(load_graph(network), str(network))
    write_bytes(output, build_engine(machine.trt, lowered, library_of(machine), machine.gpu, options).plan)


class DenseEngine:
    """Runs an engine without state: inputs from the host, outputs to the host, one graph and one wait per frame."""

    def __init__(self, machine: Any, path: Path, batch: int) -> None:
        """Raises TensorRTError where it does not fit this machine."""
        self._device = open_device()
        with self._device.current():
            self._session = Session(machine.trt, path, library_of(machine), batch, make_log(machine.trt))
            self._memory, self._stream = Memory(self._device), self._device.new_stream()
            specs = list(self._session.tensors.values())
            self._inputs = self._memory.block([s for s in specs if s.is_input], "the inputs", pinned=True)
            self._outputs = self._memory.block([s for s in specs if not s.is_input], "the outputs", pinned=True)
            for block in (self._inputs, self._outputs):
                for name in block.specs:
                    self._session.bind(name, block.pointer(name))
        self._frames, self._graph = 0, 0
        self.graph_refusal = ""

    def __enter__(self) -> DenseEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._device.current():
            if self._graph:
                self._device.delete_graph(self._graph)
            self._device.delete_stream(self._stream)
            self._memory.close()
            self._session.close()
        self._device.close()

    def infer(self, value: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs of the one input's `value`, float32 [N, C, H, W]. Raises TensorRTError."""
        (name,) = self._inputs.specs
        with self._device.current():
            np.copyto(self._inputs.view(name), value, casting="same_kind")
            assert self._inputs.host is not None
            self._device.to_device(self._inputs.address, self._inputs.host, self._stream)
            self._run()
            self._device.synchronize(self._stream)
            return {name: self._outputs.view(name).astype(np.float32) for name in self._outputs.specs}

    def _run(self) -> None:
        if self._frames == WARM_UP and not self.graph_refusal:
            self._capture()
        if self._graph:
            self._device.launch(self._graph, self._stream)
        else:
            self._enqueue()
        self._frames += 1

    def _enqueue(self) -> None:
        if not self._session.enqueue(self._stream.handle):
            raise errors.device_failed("running the network", self._session.refusal, "")
        assert self._outputs.host is not None
        self._device.to_host(self._outputs.host, self._outputs.address, self._stream)

    def _capture(self) -> None:
        try:
            self._device.begin_capture(self._stream)
            self._enqueue()
            self._graph = self._device.end_capture(self._stream)
        except CaptureRefused as refused:
            self.graph_refusal = str(refused)
