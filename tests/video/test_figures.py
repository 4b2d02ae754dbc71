"""Articulated figures: joints lie on the drawn person, limbs keep their lengths, frames are reproducible."""

from __future__ import annotations

import numpy as np
import pytest

from edgeskip.video import open_source
from edgeskip.video.synthetic.figures import FigureScene
from edgeskip.video.synthetic.motion import ACTIONS, SEGMENT_FRAMES, Motion
from edgeskip.video.synthetic.skeleton import (
    ANKLE_HEIGHT,
    ANKLES,
    ELBOWS,
    FOREARM,
    HIPS,
    JOINT_NAMES,
    KNEES,
    MIRRORED,
    SHIN,
    SHOULDERS,
    THIGH,
    UPPER_ARM,
    WRISTS,
    Posture,
    joints_of,
    project,
)

SEEDS = (0, 3, 11, 29)


@pytest.mark.parametrize("seed", SEEDS)
def test_limbs_keep_their_lengths_through_all_motion(seed: int) -> None:
    motion = Motion(seed, 0.8)
    bones = ((SHOULDERS, ELBOWS, UPPER_ARM), (ELBOWS, WRISTS, FOREARM), (HIPS, KNEES, THIGH), (KNEES, ANKLES, SHIN))
    for t in range(0, 900, 7):
        points, across, yaw = motion.at(t)
        seen = project(points, yaw)
        for starts, ends, length in bones:
            for start, end in zip(starts, ends, strict=True):
                assert np.linalg.norm(seen[start] - seen[end]) == pytest.approx(length)
        assert points[list(ANKLES), 1].min() == pytest.approx(ANKLE_HEIGHT)
        assert abs(across) <= 0.8 + 1e-9


def test_motion_has_no_jumps_where_one_action_follows_another() -> None:
    motion = Motion(5, 0.8)
    for boundary in range(SEGMENT_FRAMES, 12 * SEGMENT_FRAMES, SEGMENT_FRAMES):
        before, after = motion.at(boundary - 1), motion.at(boundary)
        seen = [project(points, yaw)[:, :2] + (across, 0) for points, across, yaw in (before, after)]
        # a wrist of a person of 1.7 m at 6 m/s moves 0.14 body heights a frame
        assert np.abs(seen[1] - seen[0]).max() < 0.14


def test_every_action_moves_and_any_moment_can_be_asked_for_first() -> None:
    for name, action in ACTIONS.items():
        moved = np.ptp([joints_of(action(phase, 0, 1.0).angles()) for phase in np.linspace(0, 6, 20)], axis=0).max()
        assert moved > (0.005 if name == "stand" else 0.1), name
    late, early = Motion(7, 0.5), Motion(7, 0.5)
    early.at(3)
    np.testing.assert_array_equal(late.at(2000)[0], early.at(2000)[0])


def test_left_is_on_the_right_of_the_picture_for_who_faces_the_camera() -> None:
    front = project(joints_of(Posture().angles()), np.pi / 2)
    side = project(joints_of(Posture().angles()), 0.0)
    assert front[SHOULDERS[0], 0] > front[SHOULDERS[1], 0]
    assert side[SHOULDERS[1], 2] > side[SHOULDERS[0], 2], "who faces right shows the right side"
    assert [JOINT_NAMES[k].replace("left", "L").replace("right", "left").replace("L", "right") for k in MIRRORED] == [
        *JOINT_NAMES
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_visible_joints_lie_inside_and_on_the_person(seed: int) -> None:
    scene = FigureScene(seed, noise=0)
    scene._shaded = scene._background  # the shadow is not the person
    share = []
    for t in range(0, 600, 40):
        picture, joints, visible = scene.draw(t)
        assert joints.shape == (13, 2)
        assert joints.dtype == np.float32
        assert visible.sum() >= 6
        drawn = (picture != scene._background).any(-1)
        inside = joints[visible]
        assert ((inside >= 0) & (inside < scene.size)).all()
        columns, rows = np.floor(inside).astype(int).T
        share.append(drawn[rows, columns].mean())
        ys, xs = np.nonzero(drawn)
        assert ys.max() - ys.min() < 1.4 * scene.height
        assert xs.max() - xs.min() < 1.4 * scene.height
    assert np.mean(share) > 0.97


def test_frames_are_reproducible_and_the_background_stands_still() -> None:
    first, second = FigureScene(4), FigureScene(4)
    second.frame(300)
    for ours, theirs in zip(first.frame(50), second.frame(50), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = FigureScene(5).frame(50)[0]
    assert (first.frame(50)[0] != other).mean() > 0.5
    still = (first.draw(50)[0] == first.draw(51)[0]).all(-1).mean()
    assert 0.85 < still < 1.0
    noisy = (first.frame(50)[0] == first.frame(51)[0]).all(-1).mean()
    assert noisy < 0.2


def test_people_come_in_several_sizes() -> None:
    heights = [FigureScene(seed, (128, 96)).height for seed in range(12)]
    assert max(heights) > 1.3 * min(heights)


def test_figure_is_a_video_source() -> None:
    with open_source("synthetic:figure?seed=3&size=128x96&frames=3&noise=0") as source:
        pictures = [frame.picture for frame in source]
    assert len(pictures) == 3
    expected = FigureScene(3, (128, 96), 0).frame(2)[0]
    np.testing.assert_array_equal(pictures[2], expected)
