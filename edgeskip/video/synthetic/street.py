"""A street: lanes across the picture, pavements before and behind, a traffic light."""

from __future__ import annotations

import numpy as np

from edgeskip.video.synthetic import texture
from edgeskip.video.synthetic.brush import Brush
from edgeskip.video.synthetic.place import Place, Prop
from edgeskip.video.synthetic.routes import Camera, Lane, Traffic, Walk


class Street(Place):
    """Two to four lanes, people on both pavements and on a crossing."""

    camera = Camera(far_y=0.42, near_y=0.95, far_scale=23.0, near_scale=54.0)

    def __init__(self, seed: int, size: tuple[int, int]) -> None:
        super().__init__(seed, size)
        draw = self.generator
        self.tilt = draw.uniform(-0.035, 0.035)
        self.kerb = draw.uniform(0.47, 0.5)
        self.near_kerb = draw.uniform(0.79, 0.84)
        self.lanes = int(draw.integers(2, 5))
        self.crossing = draw.uniform(0.25, 0.75)
        self.light_x = self.crossing + draw.choice([-0.07, 0.1])
        self.traffic = Traffic(offset=float(draw.integers(0, 520)), green=float(draw.integers(250, 400)))
        self.wall = draw.uniform(0.36, 0.4)

    def _slope(self, x: float) -> float:
        return (x - 0.5) * self.tilt

    def background(self) -> np.ndarray:
        """Houses, pavements, road with its markings."""
        draw, size = self.generator, self.size
        picture = texture.surface(draw, size, (222, 200, 178) if draw.random() < 0.6 else (205, 203, 200), 2.0)
        left = -0.02
        while left < 1.0:
            right = left + draw.uniform(0.14, 0.34)
            texture.facade(picture, draw, (left, draw.uniform(-0.15, 0.1), right, self.wall))
            left = right + (draw.uniform(0.01, 0.05) if draw.random() < 0.3 else 0.0)
        pavement = np.array(texture.tone(draw, 120, 175), float)
        ground = [(0, self.wall), (1, self.wall), (1, 1), (0, 1)]
        texture.fill(picture, ground, texture.surface(draw, size, tuple(pavement), 5))
        texture.tiles(picture, self.wall, -0.1, 14, self.tilt, tuple(pavement * 0.85))
        self._draw_road(picture, np.array(texture.tone(draw, 62, 105, 6.0), float))
        return texture.finish(picture, draw)

    def _draw_road(self, picture: np.ndarray, asphalt: np.ndarray) -> None:
        def row(y: float) -> list[tuple[float, float]]:
            return [(0.0, y + self._slope(0.0)), (1.0, y + self._slope(1.0))]

        far, near = row(self.kerb), row(self.near_kerb)
        texture.fill(picture, [*far, *near[::-1]], texture.surface(self.generator, self.size, tuple(asphalt), 7))
        for edge in (far, near):
            texture.line(picture, edge[0], edge[1], 3, (178, 182, 184))
        for k in range(1, self.lanes):
            y = self.kerb + (self.near_kerb - self.kerb) * k / self.lanes
            for dash in range(12):
                x = (dash + 0.2) / 12
                texture.line(picture, (x, y + self._slope(x)), (x + 0.04, y + self._slope(x)), 2, (205, 210, 212))
        bars = 9
        for k in range(bars):
            y = self.kerb + (self.near_kerb - self.kerb) * (k + 0.2) / bars
            thick = (self.near_kerb - self.kerb) * 0.55 / bars
            wide = 0.032 + 0.02 * k / bars
            low = y + self._slope(self.crossing)
            texture.rectangle(picture, (self.crossing - wide, low, self.crossing + wide, low + thick), (208, 212, 214))

    def routes(self) -> tuple[Lane | Walk, ...]:
        """Half of the lanes run each way; people cross at the zebra."""
        draw = np.random.default_rng([self.seed, 2])
        found: list[Lane | Walk] = []
        for k in range(self.lanes):
            y = self.kerb + (self.near_kerb - self.kerb) * (k + 0.72) / self.lanes
            ends = [(-0.32, y + self._slope(-0.32)), (1.32, y + self._slope(1.32))]
            if k < self.lanes / 2:
                ends.reverse()
            found.append(Lane(ends[0], ends[1], (0, 0.62, 0.3, 0.08, 0), draw.uniform(0.35, 0.65), self.traffic))
        far, near = (self.wall + self.kerb) / 2 + 0.02, min(0.97, self.near_kerb + 0.1)
        walkers = (0.66, 0.0, 0.0, 0.14, 0.2)
        middle = draw.uniform(0.25, 0.75)
        for y, occupancy in ((far, draw.uniform(0.3, 0.7)), (near, draw.uniform(0.3, 0.7))):
            found.append(Walk(((-0.12, y), (middle, y), (1.12, y)), walkers, occupancy, spread=0.012))
        crossing = ((-0.12, far), (self.crossing, far), (self.crossing, near), (1.12, near))
        found.append(Walk(crossing, (0.85, 0, 0, 0, 0.15), draw.uniform(0.2, 0.6), 300.0, spread=0.012))
        return tuple(found)

    def props(self) -> tuple[Prop, ...]:
        """A traffic light at the crossing and a lamp post on the near pavement."""
        foot = self.near_kerb + 0.03
        return (Prop(foot, self._draw_light),)

    def _draw_light(self, picture: np.ndarray, t: float) -> tuple[float, float, float, float]:
        width, height = self.size
        foot = self.near_kerb + 0.03
        brush = Brush(picture, self.light_x * width, foot * height, self.camera.scale(foot) * height / 384.0)
        brush.limb((0.0, 0.0), (0.0, 2.3), 0.14, (62, 66, 68))
        brush.polygon([(-0.2, 2.2), (0.2, 2.2), (0.2, 3.2), (-0.2, 3.2)], (30, 34, 32))
        green = self.traffic.is_green(t)
        brush.disc((0.0, 3.0), 0.12, (45, 45, 90) if green else (50, 50, 245))
        blink = int(t) // 12 % 2 == 0
        brush.disc((0.0, 2.7), 0.12, (40, 80, 90))
        brush.disc((0.0, 2.4), 0.12, (120, 235, 90) if green and blink else (45, 80, 45))
        return (brush.x - 2, brush.low_y, brush.x + 2, brush.high_y)
