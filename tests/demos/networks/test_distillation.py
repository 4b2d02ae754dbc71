"""The gates' losses see what decides a pose or a box, and nothing else; metrics are those of the tables."""

from __future__ import annotations

import numpy as np
import pytest
from support.network_packages import require_network_packages

require_network_packages()

import torch  # noqa: E402

from edgeskip.demos.networks.distillation import (  # noqa: E402
    DetectionAccuracy,
    PoseAccuracy,
    detection_distillation,
    pose_displacement,
    pose_distillation,
)

GENERATOR = torch.Generator().manual_seed(4)
SIDES = (8, 4, 2, 1, 1)


def heat_maps() -> torch.Tensor:
    return torch.randn(2, 3, 13, 6, 8, generator=GENERATOR)


def detection_maps() -> list[torch.Tensor]:
    """Logits that see nothing, and boxes, for clips of 3 frames."""
    classes = [torch.full((1, 3, 45, side, side), -9.0) for side in SIDES]
    return classes + [torch.zeros(1, 3, 36, side, side) for side in SIDES]


def test_a_pose_loss_is_of_places_not_of_offsets() -> None:
    maps = heat_maps()
    assert pose_distillation(maps + 7, (), maps).item() == pytest.approx(0, abs=1e-5)
    assert pose_distillation(maps.flip(-1), (), maps).item() > 0.1
    later = maps.clone()
    later[:, 0] = 0
    assert pose_distillation(later, (), maps).item() == pytest.approx(0, abs=1e-5), "the reference is left out"


def test_a_displacement_is_told_in_units_of_what_the_metric_forgives() -> None:
    columns = torch.arange(13) * 4 + 2

    def peaks(move: int) -> torch.Tensor:
        """Joint k at column 4 k + 2, joint 3 `move` pixels further right; torso: 28 columns of 4 input pixels."""
        maps = torch.zeros(1, 3, 13, 48, 64)
        for k, column in enumerate(columns.tolist()):
            maps[:, :, k, 20, column + (move if k == 3 else 0)] = 20.0
        return maps

    def displacement(move: int) -> float:
        return (pose_displacement(peaks(move), (), peaks(0)) - pose_distillation(peaks(move), (), peaks(0))).item()

    assert displacement(0) == 0
    assert displacement(2) == pytest.approx(2 / (0.2 * 28) / 13, rel=1e-3)
    assert displacement(20) == pytest.approx(1 / 13, rel=1e-3), "lost is lost, however far"


def test_a_displacement_counts_where_the_teacher_is_sure() -> None:
    teacher, moved = torch.zeros(1, 3, 13, 48, 64), torch.zeros(1, 3, 13, 48, 64)
    for k in range(13):
        height = 20.0 if k else 0.1  # joint 0 is hidden: its peak says nothing
        teacher[:, :, k, 20, 4 * k + 2] = height
        moved[:, :, k, 40 if k == 0 else 20, 4 * k + 2] = height
    assert pose_displacement(moved, (), teacher).item() < 0.01


def test_a_detection_loss_is_of_objects() -> None:
    teacher = detection_maps()
    teacher[0][:, :, 0, 3, 3] = 4.0  # one object, at the first anchor of a cell
    assert detection_distillation(teacher, (), teacher).item() == pytest.approx(0, abs=1e-5)
    lost, moved, elsewhere = ([value.clone() for value in teacher] for _ in range(3))
    lost[0][:, :, 0, 3, 3] = -9.0
    moved[5][:, :, 0, 3, 3] = 0.5
    elsewhere[5][:, :, 0, 6, 6] = 0.5
    losses = [detection_distillation(maps, (), teacher).item() for maps in (lost, moved, elsewhere)]
    assert losses[0] > losses[1] > 10 * losses[2]


def test_pose_accuracy_counts_joints_of_gated_frames() -> None:
    maps = torch.zeros(1, 3, 13, 48, 64)
    joints = torch.from_numpy(np.random.default_rng(2).uniform(20, 170, (1, 3, 13, 2)).astype(np.float32))
    for t, k in np.ndindex(3, 13):
        column, row = (joints[0, t, k] / 4).long().tolist()
        maps[0, t, k, row, column] = 1
    maps[0, 0] = 0  # the reference does not count
    maps[0, 2, :5] = 0
    metric = PoseAccuracy()
    metric.update(maps, (joints, torch.ones(1, 3, 13, dtype=torch.bool)), None)
    assert metric.compute() == pytest.approx(100 * 21 / 26, abs=4)


def test_detection_accuracy_of_a_perfect_and_a_blind_network() -> None:
    from edgeskip.demos.networks.detection import anchor_boxes
    from edgeskip.demos.networks.efficientdet import efficientdet_small

    maps = [torch.full((1, 2, 45, s, s), -9.0) for s in (32, 16, 8, 4, 2)]
    maps += [torch.zeros(1, 2, 36, s, s) for s in (32, 16, 8, 4, 2)]
    anchor = anchor_boxes(efficientdet_small().config)[(16 * 32 + 16) * 9]
    truth = torch.zeros(1, 2, 24, 4), torch.full((1, 2, 24), -1)
    truth[0][:, :, 0], truth[1][:, :, 0] = torch.from_numpy(anchor[[1, 0, 3, 2]].copy()), 2
    figures = []
    for logit in (-9.0, 5.0):
        maps[0][:, :, 2, 16, 16] = logit
        metric = DetectionAccuracy()
        metric.update(maps, truth, None)
        figures.append(metric.compute())
    assert figures == [pytest.approx(0, abs=1e-3), pytest.approx(100, abs=1e-3)]
