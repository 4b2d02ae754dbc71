"""Random networks made to skip, and random videos for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from edgeskip.graph.onnx_io import graph_from_proto
from edgeskip.graph.passes.pipeline import simplify
from edgeskip.graph.passes.place_gates import GateOptions, place_gates
from edgeskip.graph.skip_model import SkipModel
from support.networks import random_network


@dataclass
class RandomSkip:
    """A dense network and the skip model made of it."""

    seed: int
    dense: onnx.ModelProto
    model: SkipModel

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape [1, C, H, W] of the picture."""
        return (1, *(int(size) for size in self.model.frame_shape(self.model.frame_inputs[0])[1:]))

    def video(self, frames: int) -> Iterator[np.ndarray]:
        """Pictures that belong to this network's seed."""
        return random_video(self.shape, frames, self.seed)


def random_skip(
    seed: int, tolerance: float = 0.0, frame_threshold: float | None = None, norm: str = "l2", **network: Any
) -> RandomSkip:
    """Random network `seed` at `tolerance`; its activations are of the order of one, so every scale is 1."""
    network = {"opset": 13 + seed % 8, **network}
    proto = random_network(seed, **network)
    graph = simplify(graph_from_proto(onnx.shape_inference.infer_shapes(proto, data_prop=True), f"random {seed}"))
    scales = {name: 1.0 for node in graph.nodes for name in node.outputs}
    options = GateOptions(
        tolerance=tolerance, frame_threshold=frame_threshold, frame_window=1 + 2 * (seed % 2), norm=norm, scales=scales
    )
    return RandomSkip(seed, proto, place_gates(graph, options))


def random_video(shape: tuple[int, ...], frames: int, seed: int) -> Iterator[np.ndarray]:
    """Pictures with moving rectangles, frames that repeat, slow light change in a part, and a cut."""
    rng = np.random.default_rng(seed)
    picture = rng.standard_normal(shape).astype(np.float32)
    for frame in range(frames):
        kind = frame % 5
        if kind == 4 and rng.random() < 0.2:
            picture = rng.standard_normal(shape).astype(np.float32)
        elif kind in (1, 2, 3):
            top, left = int(rng.integers(shape[2])), int(rng.integers(shape[3]))
            part = picture[:, :, top : top + 5, left : left + 4]
            part += (0.5 * rng.standard_normal(part.shape)).astype(np.float32)
            picture[:, :, : shape[2] // 3] += np.float32(0.01 * np.sin(frame))
        yield picture.copy()
