"""How large each layer's activations are, so that a tolerance means the same for every layer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edgeskip.core.errors import ModelError
from edgeskip.export.sessions import open_session
from edgeskip.graph.ir import Graph
from edgeskip.graph.passes import expand_fused
from edgeskip.graph.passes.gate_demand import Demand


def layer_scales(graph: Graph, frames: Iterable[np.ndarray], norm: str, file: str) -> dict[str, float]:
    """Mean over pixels and frames of norm_c(activation), for each tensor that gets a threshold.

    `graph` is canonical, a frame is what its inputs read, [1, C, H, W]. One frame is held at a time.

    Raises:
        ModelError: no frames, or a network that ONNX Runtime can't run.
    """
    from edgeskip.graph.onnx_io import to_proto

    tensors = Demand(graph).threshold_tensors()
    if not tensors:
        return {}
    probe = expand_fused(graph)
    probe.outputs = list(tensors)
    session = open_session(to_proto(probe), file)
    totals, count = np.zeros(len(tensors)), 0
    for frame in frames:
        values = session.run(tensors, dict.fromkeys(graph.inputs, frame))
        totals += [mean_norm(value, norm) for value in values]
        count += 1
    if not count:
        raise ModelError("no frames were given to take the scales from", hint="give a video with at least one frame")
    return dict(zip(tensors, (totals / count).tolist(), strict=True))


def mean_norm(value: np.ndarray, norm: str) -> float:
    """Mean over pixels of norm_c, [N, C, H, W] -> one number."""
    magnitude = np.abs(value.astype(np.float32))
    if norm == "l2":
        return float(np.sqrt(np.mean(magnitude**2, axis=1)).mean(dtype=np.float64))
    if norm == "l1":
        return float(magnitude.mean(dtype=np.float64))
    return float(magnitude.max(axis=1).mean(dtype=np.float64))
