"""Function bodies: what each contract op computes, in standard ops, so that any ONNX runtime runs the file."""

from __future__ import annotations

from onnx import FunctionProto

from edgeskip.graph.functions.conv import conv_function, conv_overload
from edgeskip.graph.functions.gate import gate_function, gate_overload
from edgeskip.graph.functions.mask import mask_function, mask_overload
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.skip_model import is_op

_OVERLOADS = {"SkipGate": gate_overload, "SkipConv": conv_overload, "SkipMask": mask_overload}
_FUNCTIONS = {"SkipGate": gate_function, "SkipConv": conv_function, "SkipMask": mask_function}


def overload_of(node: Node, graph: Graph) -> str:
    """Which function body `node` of `graph` calls; a dotted list of what tells the bodies apart."""
    return _OVERLOADS[node.op_type](node)


def functions_for(graph: Graph) -> list[FunctionProto]:
    """One body for each op and overload that `graph` uses, valid in its opset (13 to 23)."""
    functions: dict[tuple[str, str], FunctionProto] = {}
    for node in graph.nodes:
        if is_op(node):
            key = node.op_type, overload_of(node, graph)
            if key not in functions:
                functions[key] = _FUNCTIONS[node.op_type](node, graph.opset)
    return list(functions.values())
