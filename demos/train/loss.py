"""Which cell answers for which object, and the loss: GIoU, objectness that learns the overlap, classes."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from edgeskip.demos.train.recipe import STRIDES

# Longest side in pixels that each stride answers for; the ranges overlap, so that no size falls between two heads.
SIZE_RANGES = ((0.0, 56.0), (40.0, 112.0), (84.0, 1e9))
CENTER_RADIUS = 1.5  # cells


def flatten(levels: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """All cells in a row: values [N, A, 5 + classes], cell corners [A, 2] in cells, strides [A]."""
    values, cells, strides = [], [], []
    for level, stride in zip(levels, STRIDES, strict=True):
        height, width = level.shape[2:]
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        cells.append(torch.stack([columns, rows], -1).reshape(-1, 2).float())
        strides.append(torch.full((height * width,), float(stride)))
        values.append(level.flatten(2).transpose(1, 2))
    return torch.cat(values, 1), torch.cat(cells), torch.cat(strides)


def decode(values: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """Boxes [N, A, 4] (x0 y0 x1 y1) in input pixels."""
    center = (values[..., :2] + cells) * strides[:, None]
    half = values[..., 2:4].clamp(-6, 5).exp() * strides[:, None] / 2
    return torch.cat([center - half, center + half], -1)


def assign(boxes: Tensor, class_ids: Tensor, cells: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Object index [N, A] of each cell (the smallest that claims it) and whether one does."""
    points = (cells + 0.5) * strides[:, None]
    centers, sides = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    offset = (points[None, None] - centers[:, :, None]).abs()
    near = (offset < CENTER_RADIUS * strides[:, None]).all(-1)
    inside = (offset < (sides / 2)[:, :, None].clamp(min=6.0)).all(-1)
    longest = sides.amax(-1)[:, :, None]
    low = torch.tensor([SIZE_RANGES[STRIDES.index(int(s))][0] for s in strides])
    high = torch.tensor([SIZE_RANGES[STRIDES.index(int(s))][1] for s in strides])
    claim = near & inside & (longest >= low) & (longest < high) & (class_ids >= 0)[:, :, None]
    area = torch.where(claim, sides.prod(-1)[:, :, None], torch.inf)
    smallest, index = area.min(1)
    return index, smallest.isfinite()


def overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al., arXiv 1902.09630) of paired boxes [K, 4]."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    common = (high - low).clamp(min=0).prod(1)
    union = (first[:, 2:] - first[:, :2]).prod(1) + (second[:, 2:] - second[:, :2]).prod(1) - common
    around_low, around_high = torch.minimum(first[:, :2], second[:, :2]), torch.maximum(first[:, 2:], second[:, 2:])
    around = (around_high - around_low).prod(1)
    iou = common / (union + 1e-6)
    return iou, iou - (around - union) / (around + 1e-6)


def detection_loss(levels: list[Tensor], boxes: Tensor, class_ids: Tensor) -> dict[str, Tensor]:
    """Loss parts, each averaged over the cells that answer for an object."""
    values, cells, strides = flatten(levels)
    index, positive = assign(boxes, class_ids, cells, strides)
    count = positive.sum().clamp(min=1)
    predicted = decode(values, cells, strides)[positive]
    wanted = torch.gather(boxes, 1, index[..., None].expand(-1, -1, 4))[positive]
    iou, giou = overlap(predicted, wanted)
    objectness = torch.zeros_like(values[..., 4])
    objectness[positive] = iou.detach().clamp(0.05, 1.0)
    logits = values[..., 5:][positive]
    classes = functional.one_hot(torch.gather(class_ids, 1, index)[positive].clamp(min=0), logits.shape[-1]).float()
    return {
        "box": 4.0 * (1 - giou).sum() / count,
        "objectness": functional.binary_cross_entropy_with_logits(values[..., 4], objectness, reduction="sum") / count,
        "class": functional.binary_cross_entropy_with_logits(logits, classes, reduction="sum") / count,
    }
