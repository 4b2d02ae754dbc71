"""A graph's copy that a pass may rewrite."""

from __future__ import annotations

from edgeskip.graph.ir import Graph, Node


def copy_graph(graph: Graph) -> Graph:
    """`graph` with nodes and tables of its own; the arrays are shared, since no pass writes into one."""
    nodes = [
        Node(node.op_type, list(node.inputs), list(node.outputs), dict(node.attributes), node.domain, node.name)
        for node in graph.nodes
    ]
    return Graph(
        nodes=nodes,
        inputs=list(graph.inputs),
        outputs=list(graph.outputs),
        constants=dict(graph.constants),
        info=dict(graph.info),
        opset=graph.opset,
        name=graph.name,
        metadata=dict(graph.metadata),
    )
