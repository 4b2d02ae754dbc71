"""The lowered network as a file: standard ONNX with three op types that only the plugins know."""

from __future__ import annotations

from pathlib import Path

from edgeskip.backends.tensorrt.lowering.lower import Lowered
from edgeskip.backends.tensorrt.lowering.opset import ir_version
from edgeskip.core.errors import OutputError
from edgeskip.core.files import write_bytes


def lowered_bytes(lowered: Lowered) -> bytes:
    """The whole file. Raises OutputError where it would hold more than 2 GB."""
    from edgeskip.graph.onnx_io import to_proto

    try:
        return to_proto(lowered.graph, ir_version(lowered.graph)).SerializeToString(deterministic=True)
    except ValueError as error:
        raise OutputError(
            f"{lowered.file}: can't be written for TensorRT: {error}",
            hint="an ONNX file in one piece holds at most 2 GB of weights: build with --fp16",
        ) from error


def write_lowered(lowered: Lowered, path: str | Path) -> None:
    """Write the lowered network to `path`, whole or not at all. Raises OutputError."""
    write_bytes(path, lowered_bytes(lowered))
