"""The passes in order: plugins' ops, layers that stay TensorRT's, layout, precision, opset, record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from edgeskip.backends.tensorrt.choice import PLUGIN, LayerChoice, settle
from edgeskip.backends.tensorrt.lowering.batch import name_batch
from edgeskip.backends.tensorrt.lowering.free_batch import free_batch
from edgeskip.backends.tensorrt.lowering.half import to_half
from edgeskip.backends.tensorrt.lowering.layout import channels_last
from edgeskip.backends.tensorrt.lowering.names import CONV, is_plugin
from edgeskip.backends.tensorrt.lowering.opset import settle_opset
from edgeskip.backends.tensorrt.lowering.own_layers import expand_own, own_layer
from edgeskip.backends.tensorrt.lowering.plugin_ops import plugin_conv, plugin_gate, plugin_masks
from edgeskip.backends.tensorrt.lowering.record import lowering_record
from edgeskip.core.contract import METADATA_KEY
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.skip_model import SkipModel, is_op

PRECISIONS = ("fp32", "fp16")


@dataclass(frozen=True)
class LoweringOptions:
    """How a network is written for TensorRT.

    `choices`: dense name of a convolution to who runs it; the plugin where it is not named. `channels_last` False
    keeps [N, C, H, W], for people who put the plugins into graphs of their own. `alias_state` declares to TensorRT that
    state in and out are one tensor (10.3 and newer, with its preview feature).
    """

    precision: str = "fp32"
    channels_last: bool = True
    alias_state: bool = False
    choices: Mapping[str, LayerChoice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ModelError(f"precision {self.precision!r} can't be lowered: it is one of {', '.join(PRECISIONS)}")


@dataclass
class Lowered:
    """A network for TensorRT's parser. `record` is what its metadata says; `fixed_streams` None where N is open."""

    graph: Graph
    record: dict[str, Any]
    fixed_streams: int | None
    newer_ops: list[str]
    file: str = ""


def lower(model: SkipModel, options: LoweringOptions | None = None) -> Lowered:
    """`model` as TensorRT's parser reads it; `model` stays as it is.

    Raises:
        ModelError: a layer that neither the plugin nor TensorRT can run, or a weight beyond float16.
    """
    options = options or LoweringOptions()
    choices = settle(model, options.choices)
    graph = copy_graph(model.graph)
    graph.nodes = [part for node in graph.nodes for part in _translated(node, graph, model, choices)]
    graph = expand_own(graph)
    _know_mask_types(graph)
    fixed = None if free_batch(graph) else name_batch(graph)
    layouts = channels_last(graph, model.state_pairs) if options.channels_last else {}
    for node in graph.nodes if options.alias_state else ():
        if is_plugin(node, CONV):
            node.attributes["in_place"] = 1
    names = frozenset(name for pair in model.state_pairs for name in (pair.input, pair.output))
    notes = to_half(graph, names) if options.precision == "fp16" else []
    graph.remove_unused()
    newer = settle_opset(graph)
    graph.remove_unused()
    shown = {name: {"name": name, **asdict(choice)} for name, choice in choices.items()}
    record = lowering_record(model, graph, layouts, options.precision, shown, notes)
    graph.metadata[METADATA_KEY] = _metadata(model, record)
    return Lowered(graph, record, fixed, newer, model.file)


def _translated(node: Node, graph: Graph, model: SkipModel, choices: Mapping[str, LayerChoice]) -> list[Node]:
    if is_op(node, "SkipGate"):
        return [plugin_gate(*node.inputs, list(node.outputs), node.attributes, node.name)]
    if is_op(node, "SkipMask"):
        return plugin_masks(node, graph)
    if is_op(node, "SkipConv"):
        name = model.dense_name(node.outputs[0])
        by_plugin = choices[name].where == PLUGIN
        return [plugin_conv(node, graph, name)] if by_plugin else own_layer(node, graph, name)
    return [node]


def _know_mask_types(graph: Graph) -> None:
    """A boolean or integer result of a standard op may have no known type: ONNX's comparisons write bool."""
    for node in graph.nodes:
        for name in node.outputs:
            if name and name not in graph.info and node.inputs and node.inputs[0] in graph.info:
                info = graph.info[node.inputs[0]]
                kind = np.dtype(bool) if node.op_type in ("Greater", "Less", "Equal", "Not") else info.dtype
                graph.info[name] = TensorInfo(kind, info.shape)


def _metadata(model: SkipModel, record: dict[str, Any]) -> str:
    contract = json.loads(model.metadata.to_json())
    return json.dumps({**contract, "lowering": record}, sort_keys=True, separators=(",", ":"))
