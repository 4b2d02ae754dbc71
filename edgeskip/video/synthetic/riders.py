"""A bicycle with its rider, and a dog."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from edgeskip.video.synthetic.brush import Brush, Color, Point, shade
from edgeskip.video.synthetic.people import HAIR, SKIN, cloth


@dataclass(frozen=True)
class Bicycle:
    """Looks of one cyclist; the class `bicycle` is bicycle and rider together."""

    scale: float
    frame: Color
    shirt: Color
    trousers: Color
    skin: Color
    helmet: Color

    @classmethod
    def random(cls, generator: np.random.Generator) -> Bicycle:
        """A cyclist who differs from the last one."""
        return cls(
            scale=generator.uniform(0.88, 1.08),
            frame=cloth(generator),
            shirt=cloth(generator),
            trousers=shade(cloth(generator), 0.7),
            skin=SKIN[generator.integers(len(SKIN))],
            helmet=cloth(generator) if generator.random() < 0.5 else HAIR[generator.integers(len(HAIR))],
        )

    @property
    def length(self) -> float:
        """Length in metres."""
        return 1.7 * self.scale

    def draw(self, brush: Brush, distance: float, moving: bool, front: bool) -> None:
        """Paint after `distance` metres, which turn wheels and pedals."""
        m = self.scale
        pedal_angle = -distance / 0.8
        pedals = [(0.02 * m + 0.17 * m * cos(pedal_angle + half), 0.3 * m + 0.17 * m * sin(pedal_angle + half))
                  for half in (0.0, pi)]  # fmt: skip
        seat, bar, crank = (-0.18 * m, 0.93 * m), (0.42 * m, 1.02 * m), (0.02 * m, 0.3 * m)
        self._leg(brush, seat, pedals[1], shade(self.trousers, 0.7))
        for x in (-0.52 * m, 0.54 * m):
            self._wheel(brush, x, 0.34 * m, distance)
        for start, end in ((crank, seat), (crank, bar), (seat, (0.38 * m, 0.82 * m)), (crank, (-0.52 * m, 0.34 * m)),
                           ((0.54 * m, 0.34 * m), bar), ((-0.52 * m, 0.34 * m), (-0.14 * m, 0.75 * m))):  # fmt: skip
            brush.limb(start, end, 0.055 * m, self.frame)
        brush.limb((-0.27 * m, 0.95 * m), (-0.08 * m, 0.95 * m), 0.07 * m, (30, 30, 30))
        shoulder = (0.12 * m, 1.42 * m)
        self._leg(brush, seat, pedals[0], self.trousers)
        brush.limb(seat, shoulder, 0.24 * m, self.shirt, 1.1)
        brush.disc(shoulder, 0.13 * m, self.shirt)
        brush.limb(shoulder, bar, 0.1 * m, shade(self.shirt, 0.85), 0.7)
        brush.ellipse((0.22 * m, 1.62 * m), (0.1 * m, 0.115 * m), self.skin)
        brush.ellipse((0.2 * m, 1.68 * m), (0.12 * m, 0.085 * m), self.helmet)

    def _leg(self, brush: Brush, hip: Point, foot: Point, color: Color) -> None:
        m = self.scale
        knee = ((hip[0] + foot[0]) / 2 + 0.2 * m, (hip[1] + foot[1]) / 2 + 0.08 * m)
        brush.limb(hip, knee, 0.16 * m, color, 0.75)
        brush.limb(knee, foot, 0.12 * m, color, 0.7)
        brush.ellipse((foot[0] + 0.04 * m, foot[1]), (0.11 * m, 0.04 * m), (35, 35, 40))

    def _wheel(self, brush: Brush, x: float, radius: float, distance: float) -> None:
        brush.ring((x, radius), radius, 0.05, (35, 35, 38))
        for spoke in range(2):
            turn = -distance / radius + spoke * pi / 2
            dx, dy = 0.9 * radius * cos(turn), 0.9 * radius * sin(turn)
            brush.limb((x - dx, radius - dy), (x + dx, radius + dy), 0.02, (120, 120, 122))


@dataclass(frozen=True)
class Dog:
    """Looks of one dog."""

    scale: float
    coat: Color
    ear: Color
    collar: Color
    long_tail: bool

    @classmethod
    def random(cls, generator: np.random.Generator) -> Dog:
        """A dog that differs from the last one."""
        base = ((40, 60, 95), (70, 120, 175), (30, 30, 34), (190, 205, 215), (95, 105, 115), (50, 85, 140))
        coat = shade(base[generator.integers(len(base))], generator.uniform(0.85, 1.15))
        return cls(
            scale=generator.uniform(0.8, 1.3),
            coat=coat,
            ear=shade(coat, generator.uniform(0.5, 0.8)),
            collar=cloth(generator),
            long_tail=bool(generator.random() < 0.7),
        )

    @property
    def length(self) -> float:
        """Length in metres."""
        return 0.9 * self.scale

    def draw(self, brush: Brush, distance: float, moving: bool, front: bool) -> None:
        """Paint after `distance` metres, which set the legs and the tail."""
        m = self.scale
        phase = distance / (0.3 * m) * pi
        swing = 0.5 if moving else 0.0
        for k, x in enumerate((-0.27, 0.23, -0.23, 0.27)):
            angle = swing * sin(phase + (0.0, pi, pi, 0.0)[k])
            color = shade(self.coat, 0.7 if k < 2 else 0.95)
            knee = ((x + 0.12 * sin(angle)) * m, 0.2 * m)
            brush.limb((x * m, 0.36 * m), knee, 0.1 * m, color, 0.8)
            brush.limb(knee, (knee[0] + 0.14 * sin(angle * 0.6) * m, 0.02 * m), 0.07 * m, color, 0.9)
        wag = 0.12 * sin(phase * 0.7)
        tail = 0.26 if self.long_tail else 0.1
        brush.limb((-0.32 * m, 0.47 * m), ((-0.32 - tail * 0.7) * m, (0.47 + tail + wag) * m), 0.07 * m, self.coat, 0.5)
        brush.ellipse((-0.02 * m, 0.43 * m), (0.36 * m, 0.145 * m), self.coat, 4.0)
        brush.limb((0.24 * m, 0.47 * m), (0.4 * m, 0.64 * m), 0.19 * m, self.coat, 0.75)
        brush.limb((0.29 * m, 0.58 * m), (0.36 * m, 0.49 * m), 0.05 * m, self.collar)
        brush.ellipse((0.43 * m, 0.66 * m), (0.13 * m, 0.1 * m), self.coat)
        brush.limb((0.45 * m, 0.63 * m), (0.6 * m, 0.6 * m), 0.1 * m, shade(self.coat, 0.9), 0.75)
        brush.disc((0.6 * m, 0.61 * m), 0.03 * m, (20, 20, 22))
        brush.ellipse((0.37 * m, 0.68 * m), (0.05 * m, 0.11 * m), self.ear, 20.0)
