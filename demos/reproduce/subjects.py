"""The two networks as the tables need them: factory, clips, metric, and which layers get which gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from edgeskip.core.contract import Preparation, Task
from edgeskip.demos.networks.clips import Clips, DetectionClips, PoseClips, TiledClips
from edgeskip.demos.networks.recipe import DETECTION_SIZE, POSE_SIZE, preparation
from edgeskip.demos.reproduce.scores import DetectionScores, PoseScores, Scores
from edgeskip.training.config import GateConfig

# Where the fit begins, relative to each layer's mean norm. The picture's noise (0.5 to 4 grey levels) ends at the first
# layer, and must not end with the figure's motion in the same place of all others: two thresholds, one ratio.
FIRST_TOLERANCE, TOLERANCE = 0.1, 0.06
FIRST_WINDOW = 5
CLIPS = "edgeskip.demos.networks.clips"
FACTORIES = "edgeskip.demos.networks"
DISTILLATION = f"{FACTORIES}.distillation"


@dataclass(frozen=True)
class Subject:
    """`factory`, `dataset`: import paths. `first`: the layer that sees the camera's noise.

    `heads`: patterns of layers that write the outputs. Their mean norm is that of a constant background, so that a
    tolerance relative to it would freeze them; they are cheap, and exact: computed wherever their input changed.
    `plain`: patterns of layers where a Gumbel gate has a single pixel to decide on; they get norm gates, as depthwise
    layers do, where it would cost as much as the layer. `gumbel`: options of the Gumbel gates beside their block.
    `distillation`, `accuracy`: import paths of the gates' loss, and of the metric that chooses the best of a training;
    `searched`: of the loss of the search. `tiles`: how many scenes beside and below one another fill the input of the
    published network.
    """

    factory: str
    dataset: str
    clips: Callable[..., Clips]
    scores: Callable[[Any], Scores]
    preparation: Preparation
    task: Task
    first: str
    heads: tuple[str, ...]
    plain: tuple[str, ...] = ()
    gumbel: Mapping[str, Any] = field(default_factory=dict)
    distillation: str = ""
    accuracy: str = ""
    searched: str = ""
    tiles: int = 1

    def large(self) -> Subject:
        """The same with pictures of the published network's size."""
        if self.tiles == 1:
            return self
        width, height = self.preparation.size
        size = (self.tiles * width, self.tiles * height)
        return replace(self, clips=partial(TiledClips, self.clips, self.tiles),
                       preparation=replace(self.preparation, size=size))  # fmt: skip

    def gates(self, gate: str, mode: str) -> tuple[GateConfig, ...]:
        """The policies of a row of the table, first match first."""
        norm, _, detail = gate.partition("_")
        # compared after the first layer, noise would already have been paid for
        first = _norm("input", mode, FIRST_TOLERANCE, (self.first,), window=FIRST_WINDOW)
        heads = _norm("input", mode, 0.0, self.heads)
        rest = _norm("output" if detail != "input" else "input", mode, TOLERANCE)
        if norm == "norm":
            return (first, heads, rest)
        learned = GateConfig("gumbel", {"block": int(detail), "change": "magnitude", **self.gumbel}, mode,
                             kinds=("pointwise", "grouped", "spatial"), exclude=self.plain)  # fmt: skip
        return (first, heads, learned, *((rest,) if self.plain else ()))


def _norm(on: str, mode: str, tolerance: float, include: tuple[str, ...] = ("*",), window: int = 1) -> GateConfig:
    return GateConfig("norm", {"on": on, "tolerance": tolerance, "window": window}, mode, include=include)


def _detection_scores(network: Any) -> Scores:
    from edgeskip.demos.networks.detection import anchor_boxes

    return DetectionScores(anchor_boxes(network.config))


SUBJECTS: dict[str, Subject] = {
    "hrnet_pose_small": Subject(
        f"{FACTORIES}.hrnet_pose:hrnet_pose_small", f"{CLIPS}:PoseClips", PoseClips, lambda _: PoseScores(),
        preparation(POSE_SIZE), Task("heatmap", parameters={"refine": True}), first="conv1", heads=("final_layer",),
        gumbel={"channels": 4, "least_blocks": 4},
        distillation=f"{DISTILLATION}:pose_distillation", accuracy=f"{DISTILLATION}:PoseAccuracy",
        searched=f"{DISTILLATION}:pose_displacement",
    ),
    "efficientdet_small": Subject(
        f"{FACTORIES}.efficientdet:efficientdet_small", f"{CLIPS}:DetectionClips", DetectionClips, _detection_scores,
        preparation(DETECTION_SIZE), Task("tensor"), first="backbone.conv_stem",
        heads=("*.predict.*",), plain=("*.se.*",), gumbel={"channels": 2, "least_blocks": 4},
        distillation=f"{DISTILLATION}:detection_distillation", accuracy=f"{DISTILLATION}:DetectionAccuracy",
        searched=f"{DISTILLATION}:detection_distillation", tiles=2,
    ),
}  # fmt: skip
