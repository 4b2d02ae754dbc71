"""A skip model in stock ONNX Runtime with nothing of ours around it, and small videos to run it on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime

from edgeskip.core.contract import Preparation, Task
from edgeskip.export.dense import export_dense
from edgeskip.graph.skip_model import SkipModel, load_skip_model, save_skip_model, to_bytes

_STARTS = {"nan": (np.nan, np.float32), "one": (1, np.int32)}


def open_stock(model: bytes) -> onnxruntime.InferenceSession:
    """A session that reports errors only, on one thread."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])


class StockSkip:
    """Feeds the file its own states, frame after frame. `states` are those that the next frame reads."""

    def __init__(self, model: SkipModel, streams: int = 1) -> None:
        self.model = model
        self.session = open_stock(to_bytes(model))
        self.names = [value.name for value in self.session.get_outputs()]
        self.states = {
            pair.input: np.full(model.state_shape(pair, streams), *_STARTS[pair.start]) for pair in model.state_pairs
        }

    def run(self, frame: np.ndarray) -> dict[str, np.ndarray]:
        """Every output of the file for `frame`; the states move on."""
        feeds = {**dict.fromkeys(self.model.frame_inputs, frame), **self.states}
        values = dict(zip(self.names, self.session.run(self.names, feeds), strict=True))
        self.states = {pair.input: values[pair.output] for pair in self.model.state_pairs}
        return values


def export_network(
    path: Path, frames: list[np.ndarray], tolerance: float, frame_threshold: float | None = None, norm: str = "l2"
) -> SkipModel:
    """Export the network `path`, write it and read it back."""
    height, width = frames[0].shape[2:]
    preparation = Preparation((width, height))
    model = export_dense(
        path, preparation, Task(), frames, tolerance=tolerance, frame_threshold=frame_threshold, norm=norm
    )
    target = path.with_suffix(".skip.onnx")
    save_skip_model(model, target)
    return load_skip_model(target)


def moving_square(seed: int, count: int, height: int = 24, width: int = 32, noise: float = 0.0) -> Iterator[np.ndarray]:
    """`count` frames [1,3,height,width] of unit scale: a still texture, a square that wanders, sensor noise."""
    random = np.random.default_rng(seed)
    background = random.normal(size=(1, 3, height, width)).astype(np.float32)
    for index in range(count):
        frame = background + noise * random.normal(size=background.shape).astype(np.float32)
        top, left = index % (height - 6), (2 * index) % (width - 6)
        frame[:, :, top : top + 6, left : left + 6] = random.normal(size=(1, 3, 6, 6))
        yield frame


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """max |found - wanted| / max |wanted|; NaN where `found` has one."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
