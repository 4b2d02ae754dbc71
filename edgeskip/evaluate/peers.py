"""Dense runtimes that a user could pick instead: they run the dense network, and edgeskip is timed beside them.

Each gets what its makers advise for one picture at a time: all graph optimisations, the same number
of threads as edgeskip, and float32, so that precision is equal; where edgeskip computes in bfloat16, OpenVINO does too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from edgeskip.core.errors import BackendError, EdgeskipError
from edgeskip.core.lazy import require


class Peer(ABC):
    """A dense network in one runtime.

    `infer` takes [1, C, H, W] and gives all outputs by name; they are valid until the next call. `precision` is what it
    really computes in.
    """

    name: str
    outputs: list[str]
    precision: str = "f32"

    @abstractmethod
    def __init__(self, model: bytes, threads: int, precision: str = "f32") -> None:
        """Load the ONNX file `model`; "bf16" is a wish. Raises MissingPackageError, BackendError."""

    @abstractmethod
    def infer(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs for one prepared picture."""


class OnnxRuntimePeer(Peer):
    """ONNX Runtime, CPU provider; float32 only."""

    name = "onnxruntime"

    def __init__(self, model: bytes, threads: int, precision: str = "f32") -> None:
        runtime = require("onnxruntime", "bench", "comparison with ONNX Runtime")
        options = onnxruntime_options(runtime, threads)
        self._configure(options)
        try:
            self._session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise _not_loaded(self.name, error) from error
        self._input = self._session.get_inputs()[0].name
        self.outputs = [output.name for output in self._session.get_outputs()]

    def _configure(self, options: Any) -> None:
        """Change `options` before the session is made."""

    def infer(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self.outputs, self._session.run(None, {self._input: picture}), strict=True))


class OpenVinoPeer(Peer):
    """OpenVINO, CPU device, latency hint."""

    name = "openvino"
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, model: bytes, threads: int, precision: str = "f32") -> None:
        runtime = require("openvino", "bench", "comparison with OpenVINO")
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            # it would choose bfloat16 by itself on CPUs that have it
            "INFERENCE_PRECISION_HINT": precision,
            **self.settings,
        }
        try:
            core = runtime.Core()
            network = self._adapted(core.read_model(model))
            _fix_batch(network)
            compiled = core.compile_model(network, "CPU", settings)
        except Exception as error:
            raise _not_loaded(self.name, error) from error
        self._request = compiled.create_infer_request()
        self.precision = "bf16" if "bf" in str(compiled.get_property("INFERENCE_PRECISION_HINT")) else "f32"
        self.outputs = [output.get_any_name() for output in compiled.outputs]

    def _adapted(self, network: Any) -> Any:
        """`network`, changed before it is compiled."""
        return network

    def infer(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        # no copies in or out, its fastest way: the outputs are read before the next call overwrites them
        results = self._request.infer({0: picture}, share_inputs=True, share_outputs=True)
        return {name: results[index] for index, name in enumerate(self.outputs)}


PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (OnnxRuntimePeer, OpenVinoPeer)}


def create_peers(names: Sequence[str], model: bytes, threads: int, precision: str = "f32") -> list[Peer]:
    """The peers called `names`, each with the dense ONNX file `model` loaded, in `precision` where they can.

    Raises:
        BackendError: a name is unknown or doubled, or the runtime refuses the network.
        MissingPackageError: the runtime is not installed.
    """
    require_peers(names)
    return [PEERS[name](model, threads, precision) for name in names]


def require_peers(names: Sequence[str]) -> None:
    """Raises BackendError where a name is unknown or doubled."""
    for name in names:
        if name not in PEERS:
            raise BackendError(f"there is no peer {name!r} to compare with", hint=f"choose among: {', '.join(PEERS)}")
    if len(set(names)) != len(names):
        raise BackendError(f"a peer is named twice: {', '.join(names)}", hint="name each once")


def reference_peer(peers: Sequence[Peer]) -> Peer | None:
    """The peer that results are compared with: the first in float32, else the first."""
    return next((peer for peer in peers if peer.precision == "f32"), peers[0] if peers else None)


def onnxruntime_options(runtime: Any, threads: int) -> Any:
    """Session options with which ONNX Runtime runs one picture at a time fastest."""
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # its threads wait in a busy loop after a run and would take the cores from whoever is timed next
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _fix_batch(network: object) -> None:
    """Batch size 1 where the file leaves it open: a fixed shape is what OpenVINO runs fastest."""
    for entry in network.inputs:  # type: ignore[attr-defined]
        shape = entry.get_partial_shape()
        if shape.is_dynamic:
            shape[0] = 1
            network.reshape({entry: shape})  # type: ignore[attr-defined]


def _not_loaded(name: str, error: Exception) -> EdgeskipError:
    if isinstance(error, EdgeskipError):
        return error
    return BackendError(f"{name} can't load the dense network: {error}", hint="leave it out of --against")
