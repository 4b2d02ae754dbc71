"""Shapes that became known because constants were folded."""

from __future__ import annotations

from dataclasses import replace

from edgeskip.graph.ir import Graph
from edgeskip.graph.passes.explicit_ceil import shaped_alike


def infer_shapes(graph: Graph) -> int:
    """Ask ONNX again for tensors of unknown shape; returns how many became known."""
    unknown = [name for node in graph.nodes for name in node.outputs if name and not _is_known(graph, name)]
    if not unknown:
        return 0
    import onnx

    from edgeskip.graph.onnx_proto import graph_from_proto, to_proto

    proto = to_proto(replace(graph, nodes=[shaped_alike(node, graph) for node in graph.nodes]))
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        if not _is_known(graph, output.name):
            output.type.tensor_type.ClearField("shape")
    try:
        inferred = graph_from_proto(onnx.shape_inference.infer_shapes(proto, data_prop=True), graph.name)
    except onnx.shape_inference.InferenceError:  # then the shapes stay unknown, and passes that need them don't fire
        return 0
    better = [
        name for name in unknown if inferred.shape(name) is not None and inferred.shape(name) != graph.shape(name)
    ]
    graph.info.update({name: inferred.info[name] for name in better})
    return len([name for name in better if _is_known(graph, name)])


def _is_known(graph: Graph, name: str) -> bool:
    """Whether each size is a number or a symbol of the network's inputs; inference invents others."""
    shape = graph.shape(name)
    symbols = {size for tensor in graph.inputs for size in graph.shape(tensor) or () if isinstance(size, str)}
    return shape is not None and all(isinstance(size, int) or size in symbols for size in shape)
