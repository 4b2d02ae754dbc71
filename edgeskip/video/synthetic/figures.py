"""One articulated person who moves before a fixed background: any frame, with the true joints."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeskip.video.synthetic.brush import Brush, Color, shade
from edgeskip.video.synthetic.motion import Motion
from edgeskip.video.synthetic.people import Person, cloth
from edgeskip.video.synthetic.scene import PLACES, SCENE_NAMES
from edgeskip.video.synthetic.sensor import add_noise, light_table
from edgeskip.video.synthetic.skeleton import ANKLES, ELBOWS, HEAD, HIPS, KNEES, SHOULDERS, WRISTS, project  # fmt: skip

SIZE = (256, 192)  # width, height
HEIGHTS = (0.38, 0.65)  # of the body, as a fraction of the picture's height
_HIDDEN_BEHIND = 0.02  # body heights that a part must lie nearer than a joint to hide it


@dataclass(frozen=True)
class Part:
    """A bar from `start` to `end` (right, up, towards the camera; body heights), `width` at the start."""

    start: np.ndarray
    end: np.ndarray
    width: float
    taper: float
    color: Color
    joints: tuple[int, ...]  # those that it holds and so never hides
    round: bool = True

    @property
    def near(self) -> float:
        """How far its middle is towards the camera."""
        return float(self.start[2] + self.end[2]) / 2


class FigureScene:
    """Frames of one person before a street, a plaza or a hall, deterministic by seed and frame number.

    Args:
        seed: looks of the place and the person, size, and motion.
        size: (width, height) in pixels.
        noise: sigma of the sensor noise in grey levels.
    """

    def __init__(self, seed: int, size: tuple[int, int] = SIZE, noise: float = 2.0) -> None:
        self.seed, self.size, self.noise = seed, size, noise
        draw = np.random.default_rng([seed, 20])
        self.place = PLACES[SCENE_NAMES[draw.integers(len(SCENE_NAMES))]](seed, size)
        self._background = self.place.background()
        self._shaded = (self._background * self.place.shadow).astype(np.uint8)
        self.person = Person.random(draw)
        self.sleeves = bool(draw.random() < 0.6)
        self.shoes = shade(cloth(draw), 0.6)
        self.height = float(draw.uniform(*HEIGHTS)) * size[1]  # of the body in pixels
        self._ground = float(draw.uniform(max(0.78, self.height / size[1] * 1.22), 0.97)) * size[1]
        self._motion = Motion(seed, max(0.05, 0.5 * size[0] / self.height - 0.45))

    def frame(self, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame t (25 per second): picture uint8 BGR [H, W, 3], joints float32 [13, 2] in pixels (the first pixel
        reaches from 0 to 1) in the order of `JOINT_NAMES`, and bool [13]: inside the picture and not hidden.

        Frames may be asked for in any order; without noise most pixels equal those of frame t - 1.
        """
        picture, joints, visible = self.draw(t)
        picture = cv2.LUT(picture, light_table(t, self.seed, self.place.light_depth))
        return add_noise(picture, self.noise, self.seed, int(t)), joints, visible

    def draw(self, t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame t as `frame` returns it, before light and noise."""
        body, across, yaw = self._motion.at(t)
        points = project(body, yaw)
        picture = self._background.copy()
        brush = Brush(picture, self.size[0] / 2 + across * self.height, self._ground, self.height)
        self._draw_shadow(picture, brush.x)
        parts = sorted(self._parts(points, yaw), key=lambda part: part.near)
        behind = [part for part in parts if part.near <= 0]
        for part in behind:
            _paint(brush, part)
        self._draw_head(brush, points, yaw)
        for part in parts[len(behind) :]:
            _paint(brush, part)
        # OpenCV draws with pixel centres on whole numbers
        joints = np.stack([brush.x + points[:, 0] * brush.scale, brush.y - points[:, 1] * brush.scale], 1) + 0.5
        inside = ((joints >= 0) & (joints < np.array(self.size))).all(1)
        return picture, joints.astype(np.float32), inside & ~_hidden(points, parts)

    def _parts(self, points: np.ndarray, yaw: float) -> list[Part]:
        person = self.person
        thick = person.build
        found = [self._trunk(points)]
        for side in (0, 1):
            shoulder, elbow, wrist = (points[pair[side]] for pair in (SHOULDERS, ELBOWS, WRISTS))
            hip, knee, ankle = (points[pair[side]] for pair in (HIPS, KNEES, ANKLES))
            toe = ankle + project(np.array([[0.09, -0.025, 0.0]]), yaw)[0]
            light = 0.88 + 0.14 * np.sign(shoulder[2]) * min(1.0, abs(shoulder[2]) / 0.08)
            sleeve = person.shirt if self.sleeves else person.skin
            hand = wrist + (wrist - elbow) * 0.25
            found += [
                Part(hip, knee, 0.095 * thick, 0.75, shade(person.trousers, light), (HIPS[side], KNEES[side])),
                Part(knee, ankle, 0.072 * thick, 0.65, shade(person.trousers, light), (KNEES[side], ANKLES[side])),
                Part(ankle, toe, 0.05, 0.8, self.shoes, (ANKLES[side],)),
                Part(shoulder, elbow, 0.065 * thick, 0.8, shade(person.shirt, light), (SHOULDERS[side], ELBOWS[side])),
                Part(elbow, wrist, 0.052 * thick, 0.75, shade(sleeve, light), (ELBOWS[side], WRISTS[side])),
                Part(wrist, hand, 0.04, 0.9, shade(person.skin, light), (WRISTS[side],)),
            ]
        return found

    def _trunk(self, points: np.ndarray) -> Part:
        top, bottom = points[list(SHOULDERS)].mean(0), points[list(HIPS)].mean(0)
        span = abs(points[SHOULDERS[0], 0] - points[SHOULDERS[1], 0]) * 0.8
        width = float(np.hypot(span + 0.03, 0.12)) * self.person.build
        low, high = bottom + (bottom - top) * 0.12, top + (top - bottom) * 0.08
        return Part(low, high, 0.88 * width, 1.15, self.person.shirt, (*SHOULDERS, *HIPS), round=False)

    def _draw_head(self, brush: Brush, points: np.ndarray, yaw: float) -> None:
        neck, head = points[list(SHOULDERS)].mean(0), points[HEAD]
        brush.limb(neck[:2], head[:2], 0.06, shade(self.person.skin, 0.85))
        brush.ellipse((head[0], head[1] + 0.012), (0.056, 0.068), self.person.hair)
        if np.sin(yaw) > -0.45:
            brush.ellipse((head[0] + 0.022 * np.cos(yaw), head[1] - 0.006), (0.042, 0.054), self.person.skin)

    def _draw_shadow(self, picture: np.ndarray, x: float) -> None:
        mask = np.zeros(picture.shape[:2], np.uint8)
        Brush(mask, x, self._ground, self.height).ellipse((0.0, 0.0), (0.2, 0.035), (255, 255, 255))
        cv2.copyTo(self._shaded, mask, picture)


def _paint(brush: Brush, part: Part) -> None:
    start, end = part.start[:2], part.end[:2]
    if part.round:
        brush.disc(start, part.width / 2, part.color)
        brush.disc(end, part.width * part.taper / 2, part.color)
    brush.limb(start, end, part.width, part.color, part.taper)


def _hidden(points: np.ndarray, parts: list[Part]) -> np.ndarray:
    """bool [13]: whether a nearer part covers the joint."""
    hidden = np.zeros(len(points), bool)
    for part in parts:
        along = (part.end - part.start)[:2]
        share = np.clip((points[:, :2] - part.start[:2]) @ along / max(float(along @ along), 1e-9), 0, 1)
        apart = np.linalg.norm(points[:, :2] - part.start[:2] - share[:, None] * along, axis=1)
        half = part.width / 2 * (1 + (part.taper - 1) * share)
        depth = part.start[2] + share * (part.end[2] - part.start[2])
        covered = (apart < half) & (depth > points[:, 2] + _HIDDEN_BEHIND)
        covered[list(part.joints)] = False
        hidden |= covered
    return hidden
