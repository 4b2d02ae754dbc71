"""Stock ONNX Runtime as a backend."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from edgeskip.backends.base import Backend
from edgeskip.backends.onnxruntime.runner import OnnxRuntimeRunner
from edgeskip.core.errors import BackendError
from edgeskip.graph.skip_model import SkipModel


class OnnxRuntimeBackend(Backend):
    """The file in a runtime that knows nothing of edgeskip."""

    name = "onnxruntime"
    description = "stock ONNX Runtime through the function bodies: right results, but every frame is computed whole"

    def unavailable_reason(self) -> str | None:
        return None if find_spec("onnxruntime") else "the package onnxruntime is not installed"

    def create_runner(
        self, model: SkipModel, *, streams: int = 1, threads: int = 1, **options: Any
    ) -> OnnxRuntimeRunner:
        if options:
            raise BackendError(f"the onnxruntime backend has no options, {sorted(options)} were given")
        return OnnxRuntimeRunner(model, streams=streams, threads=threads)
