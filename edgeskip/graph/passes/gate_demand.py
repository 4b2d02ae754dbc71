"""Which convolutions can skip, and which tensors their masks depend on."""

from __future__ import annotations

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.place_masks import MaskRule, mask_rule, size_of
from edgeskip.graph.reference.masks import candidates


def _is_skippable(node: Node, graph: Graph) -> bool:
    """Whether the contract can express `node`: a 2-D convolution with constant weights.

    Every output pixel must read at least one input pixel, or it would stay unknown for ever.
    """
    if node.op_type != "FusedConv":
        return False
    weight = graph.constant(node.inputs[1])
    bias = node.input(2)
    if weight is None or weight.ndim != 4 or (bias and graph.constant(bias) is None):
        return False
    size = size_of(graph, node.inputs[0])
    if size is None or size_of(graph, node.outputs[0]) is None:
        return False
    if node.input(3) and graph.shape(node.input(3))[1:] != graph.shape(node.outputs[0])[1:]:
        return False
    return bool(candidates(node, np.ones((1, 1, *size))).all())


class Demand:
    """Answers about tensors of a canonical dense graph, found once by walking it backwards."""

    def __init__(self, graph: Graph) -> None:
        self.rules: dict[int, MaskRule | None] = {id(node): mask_rule(node, graph) for node in graph.nodes}
        self._skippable = {id(node) for node in graph.nodes if _is_skippable(node, graph)}
        self._thresholds = [node.outputs[0] for node in graph.nodes if self._has_threshold(node)]
        self._reaching: set[str] = set()
        self._needed: set[str] = set()
        for node in reversed(graph.nodes):
            outputs = [name for name in node.outputs if name]
            if self.is_skippable(node):
                self._reaching.update(node.inputs)
                self._needed.update((node.inputs[0], node.input(3)))
                continue
            if any(name in self._reaching for name in outputs):
                self._reaching.update(node.inputs)
            rule = self.rules[id(node)]
            if rule is not None and any(name in self._needed for name in outputs):
                self._needed.update(rule.inputs)

    def _has_threshold(self, node: Node) -> bool:
        rule = self.rules[id(node)]
        return self.is_skippable(node) or (rule is not None and rule.kind == "reduce")

    def is_skippable(self, node: Node) -> bool:
        """Whether `node` can become a SkipConv."""
        return id(node) in self._skippable

    def reaches_convolution(self, tensor: str) -> bool:
        """Whether a skip convolution depends on `tensor`, directly or through other ops."""
        return tensor in self._reaching

    def mask_needed(self, tensor: str) -> bool:
        """Whether a skip convolution needs the mask of `tensor`, directly or through masks made of it."""
        return tensor in self._needed

    def threshold_tensors(self) -> list[str]:
        """Tensors whose gate has a threshold above 0 at a tolerance above 0, in graph order."""
        return [name for name in self._thresholds if self.reaches_convolution(name)]
