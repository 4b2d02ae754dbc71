"""Runs a skip model in stock ONNX Runtime through its function bodies: right results, no time saved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.backends.functional import FunctionalRunner
from edgeskip.core.errors import BackendError
from edgeskip.core.lazy import require

_ERRORS_ONLY = 3


class OnnxRuntimeRunner(FunctionalRunner):
    """One session; the states go in and out as arrays."""

    where = "onnxruntime"
    reason = "computed densely through its function body, then masked"

    def load(self) -> None:
        onnxruntime = require("onnxruntime", "export", "the onnxruntime backend")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(self._model_bytes(), options, ["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            reason = str(error).strip().splitlines()[0]
            raise BackendError(
                f"ONNX Runtime {onnxruntime.__version__} refuses {self.model.file or 'the model'}: {reason}",
                hint="update it: pip install -U onnxruntime",
            ) from error

    def unload(self) -> None:
        self._session = None

    def compute(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(self.wanted, self._session.run(self.wanted, dict(feeds)), strict=True))

    def _model_bytes(self) -> bytes:
        """The file, with the tensors that only counting needs as further outputs."""
        from edgeskip.graph.skip_model import SkipModel, to_bytes

        graph = self.model.graph
        if self.wanted == graph.outputs:
            return to_bytes(self.model)
        from edgeskip.graph.passes.copy_graph import copy_graph

        extended = copy_graph(graph)
        extended.outputs = list(self.wanted)
        return to_bytes(SkipModel(extended, self.model.metadata, self.model.file))
