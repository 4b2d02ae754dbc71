"""Small dense graphs made to skip, short made-up videos, and the oracle that runs a skip model frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.passes.infer_shapes import infer_shapes
from edgeskip.graph.passes.pipeline import simplify
from edgeskip.graph.passes.place_gates import GateOptions, place_gates
from edgeskip.graph.reference.interpreter import Interpreter
from edgeskip.graph.skip_model import SkipModel


def dense_graph(
    nodes: list[Node],
    constants: dict[str, np.ndarray] | None = None,
    outputs: tuple[str, ...] = ("y",),
    shape: tuple[int, ...] = (1, 4, 9, 11),
    opset: int = 18,
) -> Graph:
    """A dense graph that reads the picture "x"."""
    info = {"x": TensorInfo(np.dtype(np.float32), shape)}
    graph = Graph(nodes, ["x"], list(outputs), dict(constants or {}), info, opset)
    infer_shapes(graph)
    return graph


def skipping(graph: Graph, canonical: bool = True, **options: Any) -> SkipModel:
    """The skip model of a dense graph, at tolerance 0 unless said; `canonical` False: as it stands."""
    values = {"tolerance": 0.0, "frame_window": 1, **options}
    return place_gates(simplify(graph) if canonical else graph, GateOptions(**values))


def moving_pictures(shape: tuple[int, ...], frames: int, seed: int) -> Iterator[np.ndarray]:
    """Random pictures in which small rectangles change from frame to frame; some frames stay as they are."""
    rng = np.random.default_rng(seed)
    picture = rng.standard_normal(shape).astype(np.float32)
    for frame in range(frames):
        if frame and frame % 4 != 3:
            top, left = (int(rng.integers(size)) for size in shape[2:])
            part = picture[:, :, top : top + 3, left : left + 2]
            part += rng.standard_normal(part.shape).astype(np.float32)
        yield picture.copy()


class Oracle:
    """The numpy reference with the states fed back; `step` returns every tensor of the file by name."""

    def __init__(self, model: SkipModel, streams: int = 1) -> None:
        self.model = model
        self._interpreter = Interpreter(model.graph)
        self._states = {
            pair.input: np.full(
                model.state_shape(pair, streams), np.nan if pair.start == "nan" else 1, _dtype(pair.start)
            )
            for pair in model.state_pairs
        }

    def step(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """Run one frame."""
        values = self._interpreter.run({self.model.frame_inputs[0]: picture, **self._states})
        self._states = {pair.input: values[pair.output] for pair in self.model.state_pairs}
        return values


def _dtype(start: str) -> Any:
    return np.float32 if start == "nan" else np.int32
