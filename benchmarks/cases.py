"""The five shared networks on video that suits them, and a skip model of each as `edgeskip export` makes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgeskip import tasks
from edgeskip.core.contract import Task
from edgeskip.evaluate.accuracy import evaluate
from edgeskip.export.dense import export_dense
from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.skip_model import SkipModel
from edgeskip.video import open_source, prepare

SCALE_FRAMES = 8
AGREEMENT = 0.97
# tolerance and frame threshold, coarsest first
LADDER = ((0.12, 6.0), (0.06, 6.0), (0.06, 4.0), (0.03, 4.0), (0.03, 3.0), (0.02, 2.0))


@dataclass(frozen=True)
class Case:
    """A network on `frames` frames of a video from `start` on.

    `tolerance` and `frame_threshold` are the coarsest tried at which the agreement on these frames is 0.97 or
    more: see README.md. Frames count from the first that warms up.
    """

    network: str
    video: str
    start: int
    frames: int
    tolerance: float
    frame_threshold: float

    def network_path(self, shared: Path) -> Path:
        """The dense network in the shared folder."""
        return shared / "data" / "networks" / f"{self.network}.onnx"

    def video_path(self, shared: Path) -> Path:
        """The video in the shared folder."""
        return shared / "data" / "videos" / self.video


CASES = (
    Case("yolox_nano_640x384", "highway.avi", 590, 300, 0.06, 4),
    Case("yolox_nano_640x384", "one-by-one-person.mp4", 90, 300, 0.12, 6),
    Case("retinaface_mnet025_640x384", "asl-book.mkv", 0, 99, 0.12, 6),
    Case("yunet_n_640x384", "asl-book.mkv", 0, 99, 0.12, 6),
    Case("fastestdet_352x352", "one-by-one-person.mp4", 90, 300, 0.03, 3),
    Case("hourglass_192x192", "asl-book.mkv", 0, 99, 0.06, 6),
    # a moving camera: nothing to skip
    Case("yolox_nano_640x384", "dashcam.mp4", 0, 28, 0.03, 3),
)


def choose_setting(case: Case, shared: Path, warmup: int) -> Case:
    """`case` with the coarsest setting of `LADDER` whose results agree on the case's frames, else the finest."""
    for tolerance, frame_threshold in LADDER:
        case = replace(case, tolerance=tolerance, frame_threshold=frame_threshold)
        with open_source(case.video_path(shared), start=case.start, frames=case.frames + warmup) as source:
            result = evaluate(
                export_case(case, shared), (frame.picture for frame in source), warmup=warmup,
                dense=case.network_path(shared),
            )  # fmt: skip
        if result.agreement >= AGREEMENT:
            break
    return case


def export_case(case: Case, shared: Path) -> SkipModel:
    """What `edgeskip export NETWORK --video VIDEO --tolerance T --frame-threshold F` gives."""
    path = case.network_path(shared)
    graph = load_graph(path)
    shape = graph.shape(graph.inputs[0])
    name = tasks.detect_task(shape, {output: graph.shape(output) for output in graph.outputs})
    preparation = tasks.get(name).preparation((shape[3], shape[2]))
    with open_source(case.video_path(shared), frames=SCALE_FRAMES) as source:
        frames = [prepare(frame.picture, preparation)[0] for frame in source]
    return export_dense(
        path, preparation, Task(name), frames, tolerance=case.tolerance, frame_threshold=case.frame_threshold,
        source_description=f"{SCALE_FRAMES} frames of {case.video}",
    )  # fmt: skip
