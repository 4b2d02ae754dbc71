"""How a figure moves: actions of a few seconds, one after the other, each a closed formula of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sin

import numpy as np

from edgeskip.video.synthetic.skeleton import Arm, Leg, Posture, joints_of

FRAMES_PER_SECOND = 25.0
SEGMENT_FRAMES, BLEND_FRAMES = 60, 12


def _walk(step: float, side: int, rate: float) -> Posture:
    swing, lift = sin(step), max(0.0, sin(step + pi / 2))
    other = max(0.0, -sin(step + pi / 2))
    legs = (Leg(0.48 * swing, 0.02, 0.1 + 0.8 * lift), Leg(-0.48 * swing, 0.02, 0.1 + 0.8 * other))
    arms = (Arm(-0.45 * swing, 0.08, 0.4 - 0.15 * swing), Arm(0.45 * swing, 0.08, 0.4 + 0.15 * swing))
    return Posture(0.05, arms, legs)


def _stand(phase: float, side: int, rate: float) -> Posture:
    sway = 0.05 * sin(0.5 * phase)
    return Posture(0.3 * sway, (Arm(sway, 0.12, 0.2), Arm(-sway, 0.12, 0.2)))


def _wave(phase: float, side: int, rate: float) -> Posture:
    arms = [Arm(0.05, 0.12, 0.25), Arm(0.05, 0.12, 0.25)]
    arms[side] = Arm(0.1, 1.75 + 0.12 * sin(phase), 0.0, 0.8 + 0.55 * sin(rate * phase))
    return Posture(0.0, (arms[0], arms[1]))


def _raise(phase: float, side: int, rate: float) -> Posture:
    lift = 0.5 - 0.5 * np.cos(0.6 * rate * phase)
    arm, leg = Arm(0.05, 0.15 + 2.5 * lift, 0.1, 0.1 * lift), Leg(0.0, 0.05 + 0.3 * lift)
    return Posture(0.0, (arm, arm), (leg, leg))


def _reach(phase: float, side: int, rate: float) -> Posture:
    arms = [Arm(0.0, 0.1, 0.2), Arm(0.0, 0.1, 0.2)]
    arms[side] = Arm(1.45 + 0.35 * sin(phase), 0.15 + 0.4 * sin(0.5 * rate * phase), 0.25)
    return Posture(0.08, (arms[0], arms[1]))


def _squat(phase: float, side: int, rate: float) -> Posture:
    depth = 0.5 - 0.5 * np.cos(0.5 * phase)
    arm, leg = Arm(1.3 * depth, 0.1, 0.2), Leg(1.2 * depth, 0.12, 2.0 * depth)
    return Posture(0.45 * depth, (arm, arm), (leg, leg))


def _box(phase: float, side: int, rate: float) -> Posture:
    punch = 0.5 + 0.5 * sin(rate * phase)
    arms = (Arm(0.5 + punch, 0.15, 1.9 - 1.8 * punch), Arm(1.5 - punch, 0.15, 0.1 + 1.8 * punch))
    return Posture(0.1, arms, (Leg(0.25, 0.05, 0.2), Leg(-0.2, 0.05, 0.2)))


Action = Callable[[float, int, float], Posture]
WALK: Action = _walk
ACTIONS: dict[str, Action] = {
    "walk": _walk, "stand": _stand, "wave": _wave, "raise": _raise, "reach": _reach, "squat": _squat, "box": _box
}  # fmt: skip
_LIKELY = np.array([0.4, 0.06, 0.18, 0.1, 0.1, 0.06, 0.1])


@dataclass(frozen=True)
class Segment:
    """One action: from place `start_x` to `end_x` (body heights), facing `yaw`; `steps`: walked phase before it."""

    action: Action
    start_x: float
    end_x: float
    yaw: float
    side: int
    rate: float
    steps: float

    def angles(self, seconds: float) -> np.ndarray:
        """Joint angles `seconds` after the segment began."""
        share = seconds * FRAMES_PER_SECOND / SEGMENT_FRAMES
        # half a cycle takes a step of 0.42 body heights
        phase = self.steps + abs(self.end_x - self.start_x) * share / 0.42 * pi
        if self.action is not WALK:
            phase = 2 * pi * seconds
        return self.action(phase, self.side, self.rate).angles()


class Motion:
    """Endless motion of one figure between `-reach` and `reach` (body heights), deterministic by seed."""

    def __init__(self, seed: int, reach: float) -> None:
        self.seed, self.reach = seed, reach
        draw = np.random.default_rng([seed, 21])
        self._segments: list[Segment] = []
        self._place, self._steps = float(draw.uniform(-reach, reach)), 0.0

    def at(self, t: float) -> tuple[np.ndarray, float, float]:
        """Joints [13, 3] (forward, up, left) in body heights, place across, and yaw, at frame t."""
        index, frame = int(t // SEGMENT_FRAMES), t % SEGMENT_FRAMES
        now = self._segment(index)
        angles, yaw = now.angles(frame / FRAMES_PER_SECOND), now.yaw
        if index > 0 and frame < BLEND_FRAMES:
            before, share = self._segment(index - 1), frame / BLEND_FRAMES
            weight = share * share * (3 - 2 * share)
            old = before.angles((frame + SEGMENT_FRAMES) / FRAMES_PER_SECOND)
            angles = weight * angles + (1 - weight) * old
            turn = (now.yaw - before.yaw + pi) % (2 * pi) - pi
            yaw = before.yaw + weight * turn
        x = now.start_x + (now.end_x - now.start_x) * frame / SEGMENT_FRAMES
        return joints_of(angles), x, yaw

    def _segment(self, index: int) -> Segment:
        while len(self._segments) <= index:
            self._segments.append(self._next(len(self._segments)))
        return self._segments[index]

    def _next(self, index: int) -> Segment:
        draw = np.random.default_rng([self.seed, index, 22])
        action = list(ACTIONS.values())[draw.choice(len(ACTIONS), p=_LIKELY)]
        start, steps, rate = self._place, self._steps, float(draw.uniform(0.6, 1.2))
        yaw = float(draw.uniform(0.15, 0.85) * pi) if draw.random() < 0.8 else float(draw.uniform(-1, 1) * pi)
        if action is WALK:
            length = draw.uniform(1.0, 1.9)
            right = start + length <= self.reach or start < 0
            self._place = min(self.reach, start + length) if right else max(-self.reach, start - length)
            yaw = (0.0 if right else pi) + float(draw.uniform(-0.5, 0.5))
            self._steps += abs(self._place - start) / 0.42 * pi
        return Segment(action, start, self._place, yaw, int(draw.integers(2)), rate, steps)
