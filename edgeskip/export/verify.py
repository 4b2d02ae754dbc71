"""A skip model that knows nothing yet computes everything: it must equal the network it was made of."""

from __future__ import annotations

import numpy as np

from edgeskip.core.errors import ModelError
from edgeskip.export.sessions import open_session
from edgeskip.graph.ir import Graph
from edgeskip.graph.onnx_io import to_proto
from edgeskip.graph.skip_model import SkipModel

TOLERANCE = 1e-3
_STARTS = {"nan": (np.nan, np.float32), "one": (1, np.int32)}


def start_states(model: SkipModel, streams: int) -> dict[str, np.ndarray]:
    """The states of `streams` cameras of which nothing is known."""
    return {pair.input: np.full(model.state_shape(pair, streams), *_STARTS[pair.start]) for pair in model.state_pairs}


def verify_first_frame(model: SkipModel, dense: Graph, frame: np.ndarray) -> float:
    """Largest error of the skip model's first frame, relative to the output's largest value.

    `frame` [N, C, H, W] has the batch of the file.

    Raises:
        ModelError: an output differs by more than 1e-3, or holds a value that is not a number.
    """
    wanted = open_session(to_proto(dense), model.file).run(model.outputs, dict.fromkeys(dense.inputs, frame))
    feeds = {**dict.fromkeys(model.frame_inputs, frame), **start_states(model, len(frame))}
    found = open_session(to_proto(model.graph), model.file).run(model.outputs, feeds)
    errors = [relative_error(a, b) for a, b in zip(found, wanted, strict=True)]
    for name, error in zip(model.outputs, errors, strict=True):
        if not error <= TOLERANCE:
            raise ModelError(
                f"{model.file}: output {name} of the skip model differs from the network by {error:.2g} of its "
                f"largest value; at most {TOLERANCE:g} is allowed",
                hint="this is a bug of edgeskip: please report it with the network",
            )
    return max(errors, default=0.0)


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """max |found - wanted| / max |wanted|; NaN where only one of them is a number."""
    found, wanted = found.astype(np.float64), wanted.astype(np.float64)
    if not np.array_equal(np.isnan(found), np.isnan(wanted)):
        return float("nan")
    with np.errstate(invalid="ignore"):
        difference = np.where(found == wanted, 0, np.abs(found - wanted))
    largest = np.nanmax(np.abs(wanted), initial=0.0)
    return float(np.nanmax(difference, initial=0.0) / max(largest, np.finfo(np.float32).tiny))
