"""The value of one node for constant inputs, by ONNX's own reference implementation."""

from __future__ import annotations

import numpy as np

from edgeskip.graph.ir import Graph, Node, TensorInfo

_NOT_A_FUNCTION = {
    "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout",
}  # fmt: skip


def evaluate_node(node: Node, inputs: list[np.ndarray], opset: int) -> list[np.ndarray] | None:
    """Outputs of `node`; `inputs` are the values of its present inputs in order, without repeats.

    None where the op is random, not standard, or not evaluable.
    """
    if node.domain or node.op_type in _NOT_A_FUNCTION:
        return None
    from onnx.reference import ReferenceEvaluator

    from edgeskip.graph.onnx_proto import to_proto

    names = list(dict.fromkeys(name for name in node.inputs if name))
    outputs = [name for name in node.outputs if name]
    feeds = dict(zip(names, inputs, strict=True))
    info = {name: TensorInfo(value.dtype, value.shape) for name, value in feeds.items()}
    model = to_proto(Graph([node], names, outputs, {}, info, opset))
    try:
        values = ReferenceEvaluator(model).run(None, feeds)
    except Exception:  # the reference implementation raises anything for what it can't do; then the node stays
        return None
    return values if all(isinstance(value, (np.ndarray, np.generic)) for value in values) else None
