"""A walking or standing person."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from edgeskip.video.synthetic.brush import Brush, Color, Point, shade

SKIN: tuple[Color, ...] = ((150, 185, 230), (120, 155, 205), (90, 125, 180), (60, 85, 130), (45, 60, 95))
HAIR: tuple[Color, ...] = ((25, 25, 30), (35, 50, 75), (60, 95, 140), (110, 170, 210), (150, 150, 155))


def cloth(generator: np.random.Generator) -> Color:
    """A colour for clothes or paint: any hue, most of them muted, some dark or pale."""
    value = generator.uniform(40, 225)
    color = value + generator.uniform(-70, 70, 3) * generator.uniform(0.2, 1.0)
    blue, green, red = (int(channel) for channel in np.clip(color, 12, 245))
    return blue, green, red


@dataclass(frozen=True)
class Person:
    """Looks of one person; `height` in metres."""

    height: float
    build: float
    shirt: Color
    trousers: Color
    skin: Color
    hair: Color
    bag: Color | None
    skirt: bool

    @classmethod
    def random(cls, generator: np.random.Generator) -> Person:
        """A person who differs from the last one."""
        return cls(
            height=generator.uniform(1.5, 1.92),
            build=generator.uniform(0.85, 1.2),
            shirt=cloth(generator),
            trousers=shade(cloth(generator), 0.7),
            skin=SKIN[generator.integers(len(SKIN))],
            hair=HAIR[generator.integers(len(HAIR))],
            bag=cloth(generator) if generator.random() < 0.3 else None,
            skirt=bool(generator.random() < 0.15),
        )

    @property
    def length(self) -> float:
        """Length of the shadow's base in metres."""
        return 0.5

    def draw(self, brush: Brush, distance: float, moving: bool, front: bool) -> None:
        """Paint at walked `distance` (metres), which sets the legs; `front`: walks to or from the camera."""
        phase = distance / (0.42 * self.height) * pi
        swing = (0.45 if moving else 0.06) * sin(phase)
        if front:
            self._draw_front(brush, swing)
        else:
            self._draw_side(brush, swing, moving, phase)
        self._draw_head(brush, 0.0 if front else 0.02 * self.height)

    def _draw_side(self, brush: Brush, swing: float, moving: bool, phase: float) -> None:
        h, b = self.height, self.build
        hip, shoulder = (0.0, 0.5 * h), (0.01 * h, 0.8 * h)
        lift = max(0.0, cos(phase)) if moving else 0.0
        self._arm(brush, shoulder, -swing, shade(self.shirt, 0.7))
        self._leg(brush, hip, -swing, 1.0 - lift if moving else 0.0, shade(self.trousers, 0.75))
        if self.bag is not None:
            brush.ellipse((-0.1 * h * b, 0.68 * h), (0.075 * h, 0.11 * h), self.bag)
        self._leg(brush, hip, swing, lift, self.trousers)
        if self.skirt:
            brush.polygon([(-0.06 * h, 0.55 * h), (0.06 * h, 0.55 * h), (0.11 * h, 0.3 * h), (-0.11 * h, 0.3 * h)],
                          self.trousers)  # fmt: skip
        brush.limb((0.0, 0.47 * h), shoulder, 0.14 * h * b, self.shirt, 1.15)
        brush.disc(shoulder, 0.078 * h * b, self.shirt)
        self._arm(brush, shoulder, swing * 0.9, shade(self.shirt, 0.88))

    def _draw_front(self, brush: Brush, swing: float) -> None:
        h, b = self.height, self.build
        for side in (-1, 1):
            lift = max(0.0, side * swing) * 0.12 * h
            x = side * 0.055 * h * b
            brush.limb((x, 0.52 * h), (x, 0.04 * h + lift), 0.095 * h * b, shade(self.trousers, 0.9 + side * 0.1), 0.7)
            brush.ellipse((x, 0.02 * h + lift), (0.04 * h, 0.022 * h), (35, 35, 40))
            arm_lift = max(0.0, -side * swing) * 0.1 * h
            x = side * 0.145 * h * b
            brush.limb((x * 0.85, 0.8 * h), (x, 0.47 * h + arm_lift), 0.06 * h, shade(self.shirt, 0.85), 0.8)
            brush.disc((x, 0.46 * h + arm_lift), 0.026 * h, self.skin)
        if self.skirt:
            brush.polygon([(-0.1 * h, 0.55 * h), (0.1 * h, 0.55 * h), (0.15 * h, 0.3 * h), (-0.15 * h, 0.3 * h)],
                          self.trousers)  # fmt: skip
        width = 0.13 * h * b
        brush.polygon(
            [(-width, 0.81 * h), (-0.6 * width, 0.84 * h), (0.6 * width, 0.84 * h), (width, 0.81 * h),
             (0.75 * width, 0.48 * h), (-0.75 * width, 0.48 * h)], self.shirt)  # fmt: skip

    def _leg(self, brush: Brush, hip: Point, swing: float, bend: float, color: Color) -> None:
        h = self.height
        thigh, shin = 0.25 * h, 0.235 * h
        knee = (hip[0] + thigh * sin(swing + 0.25 * bend), hip[1] - thigh * cos(swing + 0.25 * bend))
        lower = swing - 0.55 * bend
        foot = (knee[0] + shin * sin(lower), knee[1] - shin * cos(lower))
        brush.limb(hip, knee, 0.105 * h * self.build, color, 0.78)
        brush.limb(knee, foot, 0.08 * h * self.build, color, 0.7)
        brush.ellipse((foot[0] + 0.03 * h, max(foot[1], 0.02 * h)), (0.06 * h, 0.022 * h), (35, 35, 40))

    def _arm(self, brush: Brush, shoulder: Point, swing: float, color: Color) -> None:
        h = self.height
        elbow = (shoulder[0] + 0.16 * h * sin(swing), shoulder[1] - 0.16 * h * cos(swing))
        hand = (elbow[0] + 0.15 * h * sin(swing + 0.25), elbow[1] - 0.15 * h * cos(swing + 0.25))
        brush.limb(shoulder, elbow, 0.065 * h, color, 0.85)
        brush.limb(elbow, hand, 0.052 * h, color, 0.8)
        brush.disc(hand, 0.024 * h, self.skin)

    def _draw_head(self, brush: Brush, x: float) -> None:
        h = self.height
        brush.limb((x * 0.6, 0.8 * h), (x, 0.88 * h), 0.055 * h, shade(self.skin, 0.85))
        brush.ellipse((x - 0.012 * h, 0.935 * h), (0.062 * h, 0.066 * h), self.hair)
        brush.ellipse((x + 0.014 * h, 0.918 * h), (0.044 * h, 0.054 * h), self.skin)
