"""The two networks as the tables need them: factory, clips, metric, and which layers get which gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgeskip.core.contract import Preparation, Task
from edgeskip.demos.networks.clips import Clips, DetectionClips, PoseClips
from edgeskip.demos.networks.recipe import DETECTION_SIZE, POSE_SIZE, preparation
from edgeskip.demos.reproduce.scores import DetectionScores, PoseScores, Scores
from edgeskip.training.config import GateConfig

# a single output channel sees a change's sign only in sum; magnitudes of a few do not cancel
GUMBEL_OPTIONS = {"change": "magnitude", "channels": 1}
CLIPS = "edgeskip.demos.networks.clips"
FACTORIES = "edgeskip.demos.networks"


@dataclass(frozen=True)
class Subject:
    """`factory`, `dataset`: import paths. `first`: the layer that sees the camera's noise. `plain`: patterns of layers
    where a Gumbel gate costs as much as the layer, or has a single pixel to decide on; they get norm gates."""

    factory: str
    dataset: str
    clips: Callable[..., Clips]
    scores: Callable[[Any], Scores]
    preparation: Preparation
    task: Task
    first: str
    plain: tuple[str, ...] = ()

    def gates(self, gate: str, mode: str) -> tuple[GateConfig, ...]:
        """The policies of a column of the table, first match first."""
        norm, _, detail = gate.partition("_")
        if gate == "norm_input":
            return (_norm("input", mode),)
        # compared after the first layer, noise would already have been paid for
        first = _norm("input", mode, include=(self.first,))
        if norm == "norm":
            return (first, _norm("output", mode))
        learned = GateConfig("gumbel", {"block": int(detail), **GUMBEL_OPTIONS}, mode,
                             kinds=("pointwise", "grouped", "spatial"), exclude=self.plain)  # fmt: skip
        return (first, learned, *((_norm("output", mode),) if self.plain else ()))


def _norm(on: str, mode: str, include: tuple[str, ...] = ("*",)) -> GateConfig:
    return GateConfig("norm", {"on": on}, mode, include=include)


def _detection_scores(network: Any) -> Scores:
    from edgeskip.demos.networks.detection import anchor_boxes

    return DetectionScores(anchor_boxes(network.config))


SUBJECTS: dict[str, Subject] = {
    "hrnet_pose_small": Subject(
        f"{FACTORIES}.hrnet_pose:hrnet_pose_small", f"{CLIPS}:PoseClips", PoseClips, lambda _: PoseScores(),
        preparation(POSE_SIZE), Task("heatmap", parameters={"refine": True}), first="conv1",
    ),
    "efficientdet_small": Subject(
        f"{FACTORIES}.efficientdet:efficientdet_small", f"{CLIPS}:DetectionClips", DetectionClips, _detection_scores,
        preparation(DETECTION_SIZE), Task("tensor"), first="backbone.conv_stem", plain=("*.se.*",),
    ),
}  # fmt: skip
