"""Runs a graph node by node in numpy: our oracles where there is one, onnx's own reference for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edgeskip.core.contract import DOMAIN
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.reference import convolution, masks, pooling, skip_ops  # noqa: F401  they register their oracles
from edgeskip.graph.reference.registry import ORACLES
from edgeskip.graph.reference.resize import COORDINATES, NEAREST, resize

_OWN_DOMAINS = ("", DOMAIN, "edgeskip.internal")
Step = Callable[[list[np.ndarray | None]], list[np.ndarray]]


class Interpreter:
    """A graph made ready to run.

    Raises:
        ModelError: an op that neither edgeskip nor onnx has a reference of.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._steps = [(node, _step(node, graph)) for node in graph.nodes]

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Every tensor of the graph by name, for inputs `feeds`."""
        values: dict[str, np.ndarray] = {**self.graph.constants, **feeds}
        for node, step in self._steps:
            results = step([values[name] if name else None for name in node.inputs])
            values.update((name, value) for name, value in zip(node.outputs, results, strict=False) if name)
        return values


def _step(node: Node, graph: Graph) -> Step:
    if node.domain in _OWN_DOMAINS and node.op_type in ORACLES:
        oracle = ORACLES[node.op_type]
        return lambda inputs: oracle(node, inputs)
    if node.op_type == "Resize" and _has_own_resize(node):
        return lambda inputs: [_resize(node, inputs)]
    return _standard(node, graph)


def _standard(node: Node, graph: Graph) -> Step:
    """The op of onnx's reference evaluator."""
    from onnx.reference import ReferenceEvaluator

    from edgeskip.graph.onnx_io import to_proto

    names = list(dict.fromkeys(name for name in node.inputs if name))
    outputs = [name for name in node.outputs if name]
    info = {name: graph.info[name] for name in (*names, *outputs) if name in graph.info}
    info |= {name: TensorInfo(value.dtype, value.shape) for name, value in graph.constants.items() if name in names}
    single = Graph([node], names, outputs, {}, info, graph.opset)
    try:
        evaluator = ReferenceEvaluator(to_proto(single))
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"nothing runs op {node.op_type} (domain {node.domain or 'ai.onnx'}) that writes {outputs[0]}",
            hint="export the network with standard ONNX ops",
        ) from error

    def run(inputs: list[np.ndarray | None]) -> list[np.ndarray]:
        given = {name: value for name, value in zip(node.inputs, inputs, strict=True) if name}
        results = iter(evaluator.run(None, given))
        return [next(results) if name else np.empty(0) for name in node.outputs]

    return run


def _has_own_resize(node: Node) -> bool:
    attributes = node.attributes
    return (
        attributes.get("mode", "nearest") in ("nearest", "linear")
        and attributes.get("coordinate_transformation_mode", "half_pixel") in COORDINATES
        and attributes.get("nearest_mode", "round_prefer_floor") in NEAREST
        and not attributes.get("antialias", 0)
        and attributes.get("keep_aspect_ratio_policy", "stretch") == "stretch"
        and "axes" not in attributes
    )


def _resize(node: Node, inputs: list[np.ndarray | None]) -> np.ndarray:
    """Resize over height and width; onnx's own evaluator takes minutes for a picture."""
    x, _, scales, sizes = [*inputs, None, None, None][:4]
    attributes = node.attributes
    given = [float(value) for value in scales[2:]] if scales is not None and scales.size else []
    target = [int(value) for value in sizes[2:]] if sizes is not None else []
    target = target or [int(np.floor(np.float32(x.shape[2 + k]) * np.float32(given[k]))) for k in (0, 1)]
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    nearest = attributes.get("nearest_mode", "round_prefer_floor")
    return resize(x, target, given, attributes.get("mode", "nearest"), coordinates, nearest).astype(np.float32)
