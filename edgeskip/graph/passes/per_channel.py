"""Mul, Add, Sub, Div and BatchNormalization with constants, as y = scale[c] * x + shift[c]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.graph.ir import Graph, Node


@dataclass(frozen=True)
class PerChannel:
    """scale and shift [C], float64."""

    scale: np.ndarray
    shift: np.ndarray


def per_channel(graph: Graph, node: Node, tensor: str, channels: int) -> PerChannel | None:
    """What `node` does to each channel of the picture `tensor`, or None where it does something else."""
    if node.domain or node.inputs.count(tensor) != 1:
        return None
    if node.op_type == "BatchNormalization":
        return batch_norm(graph, node) if node.inputs[0] == tensor else None
    if node.op_type not in ("Add", "Sub", "Mul", "Div"):
        return None
    first = node.inputs[0] == tensor
    value = channel_values(graph.constant(node.inputs[1 if first else 0]), channels)
    if value is None:
        return None
    one, zero = np.ones(channels), np.zeros(channels)
    if node.op_type == "Add":
        return PerChannel(one, value)
    if node.op_type == "Sub":
        return PerChannel(one, -value) if first else PerChannel(-one, value)
    if node.op_type == "Mul":
        return PerChannel(value, zero)
    return PerChannel(1.0 / value, zero) if first and (value != 0).all() else None


def channel_values(value: np.ndarray | None, channels: int) -> np.ndarray | None:
    """`value` as [C] float64 where it broadcasts over a picture [N,C,H,W] by channel, else None."""
    if value is None or value.ndim > 4 or not np.issubdtype(value.dtype, np.floating):
        return None
    if value.size == 1:
        return np.full(channels, float(value.reshape(())), np.float64)
    if value.ndim < 3 or value.size != channels or value.shape[-3] != channels:
        return None
    return value.reshape(-1).astype(np.float64)


def batch_norm(graph: Graph, node: Node) -> PerChannel | None:
    """A BatchNormalization at inference: scale / sqrt(var + epsilon), bias - mean * that (Ioffe and Szegedy 2015)."""
    values = [graph.constant(name) for name in node.inputs[1:5]]
    if any(value is None for value in values) or node.attributes.get("training_mode", 0):
        return None
    gamma, beta, mean, variance = (value.astype(np.float64) for value in values)
    scale = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return PerChannel(scale, beta - mean * scale)
