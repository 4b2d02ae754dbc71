"""An engine beside the CPU engine, frame by frame on a video: python -m benchmarks.run_gpu_frames MODEL ENGINE."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.report import markdown_table
from edgeskip.backends.base import Runner
from edgeskip.backends.registry import get_backend
from edgeskip.cli.networks import open_network
from edgeskip.cli.sources import open_pictures, picture_preparation, scene_uri
from edgeskip.core.errors import EdgeskipError
from edgeskip.graph.skip_model import SkipModel
from edgeskip.video import prepare

# largest difference of an output, relative to its largest value in that frame: rounding of some 50 layers
TOLERANCES = {"fp32": 1e-4, "fp16": 3e-2}


@dataclass
class Difference:
    """Over all frames: the largest relative difference of an output, its frame, and active MAC shares of both."""

    frames: int = 0
    largest: float = 0.0
    worst_frame: int = -1
    skipped: float = 0.0
    skipped_reference: float = 0.0


def main(arguments: list[str]) -> int:
    """Print one row; 1 where an output differs by more than the tolerance."""
    options = read_options(arguments)
    model = open_network(options.model).model
    source = options.source or scene_uri(picture_preparation(model))
    with open_pictures(source, 0, options.frames) as pictures:
        found = compare(model, options.engine, pictures, options.backend)
    good = found.frames > 0 and found.largest <= TOLERANCES[options.precision]
    row = {
        "video": source, "precision": options.precision, "frames": found.frames, "largest difference": found.largest,
        "in frame": found.worst_frame, "allowed": TOLERANCES[options.precision],
        "active MACs": found.skipped, "of the CPU engine": found.skipped_reference,
    }  # fmt: skip
    print(markdown_table([row]))
    return 0 if good else 1


def read_options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run_gpu_frames", description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("model", help="skip model that the engine was built of")
    parser.add_argument("engine", help="the engine")
    parser.add_argument("--source", help="video (default: the synthetic scene)")
    parser.add_argument("--frames", type=int, default=300, help="at most")
    parser.add_argument("--precision", choices=sorted(TOLERANCES), default="fp32", help="of the engine")
    parser.add_argument("--backend", default="tensorrt", help="what runs the engine")
    return parser.parse_args(arguments)


def compare(model: SkipModel, engine: str, pictures: Iterable[np.ndarray], backend: str) -> Difference:
    """`engine` on `backend` and `model` on the CPU engine, over the same prepared pictures."""
    found, preparation = Difference(), picture_preparation(model)
    tested, reference = (
        get_backend(backend).create_runner(open_network(engine).model),
        get_backend("cpu").create_runner(model),
    )
    fractions: list[tuple[float, float]] = []
    with tested, reference:
        for pair in _frames(tested, reference, (prepare(picture, preparation)[0] for picture in pictures)):
            difference, *shares = pair
            if found.frames == 0 or not difference <= found.largest:
                found.largest, found.worst_frame = difference, found.frames
            found.frames += 1
            fractions.append((shares[0], shares[1]))
    if fractions:
        found.skipped, found.skipped_reference = (float(value) for value in np.mean(fractions, axis=0))
    return found


def _frames(tested: Runner, reference: Runner, inputs: Iterator[np.ndarray]) -> Iterator[tuple[float, float, float]]:
    """Relative difference and both active shares of each frame; infinite where an output is not finite."""
    for value in inputs:
        ours, theirs = tested.infer(value), reference.infer(value)
        differences = [relative_difference(ours.outputs[name], theirs.outputs[name]) for name in theirs.outputs]
        yield max(differences), ours.active_mac_fraction, theirs.active_mac_fraction


def relative_difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference as a share of the largest value; infinite where `found` is not finite."""
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float("inf")
    scale = float(np.abs(wanted).max(initial=0.0)) or 1.0
    return float(np.abs(found.astype(np.float64) - wanted).max(initial=0.0)) / scale


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeskipError as error:
        sys.exit(f"error: {error}")
