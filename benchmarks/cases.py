"""The five shared networks on video that suits them, and a skip model of each as `edgeskip export` makes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeskip import tasks
from edgeskip.core.contract import Task
from edgeskip.export.dense import export_dense
from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.skip_model import SkipModel
from edgeskip.video import open_source, prepare

SCALE_FRAMES = 8


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
    Case("yolox_nano_640x384", "highway.avi", 600, 300, 0.06, 4),
    Case("yolox_nano_640x384", "one-by-one-person.mp4", 100, 300, 0.12, 6),
    Case("retinaface_mnet025_640x384", "asl-book.mkv", 0, 99, 0.12, 6),
    Case("yunet_n_640x384", "asl-book.mkv", 0, 99, 0.12, 6),
    Case("fastestdet_352x352", "one-by-one-person.mp4", 100, 300, 0.03, 3),
    Case("hourglass_192x192", "asl-book.mkv", 0, 99, 0.06, 6),
)


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
