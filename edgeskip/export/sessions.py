"""ONNX Runtime sessions for exporting; every refusal names the op."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgeskip.core.errors import ModelError
from edgeskip.core.lazy import require

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

# how ONNX Runtime names an op that it does not know, or knows and can't run
_REFUSALS = (
    re.compile(r"Could not find an implementation for (?P<op>\w+)"),
    re.compile(r"No Op registered for (?P<op>\w+)"),
    re.compile(r"Fatal error: (?:[\w.]*:)?(?P<op>\w+)\(-?\d+\) is not a registered"),
)
_ERRORS_ONLY = 3


def open_session(model: ModelProto, file: str) -> InferenceSession:
    """A session on the CPU.

    Raises:
        ModelError: an op that ONNX Runtime can't run, named, or a network that it refuses.
    """
    onnxruntime = require("onnxruntime", "export", "exporting a network")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise _refusal(model, file, str(error)) from error


def _refusal(model: ModelProto, file: str, message: str) -> ModelError:
    for pattern in _REFUSALS:
        match = pattern.search(message)
        if match:
            node = next((node for node in model.graph.node if node.op_type == match["op"]), None)
            where = f" (domain {node.domain or 'ai.onnx'}) that writes {node.output[0]}" if node else ""
            return ModelError(
                f"{file}: nothing here runs op {match['op']}{where}",
                hint="export the network with standard ONNX ops only, or cut it before this op",
            )
    first_line = message.strip().splitlines()[0]
    return ModelError(
        f"{file}: ONNX Runtime refuses the network: {first_line}",
        hint="check the file with onnx.checker, or export it again with another opset",
    )
