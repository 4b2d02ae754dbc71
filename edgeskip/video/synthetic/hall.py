"""An entrance hall: shiny floor, pillars, a board whose lines change."""

from __future__ import annotations

import numpy as np

from edgeskip.video.synthetic import texture
from edgeskip.video.synthetic.brush import Brush
from edgeskip.video.synthetic.place import DrawProp, Place, Prop
from edgeskip.video.synthetic.routes import Camera, Lane, Walk


class Hall(Place):
    """A room with people, dogs and now and then a cyclist who should not be there."""

    camera = Camera(far_y=0.42, near_y=0.98, far_scale=30.0, near_scale=66.0)
    light_depth = 0.03
    shadow = 0.75

    def __init__(self, seed: int, size: tuple[int, int]) -> None:
        super().__init__(seed, size)
        draw = self.generator
        self.wall = draw.uniform(0.34, 0.4)
        pillars = [(x + draw.uniform(-0.08, 0.08), draw.uniform(0.5, 0.66)) for x in (0.25, 0.72)]
        self.pillars = pillars[: draw.integers(3)]
        self.board_x = draw.uniform(0.12, 0.7)
        self.stone = draw.uniform(120, 190)

    def background(self) -> np.ndarray:
        """Wall with windows and doors, tiles with the light of the windows on them."""
        draw, size = self.generator, self.size
        wall = np.array(texture.tone(draw, 125, 205, 22.0), float)
        picture = texture.surface(draw, size, tuple(wall), 2.5)
        floor = np.array(texture.tone(draw, 95, 180, 26.0), float)
        ground = [(0, self.wall), (1, self.wall), (1, 1), (0, 1)]
        texture.fill(picture, ground, texture.surface(draw, size, tuple(floor), 3))
        columns, tilt = int(draw.integers(8, 14)), draw.uniform(-0.15, 0.15)
        texture.tiles(picture, self.wall, 0.1, columns, tilt, tuple(floor * 0.86))
        for k in range(int(draw.integers(3, 7))):
            x = (k + draw.uniform(0.1, 0.4)) / 6
            pane = draw.uniform(0.06, 0.11)
            bright = texture.tone(draw, 215, 245, 10.0)
            texture.rectangle(picture, (x, 0.04, x + pane, self.wall - draw.choice([0.0, 0.1])), bright)
            texture.line(picture, (x + pane / 2, 0.04), (x + pane / 2, self.wall - 0.1), 2, tuple(wall * 0.6))
            reflection = [(x, self.wall), (x + pane, self.wall), (x + pane * 1.2, 0.85), (x - pane * 0.1, 0.85)]
            texture.fill(picture, reflection, np.clip(picture * 1.07, 0, 255))
        texture.line(picture, (0, self.wall), (1, self.wall), 4, tuple(wall * 0.55))
        return texture.finish(picture, draw)

    def routes(self) -> tuple[Lane | Walk, ...]:
        """Ways from side to side, and towards the camera."""
        draw = np.random.default_rng([self.seed, 2])
        found: list[Lane | Walk] = []
        for _ in range(int(draw.integers(3, 7))):
            y0, y1, y2 = draw.uniform(self.wall + 0.08, 0.95, 3)
            points = ((-0.1, y0), (draw.uniform(0.2, 0.8), y1), (1.1, y2))
            if draw.random() < 0.4:
                points = ((-0.1, y0), (draw.uniform(0.2, 0.8), y1), (draw.uniform(0.1, 0.9), 1.35))
            found.append(Walk(points, (0.74, 0, 0, 0.1, 0.16), draw.uniform(0.35, 0.75), 190.0, (40.0, 420.0)))
        return tuple(found)

    def props(self) -> tuple[Prop, ...]:
        """Board on the wall, pillars in the room."""
        return (Prop(0.0, self._draw_board), *(Prop(y, self._pillar(x, y)) for x, y in self.pillars))

    def _draw_board(self, picture: np.ndarray, t: float) -> None:
        x0, x1, y0 = self.board_x, self.board_x + 0.18, 0.08
        texture.rectangle(picture, (x0, y0, x1, y0 + 0.16), (32, 30, 28))
        for row in range(5):
            page = int(t + 37 * row) // 90
            length = np.random.default_rng([self.seed, row, page]).uniform(0.3, 0.9)
            y = y0 + 0.025 + row * 0.028
            texture.line(picture, (x0 + 0.01, y), (x0 + 0.01 + 0.16 * length, y), 2, (90, 200, 235))

    def _pillar(self, x: float, y: float) -> DrawProp:
        def draw(picture: np.ndarray, t: float) -> tuple[float, float, float, float]:
            width, height = self.size
            brush = Brush(picture, x * width, y * height, self.camera.scale(y) * height / 384.0)
            tone = self.stone
            for k in range(6):
                left = -0.3 + 0.1 * k
                color = tuple(int(tone * (0.7 + 0.35 * (1 - abs(k - 1.5) / 4))) for _ in range(3))
                brush.polygon([(left, 0.0), (left, 9.0), (left + 0.105, 9.0), (left + 0.105, 0.0)], color)
            brush.polygon([(-0.38, 0.0), (-0.38, 0.18), (0.38, 0.18), (0.38, 0.0)], (int(tone * 0.6),) * 3)
            return brush.box_xyxy

        return draw
