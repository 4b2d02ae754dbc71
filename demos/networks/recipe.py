"""What training, tuning and evaluation of the small networks agree on. Needs no torch."""

from __future__ import annotations

from edgeskip.core.contract import Preparation
from edgeskip.demos.train.recipe import EVALUATION_SEEDS, TRAINING_SEEDS, TUNING_SEEDS
from edgeskip.video.synthetic.skeleton import JOINT_NAMES

__all__ = ["JOINT_NAMES", "SPLITS", "preparation"]

# Scenes of one split never occur in another: the weights and gates learn from `training`, thresholds and budgets are
# chosen on `tuning`, and every published figure is measured on `test`.
SPLITS: dict[str, range] = {"training": TRAINING_SEEDS, "tuning": TUNING_SEEDS, "test": EVALUATION_SEEDS}

POSE_SIZE = (256, 192)  # width, height
DETECTION_SIZE = (256, 256)
HEATMAP_STRIDE = 4

# ImageNet's, which HRNet's and EfficientDet's public checkpoints were trained with
MEAN = (123.675, 116.28, 103.53)
SCALE = (1 / 58.395, 1 / 57.12, 1 / 57.375)


def preparation(size: tuple[int, int]) -> Preparation:
    """RGB normalised with ImageNet's mean and deviation, at `size` (width, height)."""
    return Preparation(size=size, color="RGB", resize="stretch", mean=MEAN, scale=SCALE)
