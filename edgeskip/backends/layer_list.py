"""A model's operations in order, for backends that run the file node by node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edgeskip.backends.base import LayerInfo
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import ConvInfo, SkipModel, is_op


def layer_list(model: SkipModel, place: Callable[[str], tuple[str, str]]) -> list[LayerInfo]:
    """All operations but those on masks; `place` gives where and why the op runs that writes a dense tensor."""
    infos = {id(info.node): info for info in model.convolutions}
    nodes = [node for node in model.graph.nodes if not is_op(node, "SkipMask")]
    return [_layer(model, node, infos.get(id(node)), place) for node in nodes]


def _layer(model: SkipModel, node: Node, conv: ConvInfo | None, place: Callable[[str], tuple[str, str]]) -> LayerInfo:
    tensor = model.dense_name(node.outputs[0])
    where, reason = place(tensor)
    shape = tuple(model.graph.shape(node.outputs[0]) or ())
    layer = LayerInfo(tensor, node.op_type, tensor, shape, where=where, reason=reason)
    layer = replace(layer, mask=model.mask_of(tensor) or "")
    return replace(layer, macs=conv.macs, pixels=conv.pixels) if conv else layer
