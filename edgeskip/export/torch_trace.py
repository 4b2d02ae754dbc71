"""A torch network to a dense graph in which each use of a SkipConv2d is one convolution that says which.

While the network is traced, a layer is a single custom op with a number; both exporters of torch carry it through as
one node, whatever padding or gate the layer has. The node then becomes the convolution, with the layer's weights.
"""

from __future__ import annotations

import io
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeskip.core.errors import EdgeskipError, ModelError
from edgeskip.core.lazy import require
from edgeskip.graph.ir import Graph
from edgeskip.graph.passes.fused_conv import COMPARES_OUTPUT, LAYER

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto
    from torch import Tensor, nn

    from edgeskip.nn import SkipConv2d

EXPORTERS = ("torchscript", "dynamo")
INPUT = "images"
DOMAIN, OP = "edgeskip.torch", "SkipLayer"
OPSETS = {"torchscript": 17, "dynamo": 18}


@dataclass(frozen=True)
class Use:
    """One place that a frame passes a layer at: `title` is the layer's name, with the number of the use if several."""

    layer: SkipConv2d
    name: str
    site: int
    title: str
    pads: tuple[int, int, int, int]  # left, right, top, bottom
    shape: tuple[int, int, int]  # of the output: channels, height, width


@dataclass
class Trace:
    """`graph` is dense; its convolutions with a title in attribute `layer` are those of `uses`."""

    graph: Graph
    uses: dict[str, Use] = field(default_factory=dict)


def trace(model: nn.Module, example: Tensor, exporter: str = "torchscript") -> Trace:
    """Export `model` (in eval mode) for pictures like `example` [1, C, H, W].

    Raises:
        ModelError: an unknown exporter, or torch can't export the network; or a layer is used more often than it has
            states.
    """
    if exporter not in EXPORTERS:
        raise ModelError(f"unknown exporter {exporter!r}", hint=f"exporters: {', '.join(EXPORTERS)}")
    with _numbered_layers(model) as uses:
        proto = _export(model, example, exporter)
        uses = list(uses)
    return Trace(_graph(proto, uses, type(model).__name__), {use.title: use for use in uses})


def output_names(outputs: Any) -> list[str]:
    """Names for what a network returns: keys of a dict, "output", or "output.0" and so on."""
    names = _named(outputs, "")
    return ["output"] if names == [""] else [name.removeprefix(".") if name[1:2].isalpha() else f"output{name}"
                                             for name in names]  # fmt: skip


def flatten(outputs: Any) -> list[Tensor]:
    """The tensors that a network returns, in the order of their names."""
    if hasattr(outputs, "detach"):
        return [outputs]
    parts = outputs.values() if isinstance(outputs, dict) else outputs
    return [tensor for part in parts for tensor in flatten(part)]


def _named(outputs: Any, prefix: str) -> list[str]:
    if hasattr(outputs, "detach"):
        return [prefix]
    if isinstance(outputs, dict):
        return [name for key, part in outputs.items() for name in _named(part, f"{prefix}.{key}")]
    if isinstance(outputs, (list, tuple)):
        return [name for index, part in enumerate(outputs) for name in _named(part, f"{prefix}.{index}")]
    raise ModelError(
        f"the network returns {type(outputs).__name__}, not tensors",
        hint="return a tensor, or lists, tuples and dicts of tensors",
    )


@contextmanager
def _numbered_layers(model: nn.Module) -> Iterator[list[Use]]:
    """Inside, every use of a layer is the custom op; the list is that of the last pass through the network."""
    from edgeskip.nn import skip_layers

    layers, uses = skip_layers(model), _uses()
    uses.clear()
    handle = model.register_forward_pre_hook(lambda module, arguments: uses.clear())
    for name, layer in layers.items():
        layer.forward = _numbered(layer, name)
    try:
        yield uses
    finally:
        handle.remove()
        for layer in layers.values():
            del layer.forward


def _numbered(layer: SkipConv2d, name: str) -> Any:
    def forward(x: Tensor) -> Tensor:
        uses = _uses()
        site = sum(use.layer is layer for use in uses)
        if site >= len(layer.sites):
            raise ModelError(
                f"layer {name!r} is used more than {len(layer.sites)} times in one frame, and has "
                f"{len(layer.sites)} states",
                hint="convert again with Policy(shared='per_call') and an example input, or exclude the layer by name",
            )
        title = f"{name or 'conv'}#{site}" if len(layer.sites) > 1 else name or "conv"
        pads = layer.geometry.pads(*map(int, x.shape[-2:]))
        uses.append(Use(layer, name, site, title, pads, _output_shape(layer, x, pads)))
        return _custom_op()(x, len(uses) - 1)

    return forward


def _output_shape(layer: SkipConv2d, x: Tensor, pads: tuple[int, int, int, int]) -> tuple[int, int, int]:
    geometry = layer.geometry
    padded = int(x.shape[2]) + pads[2] + pads[3], int(x.shape[3]) + pads[0] + pads[1]
    reach = [(geometry.kernel[axis] - 1) * geometry.dilation[axis] + 1 for axis in (0, 1)]
    height, width = ((padded[axis] - reach[axis]) // geometry.stride[axis] + 1 for axis in (0, 1))
    return layer.out_channels, height, width


@cache
def _uses() -> list[Use]:
    """The uses of the network that is being traced."""
    return []


@cache
def _custom_op() -> Any:
    """torch.ops.edgeskip.skip_layer: the dense convolution of the use with this number."""
    import torch

    def skip_layer(x: torch.Tensor, index: int) -> torch.Tensor:
        return _uses()[index].layer.convolve(x)

    # annotations as objects: torch reads the schema off them
    skip_layer.__annotations__ = {"x": torch.Tensor, "index": int, "return": torch.Tensor}
    op = torch.library.custom_op("edgeskip::skip_layer", skip_layer, mutates_args=())
    op.register_fake(lambda x, index: x.new_empty((x.shape[0], *_uses()[index].shape)))
    return op


def _export(model: nn.Module, example: Tensor, exporter: str) -> ModelProto:
    import torch

    _custom_op()
    with torch.no_grad():
        names = output_names(model(example))
    try:
        with torch.no_grad(), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return {"torchscript": _torchscript, "dynamo": _dynamo}[exporter](model, example, names)
    except EdgeskipError:
        raise
    except Exception as error:  # torch's exporters raise whatever their parts raise
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, EdgeskipError):
            raise cause from error
        lines = str(cause).strip().splitlines() or [type(cause).__name__]
        other = next(name for name in EXPORTERS if name != exporter)
        raise ModelError(
            f"torch can't export {type(model).__name__} with its {exporter} exporter: {lines[0]}",
            hint=f"try the other one: --exporter {other}",
        ) from error


def _torchscript(model: nn.Module, example: Tensor, names: list[str]) -> ModelProto:
    import onnx
    import torch
    from torch.onnx import symbolic_helper

    def symbolic(graph: Any, x: Any, index: int) -> Any:
        result = graph.op(f"{DOMAIN}::{OP}", x, index_i=index)
        return result.setType(x.type().with_sizes([example.shape[0], *_uses()[index].shape]))

    opset = OPSETS["torchscript"]
    parsed = symbolic_helper.parse_args("v", "i")(symbolic)
    torch.onnx.register_custom_op_symbolic("edgeskip::skip_layer", parsed, opset)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            options: dict[str, Any] = {"custom_opsets": {DOMAIN: 1}} if _uses() else {}
            options |= {"input_names": [INPUT], "output_names": names, "opset_version": opset}
            torch.onnx.export(model, (example,), str(path), dynamo=False, **options)
            return onnx.load(str(path))
    finally:
        torch.onnx.unregister_custom_op_symbolic("edgeskip::skip_layer", opset)


def _dynamo(model: nn.Module, example: Tensor, names: list[str]) -> ModelProto:
    import torch

    values = require("onnxscript.values", "export", "the dynamo exporter")
    ours = values.Op(values.Opset(DOMAIN, 1), OP, _schema())

    def skip_layer(x: Any, index: int) -> Any:
        return ours(x, index=index)

    table = {torch.ops.edgeskip.skip_layer.default: skip_layer}
    options = {"input_names": [INPUT], "output_names": names, "opset_version": OPSETS["dynamo"]}
    options |= {"custom_translation_table": table, "verbose": False}
    return torch.onnx.export(model, (example,), dynamo=True, **options).model_proto


def _schema() -> Any:
    """The custom op as onnx describes ops: a picture and the number of the use make a picture."""
    from onnx import defs

    picture, schema = "tensor(float)", defs.OpSchema
    return schema(
        OP, DOMAIN, 1,
        inputs=[schema.FormalParameter("x", picture)],
        outputs=[schema.FormalParameter("y", picture)],
        attributes=[schema.Attribute("index", schema.AttrType.INT, required=True)],
    )  # fmt: skip


def _graph(proto: ModelProto, uses: list[Use], file: str) -> Graph:
    """The graph with convolutions in the place of the custom op, and their titles in attribute `layer`."""
    from edgeskip.graph.onnx_io import graph_of

    outputs = {}
    for node in proto.graph.node:
        if node.domain == DOMAIN:
            use = uses[next(attribute.i for attribute in node.attribute if attribute.name == "index")]
            _to_convolution(proto.graph, node, use)
            outputs[node.output[0]] = use
    kept = [entry for entry in proto.opset_import if entry.domain != DOMAIN]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
    graph = graph_of(proto, file)
    for node in graph.nodes:
        if node.outputs[0] in outputs:
            _to_fused(node, outputs[node.outputs[0]])
    return graph


def _to_convolution(graph: GraphProto, node: NodeProto, use: Use) -> None:
    from onnx import helper, numpy_helper

    layer, (left, right, top, bottom) = use.layer, use.pads
    tensors = {"weight": layer.weight, "bias": layer.bias}
    for key, value in tensors.items():
        if value is not None:
            name = f"{use.title}.{key}"
            graph.initializer.append(numpy_helper.from_array(value.detach().cpu().float().numpy(), name))
            node.input.append(name)
    node.op_type, node.domain, node.name = "Conv", "", re.sub(r"\s", "_", use.title)
    del node.attribute[:]
    geometry = layer.geometry
    attributes = {
        "kernel_shape": geometry.kernel, "strides": geometry.stride, "dilations": geometry.dilation,
        "pads": (top, left, bottom, right), "group": layer.groups,
    }  # fmt: skip
    node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())


def _to_fused(node: Any, use: Use) -> None:
    from edgeskip.graph.passes.fused_conv import DOMAIN as FUSED_DOMAIN
    from edgeskip.graph.passes.fused_conv import OP_TYPE

    node.op_type, node.domain = OP_TYPE, FUSED_DOMAIN
    node.attributes |= {"transposed": 0, "output_padding": [0, 0], "activation": "none", "alpha": [], "beta": 0.0}
    node.attributes[LAYER] = use.title
    if use.layer.gate.watches == "output":
        node.attributes[COMPARES_OUTPUT] = 1
