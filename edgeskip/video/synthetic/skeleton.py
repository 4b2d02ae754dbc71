"""A person of 13 joints: proportions, joint angles, and where the joints are in the picture plane.

Proportions are those of Drillis and Contini (1966) as given by Winter, Biomechanics and Motor Control of Human
Movement, figure 4.1: lengths as fractions of the body height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# the order of the Penn Action data set (Zhang, Zhu, Derpanis, ICCV 2013)
JOINT_NAMES = (
    "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
HEAD = 0
SHOULDERS, ELBOWS, WRISTS, HIPS, KNEES, ANKLES = (1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12)
EDGES = ((1, 3), (3, 5), (2, 4), (4, 6), (7, 9), (9, 11), (8, 10), (10, 12), (1, 2), (7, 8), (1, 7), (2, 8))
MIRRORED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11)  # joint that each one becomes in a mirrored picture

SPINE, UPPER_ARM, FOREARM, THIGH, SHIN, ANKLE_HEIGHT = 0.288, 0.186, 0.146, 0.245, 0.246, 0.039
SHOULDER_HALF, HIP_HALF, HEAD_ABOVE = 0.115, 0.06, 0.112


@dataclass(frozen=True)
class Arm:
    """Angles in radians: `forward` and `out` from hanging down, `bend` of the elbow forwards, `fold` of it outwards."""

    forward: float = 0.0
    out: float = 0.08
    bend: float = 0.15
    fold: float = 0.0


@dataclass(frozen=True)
class Leg:
    """Angles in radians: `forward` and `out` of the thigh from hanging down, `bend` of the knee backwards."""

    forward: float = 0.0
    out: float = 0.03
    bend: float = 0.03


@dataclass(frozen=True)
class Posture:
    """All joint angles; pairs are left, right. `lean` of the trunk forwards."""

    lean: float = 0.0
    arms: tuple[Arm, Arm] = (Arm(), Arm())
    legs: tuple[Leg, Leg] = (Leg(), Leg())

    def angles(self) -> np.ndarray:
        """float64 [15], for blending."""
        limbs = [value for limb in (*self.arms, *self.legs) for value in vars(limb).values()]
        return np.array([self.lean, *limbs])


def joints_of(angles: np.ndarray) -> np.ndarray:
    """Joints float64 [13, 3] (forward, up, left) in body heights for `Posture.angles`; the lower foot stands at 0."""
    points = np.zeros((len(JOINT_NAMES), 3))
    lean = np.array([np.sin(angles[0]), np.cos(angles[0]), 0.0])
    points[HEAD] = lean * (SPINE + HEAD_ABOVE)
    for side, left in enumerate((1.0, -1.0)):
        arm, leg = angles[1 + 4 * side : 5 + 4 * side], angles[9 + 3 * side : 12 + 3 * side]
        points[SHOULDERS[side]] = lean * SPINE + (0.0, 0.0, left * SHOULDER_HALF)
        points[ELBOWS[side]] = points[SHOULDERS[side]] + UPPER_ARM * _direction(arm[0], arm[1], left)
        points[WRISTS[side]] = points[ELBOWS[side]] + FOREARM * _direction(arm[0] + arm[2], arm[1] + arm[3], left)
        points[HIPS[side]] = (0.0, 0.0, left * HIP_HALF)
        points[KNEES[side]] = points[HIPS[side]] + THIGH * _direction(leg[0], leg[1], left)
        points[ANKLES[side]] = points[KNEES[side]] + SHIN * _direction(leg[0] - leg[2], leg[1], left)
    points[:, 1] += ANKLE_HEIGHT - points[list(ANKLES), 1].min()
    return points


def _direction(forward: float, out: float, left: float) -> np.ndarray:
    return np.array([np.sin(forward) * np.cos(out), -np.cos(forward) * np.cos(out), left * np.sin(out)])


def project(points: np.ndarray, yaw: float) -> np.ndarray:
    """[n, 3] (forward, up, left) to [n, 3] (right in the picture, up, towards the camera).

    `yaw` 0 faces right, pi / 2 the camera, pi left.
    """
    forward, up, left = points.T
    sine, cosine = np.sin(yaw), np.cos(yaw)
    return np.stack([forward * cosine + left * sine, up, forward * sine - left * cosine], axis=1)
