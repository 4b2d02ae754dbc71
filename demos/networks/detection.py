"""How the detection network is trained and measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edgeskip.demos.networks.detection_data import scene_frames
from edgeskip.demos.networks.efficientdet import DetectionNetwork
from edgeskip.demos.networks.libraries import effdet
from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.networks.precision import detections, precision_figures
from edgeskip.demos.networks.recipe import SPLITS
from edgeskip.video.synthetic import CLASS_NAMES


class DetectionLoss:
    """effdet's focal and Huber losses; boxes [N, M, 4] (x0 y0 x1 y1), class ids [N, M] (-1: none)."""

    def __init__(self, network: DetectionNetwork) -> None:
        package = effdet()
        anchors = package.anchors.Anchors.from_config(network.config)
        self._labeler = package.anchors.AnchorLabeler(anchors, network.config.num_classes, match_threshold=0.5)
        self._loss = package.loss.DetectionLoss(network.config)
        self._box_weight = network.config.box_loss_weight

    def __call__(self, outputs: Sequence[Tensor], boxes: Tensor, class_ids: Tensor) -> dict[str, Tensor]:
        """Parts of the loss."""
        # effdet's classes begin at 1, and its boxes at y
        ids = torch.where(class_ids < 0, -1, class_ids + 1)
        targets = self._labeler.batch_label_anchors(boxes[..., [1, 0, 3, 2]], ids)
        levels = len(outputs) // 2
        _, classes, box = self._loss(list(outputs[:levels]), list(outputs[levels:]), *targets)
        return {"class": classes, "box": self._box_weight * box}


def anchor_boxes(config: object) -> np.ndarray:
    """Anchors float32 [A, 4] (y0 x0 y1 x1 in input pixels) of a network's `config`, in the order of its outputs."""
    return effdet().anchors.Anchors.from_config(config).boxes.numpy()


@torch.no_grad()
def detection_figures(network: DetectionNetwork, frames: int, split: str = "test") -> dict:
    """AP50 and AP (COCO's 101 recalls, mean over classes) on `frames` pictures of scenes of `split`."""
    anchors, pairs = anchor_boxes(network.config), []
    for picture, boxes, class_ids in scene_frames(SPLITS[split], frames):
        outputs = network(torch.from_numpy(to_input(picture[None])))
        found = detections([value.float().numpy() for value in outputs], anchors, len(CLASS_NAMES))
        pairs.append((found, boxes, class_ids))
    return {**precision_figures(pairs), "split": split, "first_seed": SPLITS[split][0]}
