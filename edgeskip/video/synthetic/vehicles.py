"""Cars and trucks, seen from the side."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from edgeskip.video.synthetic.brush import Brush, Color, shade
from edgeskip.video.synthetic.people import cloth

_TYRE, _RIM, _GLASS = (28, 28, 30), (165, 165, 168), (120, 95, 70)


def wheel(brush: Brush, x: float, radius: float, distance: float) -> None:
    """A wheel that stands on the ground and has rolled `distance` metres."""
    brush.disc((x, radius), radius, _TYRE)
    brush.disc((x, radius), 0.62 * radius, _RIM)
    angle = -distance / radius
    for spoke in range(3):
        turn = angle + spoke * pi / 3
        dx, dy = 0.55 * radius * cos(turn), 0.55 * radius * sin(turn)
        brush.limb((x - dx, radius - dy), (x + dx, radius + dy), 0.16 * radius, (70, 70, 75))


@dataclass(frozen=True)
class Car:
    """Looks of one car; lengths in metres. `rear` and `nose`: where the cabin begins and ends, of the length."""

    length: float
    height: float
    rear: float
    nose: float
    paint: Color
    glass: Color

    @classmethod
    def random(cls, generator: np.random.Generator) -> Car:
        """A saloon, a hatchback or an estate."""
        rear = (-0.36, -0.47, -0.49)[generator.integers(3)]
        return cls(
            length=generator.uniform(3.6, 4.8),
            height=generator.uniform(1.38, 1.68),
            rear=rear,
            nose=generator.uniform(0.2, 0.28),
            paint=cloth(generator),
            glass=shade(_GLASS, generator.uniform(0.6, 1.4)),
        )

    def draw(self, brush: Brush, distance: float, moving: bool, front: bool) -> None:
        """Paint after `distance` metres; `moving` puts the brake lights out."""
        size, top = self.length, self.height
        belt, sill = 0.58 * top, 0.14 * top
        rear, nose = self.rear * size, self.nose * size
        roof_rear, roof_nose = rear + 0.1 * size, nose - 0.16 * size
        brush.polygon([(rear, belt), (roof_rear, top), (roof_nose, top), (nose, belt)], shade(self.paint, 0.95))
        middle = (roof_rear + roof_nose) / 2
        for left, right in ((rear + 0.05 * size, middle - 0.02 * size), (middle + 0.02 * size, nose - 0.04 * size)):
            inset = 0.05 * size
            top_left = left + inset if left < middle else left
            top_right = right if right < middle else right - 0.11 * size
            brush.polygon([(left, belt), (top_left, 0.94 * top), (top_right, 0.94 * top), (right, belt)], self.glass)
        half = size / 2
        brush.polygon(
            [(-half, 0.3 * top), (-half + 0.02 * size, belt), (0.2 * size, 0.61 * top),
             (half - 0.05 * size, 0.52 * top), (half, 0.36 * top), (half, 0.2 * top),
             (half - 0.03 * size, sill), (-half + 0.03 * size, sill)],
            self.paint)  # fmt: skip
        brush.polygon(
            [(-0.44 * size, 0.22 * top), (0.45 * size, 0.22 * top), (0.45 * size, sill), (-0.44 * size, sill)],
            shade(self.paint, 0.55),
        )
        brush.limb((0.0, belt), (0.0, 0.24 * top), 0.02, shade(self.paint, 0.6))
        brush.disc((half - 0.06 * size, 0.43 * top), 0.07 * top, (190, 235, 245))
        brush.disc((-half + 0.04 * size, 0.46 * top), 0.07 * top, (40, 40, 170) if moving else (60, 60, 250))
        for x in (-0.31 * size, 0.31 * size):
            brush.disc((x, 0.215 * top), 0.25 * top, shade(self.paint, 0.35))
            wheel(brush, x, 0.21 * top, distance)


@dataclass(frozen=True)
class Truck:
    """Looks of one lorry; lengths in metres."""

    length: float
    height: float
    cab: Color
    box: Color
    stripe: Color
    style: int

    @classmethod
    def random(cls, generator: np.random.Generator) -> Truck:
        """A box lorry, a tanker or a flatbed with a load."""
        return cls(
            length=generator.uniform(6.2, 8.2),
            height=generator.uniform(2.7, 3.3),
            cab=cloth(generator),
            box=cloth(generator),
            stripe=cloth(generator),
            style=int(generator.integers(3)),
        )

    def draw(self, brush: Brush, distance: float, moving: bool, front: bool) -> None:
        """Paint after `distance` metres; `moving` puts the brake lights out."""
        size, top = self.length, self.height
        half, bed = size / 2, 0.3 * top
        cab = half - 0.24 * size
        brush.polygon([(-half, bed), (half, bed), (half, 0.17 * top), (-half, 0.17 * top)], (55, 55, 58))
        self._draw_load(brush, -half, cab - 0.03 * size, bed, top)
        brush.polygon([(cab, 0.18 * top), (cab, 0.82 * top), (half - 0.05 * size, 0.82 * top), (half, 0.5 * top),
                       (half, 0.18 * top)], self.cab)  # fmt: skip
        window = cab + 0.07 * size
        brush.polygon([(window, 0.52 * top), (window, 0.76 * top), (half - 0.06 * size, 0.76 * top),
                       (half - 0.02 * size, 0.52 * top)], _GLASS)  # fmt: skip
        brush.disc((half - 0.03 * size, 0.27 * top), 0.04 * top, (190, 235, 245))
        brush.limb((-half, 0.28 * top), (-half, 0.2 * top), 0.14, (40, 40, 170) if moving else (60, 60, 250))
        for x in (-0.37, -0.24, 0.34):
            wheel(brush, x * size, 0.165 * top, distance)

    def _draw_load(self, brush: Brush, rear: float, nose: float, bed: float, top: float) -> None:
        if self.style == 0:
            brush.polygon([(rear, bed), (rear, top), (nose, top), (nose, bed)], self.box)
            brush.polygon([(rear, 0.52 * top), (rear, 0.68 * top), (nose, 0.68 * top), (nose, 0.52 * top)], self.stripe)
            for k in range(1, 6):
                x = rear + (nose - rear) * k / 6
                brush.limb((x, bed), (x, top), 0.05, shade(self.box, 0.85))
        elif self.style == 1:
            radius = 0.36 * top
            middle = bed + radius
            brush.ellipse((rear + 0.45 * radius, middle), (0.45 * radius, radius), shade(self.box, 0.8))
            brush.ellipse((nose - 0.45 * radius, middle), (0.45 * radius, radius), self.box)
            left, right = rear + 0.45 * radius, nose - 0.45 * radius
            brush.polygon([(left, bed), (left, bed + 2 * radius), (right, bed + 2 * radius), (right, bed)], self.box)
            gleam = middle + 0.3 * radius
            brush.limb((left, gleam), (right, gleam), 0.2 * radius, shade(self.box, 1.3))
        else:
            brush.polygon([(rear, bed), (rear, 0.48 * top), (nose, 0.48 * top), (nose, bed)], self.box)
            width = (nose - rear) / 3
            for k in range(3):
                height = top * (0.72 + 0.08 * ((k * 7 + int(self.length * 10)) % 3))
                left, right = rear + width * k + 0.1, rear + width * (k + 1) - 0.1
                color = shade(self.stripe, 0.75 + 0.2 * k)
                brush.polygon([(left, 0.48 * top), (left, height), (right, height), (right, 0.48 * top)], color)
