"""Dense and skip networks from and to `.onnx` files; every way a file can be unfit is one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeskip.core.contract import DOMAIN
from edgeskip.core.errors import ModelError, OutputError
from edgeskip.core.files import write_bytes
from edgeskip.graph.ir import Graph
from edgeskip.graph.onnx_checks import check_inputs, check_opset, fix_size
from edgeskip.graph.onnx_proto import graph_from_proto, to_proto

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["graph_from_proto", "graph_of", "load_graph", "load_proto", "save_graph", "to_proto"]

OLDEST_OPSET_WRITTEN = 13
_EXPORT_AGAIN = "give an .onnx file as written by torch.onnx.export, or export or download it again"


def load_graph(path: str | Path, size: tuple[int, int] | None = None) -> Graph:
    """Read a dense network: opset 11 to 23, float32 inputs, fixed height and width.

    Opsets 11 and 12 are converted to 13, model-local functions are inlined, every shape that
    follows from the inputs is inferred. A symbolic batch stays symbolic; ops that nobody knows
    stay in the graph, for the planner to judge.

    Args:
        path: the file; external data is read from its folder.
        size: (width, height) in pixels for inputs whose spatial size is not fixed.

    Raises:
        ModelError: the file or the network is unfit; the message says why.
    """
    return graph_of(load_proto(path), str(path), size)


def graph_of(proto: ModelProto, file: str, size: tuple[int, int] | None = None) -> Graph:
    """The graph of a network in memory, as `load_graph` reads it; `file` names it in messages. Raises ModelError."""
    check_inputs(proto, file)
    fix_size(proto, size, file)
    proto = _inlined(proto, file)
    proto = _modern(proto, file)
    return graph_from_proto(_with_shapes(proto, file), file)


def load_proto(path: str | Path) -> ModelProto:
    """Read and check an `.onnx` file, dense or skip, with its external data.

    Raises:
        ModelError: missing, not ONNX, truncated, refused by the ONNX checker, or opset not 11 to 23.
    """
    import onnx
    from google.protobuf.message import DecodeError

    path = Path(path)
    try:
        proto = onnx.load(str(path))
    except FileNotFoundError as error:
        missing = path if not path.exists() else error.filename or error
        raise ModelError(f"{path}: no such file: {missing}", hint="check the path of the network") from error
    except DecodeError as error:
        raise ModelError(f"{path}: not an ONNX file, or a truncated one", hint=_EXPORT_AGAIN) from error
    except OSError as error:
        raise ModelError(f"{path}: can't be read: {error.strerror or error}", hint="check the path's rights") from error
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ModelError(f"{path}: external data can't be read: {_first_line(error)}", hint=_EXPORT_AGAIN) from error
    if not proto.HasField("graph") or not proto.graph.output:
        raise ModelError(f"{path}: not an ONNX file: it holds no network", hint=_EXPORT_AGAIN)
    check_opset(proto, str(path))
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ModelError(f"{path}: not a valid ONNX network: {_first_line(error)}", hint=_EXPORT_AGAIN) from error
    return proto


def save_graph(graph: Graph, path: str | Path) -> None:
    """Write `graph` to `path`, whole or not at all. Raises OutputError."""
    try:
        data = to_proto(graph).SerializeToString(deterministic=True)
    except ValueError as error:
        raise OutputError(
            f"can't write {path}: {error}", hint="an ONNX file in one piece holds at most 2 GB of weights"
        ) from error
    write_bytes(path, data)


def _inlined(proto: ModelProto, file: str) -> ModelProto:
    """`proto` with its own functions expanded, so that every node is an op; ours are kept."""
    if all(function.domain == DOMAIN for function in proto.functions):
        return proto
    import onnx.inliner

    names = [(function.domain, function.name) for function in proto.functions if function.domain != DOMAIN]
    try:
        return onnx.inliner.inline_selected_functions(proto, names)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{file}: its functions can't be inlined: {_first_line(error)}", hint="export without functions"
        ) from error


def _modern(proto: ModelProto, file: str) -> ModelProto:
    """`proto` in opset 13 or later."""
    opset = check_opset(proto, file)
    if opset >= OLDEST_OPSET_WRITTEN:
        return proto
    import onnx.version_converter

    try:
        return onnx.version_converter.convert_version(proto, OLDEST_OPSET_WRITTEN)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{file}: opset {opset} can't be converted to {OLDEST_OPSET_WRITTEN}: {_first_line(error)}",
            hint=f"export the network with opset {OLDEST_OPSET_WRITTEN} or later",
        ) from error


def _with_shapes(proto: ModelProto, file: str) -> ModelProto:
    """`proto` with every shape that can be inferred; values of shape arithmetic are followed."""
    import onnx

    del proto.graph.value_info[:]
    try:
        return onnx.shape_inference.infer_shapes(proto, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError) as error:
        raise ModelError(
            f"{file}: its shapes contradict each other: {_first_line(error)}", hint=_EXPORT_AGAIN
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
