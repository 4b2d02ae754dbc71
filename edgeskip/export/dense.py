"""Dense `.onnx` to skip model: read, simplify, measure the scales, place the gates, verify."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.export.scales import layer_scales
from edgeskip.export.verify import verify_first_frame
from edgeskip.graph.ir import Graph
from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.passes import simplify
from edgeskip.graph.passes.place_gates import GateOptions, place_gates
from edgeskip.graph.skip_model import SkipModel, is_skip_model


def export_dense(
    path: str | Path,
    preparation: Preparation,
    task: Task,
    frames: Iterable[np.ndarray],
    *,
    tolerance: float = 0.06,
    frame_threshold: float | None = None,
    norm: str = "l2",
    block: int = 1,
    size: tuple[int, int] | None = None,
    residuals_apart: bool = False,
    source_description: str = "synthetic scene",
) -> SkipModel:
    """A skip model of the dense network `path`; save it with `save_skip_model`.

    Args:
        preparation: how a picture becomes the network's input.
        frames: prepared pictures float32 [1, C, H, W], at least one; the layers' scales come from them.
        tolerance: how far a layer may move, relative to its own scale; 0 is exact.
        frame_threshold: how far the picture may move, in steps of 0..255 (None: 4, or 0 at tolerance 0).
        size: (width, height) for a network whose picture size is not fixed.
        residuals_apart: leave residual sums to ops of their own instead of the convolution before; changes cost only.
        source_description: where `frames` come from, for the record.

    Raises:
        ModelError: the network can't be read, run or made to skip; names the op or output.
    """
    file = str(path)
    if is_skip_model(path):
        raise ModelError(f"{file}: this is a skip model already", hint="give the dense network it was made of")
    dense = load_graph(path, size)
    graph = simplify(dense, residuals_apart=residuals_apart)
    check_inputs(graph, preparation, file)
    first, every = peek(frames, graph, file)
    scales = layer_scales(graph, every, norm, file) if tolerance else {}
    options = GateOptions(
        tolerance, frame_threshold, norm=norm, block=block, scales=scales, task=task,
        preparations=dict.fromkeys(graph.inputs, preparation),
        source=f"tolerance x mean {norm} norm over {source_description}",
    )  # fmt: skip
    model = place_gates(graph, options)
    model.file = file
    if not model.convolutions:
        raise ModelError(
            f"{file}: no convolution of this network can skip", hint="edgeskip makes 2-D convolutions on pictures skip"
        )
    model.metadata.about = {
        "source": Path(path).name,
        "frames": source_description,
        "verified_error": verify_first_frame(model, dense, first),
    }
    return model


def check_inputs(graph: Graph, preparation: Preparation, file: str) -> None:
    """Raises ModelError where the preparation does not make what `graph` reads."""
    expected = (preparation.channels, preparation.size[1], preparation.size[0])
    for name in graph.inputs:
        shape = graph.shape(name)
        if shape is None or tuple(shape[1:]) != expected:
            raise ModelError(
                f"{file}: input {name} reads {None if shape is None else list(shape)}, "
                f"the preparation makes [N, {', '.join(map(str, expected))}]",
                hint="give the network's own picture size and colours",
            )


def peek(frames: Iterable[np.ndarray], graph: Graph, file: str) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """The first frame in the batch of the file, and all frames likewise."""
    batch = graph.shape(graph.inputs[0])[0]
    count = batch if isinstance(batch, int) else 1

    def prepared() -> Iterator[np.ndarray]:
        for frame in frames:
            if not np.isfinite(frame).all():
                raise ModelError(
                    f"{file}: a frame holds a value that is not finite", hint="check mean and scale of the preparation"
                )
            yield np.repeat(np.asarray(frame, np.float32), count, axis=0)

    every = prepared()
    first = next(every, None)
    if first is None:
        raise ModelError(f"{file}: no frames were given", hint="give a video with at least one frame")
    return first, chain([first], every)
