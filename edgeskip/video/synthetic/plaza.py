"""A paved square: people in every direction, trees whose leaves move, a van at the back."""

from __future__ import annotations

import cv2
import numpy as np

from edgeskip.video.synthetic import texture
from edgeskip.video.synthetic.brush import Brush, shade
from edgeskip.video.synthetic.place import DrawProp, Place, Prop
from edgeskip.video.synthetic.routes import Camera, Lane, Walk


class Plaza(Place):
    """An open square in front of houses."""

    camera = Camera(far_y=0.36, near_y=0.97, far_scale=22.0, near_scale=56.0)
    light_depth = 0.06

    def __init__(self, seed: int, size: tuple[int, int]) -> None:
        super().__init__(seed, size)
        draw = self.generator
        self.wall = draw.uniform(0.28, 0.33)
        self.lane_y = self.wall + 0.09
        self.tilt = draw.uniform(-0.2, 0.2)
        count = int(draw.integers(1, 4))
        ranges = ((0.05, 0.95), (0.5, 0.78), (0.85, 1.25))
        self.trees = [tuple(draw.uniform(low, high) for low, high in ranges) for _ in range(count)]
        self.leaf = tuple(draw.uniform((40, 85, 45), (75, 140, 105)))

    def background(self) -> np.ndarray:
        """Houses, a lane along them, slabs and a few flower beds."""
        draw, size = self.generator, self.size
        picture = texture.surface(draw, size, (228, 205, 180), 2.0)
        left = -0.03
        while left < 1.0:
            right = left + draw.uniform(0.2, 0.45)
            texture.facade(picture, draw, (left, draw.uniform(-0.2, 0.06), right, self.wall))
            left = right
        slabs = np.array(texture.tone(draw, 110, 185, 20.0), float)
        ground = [(0, self.wall), (1, self.wall), (1, 1), (0, 1)]
        texture.fill(picture, ground, texture.surface(draw, size, tuple(slabs), 6))
        texture.tiles(picture, self.wall, 0.02, int(draw.integers(7, 12)), self.tilt, tuple(slabs * 0.82))
        lane = [(0, self.wall + 0.02), (1, self.wall + 0.02), (1, self.lane_y + 0.02), (0, self.lane_y + 0.02)]
        texture.fill(picture, lane, texture.surface(draw, size, tuple(slabs * 0.62), 6))
        for x, y, _ in self.trees:
            center = (int(x * size[0]), int(y * size[1]))
            radius = int(self.camera.scale(y) * 0.75 * size[1] / 384)
            cv2.ellipse(picture, center, (radius, radius // 3), 0, 0, 360, (52, 72, 88), -1, cv2.LINE_AA)
            cv2.ellipse(picture, center, (radius, radius // 3), 0, 0, 360, (150, 155, 158), 2, cv2.LINE_AA)
        return texture.finish(picture, draw)

    def routes(self) -> tuple[Lane | Walk, ...]:
        """Walks across the square, and a lane with a little traffic behind it."""
        draw = np.random.default_rng([self.seed, 2])
        ends = [(-0.3, self.lane_y), (1.3, self.lane_y)]
        if draw.random() < 0.5:
            ends.reverse()
        vehicles = (0, 0.5, 0.4, 0.1, 0)
        found: list[Lane | Walk] = [Lane(ends[0], ends[1], vehicles, draw.uniform(0.2, 0.5), gap_metres=18)]
        low = self.wall + 0.15
        for _ in range(int(draw.integers(4, 8))):
            y0, y1, y2 = draw.uniform(low, 0.94, 3)
            middle = (draw.uniform(0.25, 0.75), y1)
            points = ((-0.1, y0), middle, (1.1, y2))
            if draw.random() < 0.35:
                points = ((-0.1, y0), middle, (draw.uniform(0.2, 0.8), 1.3))
            found.append(Walk(points, (0.6, 0, 0, 0.18, 0.22), draw.uniform(0.3, 0.7), 170.0, (20.0, 320.0)))
        return tuple(found)

    def props(self) -> tuple[Prop, ...]:
        """The trees."""
        return tuple(Prop(tree[1], self._tree(tree, k)) for k, tree in enumerate(self.trees))

    def _tree(self, tree: tuple[float, float, float], index: int) -> DrawProp:
        x, y, size = tree
        generator = np.random.default_rng([self.seed, index, 5])
        leaves = [
            (generator.normal(0, 0.55) * size, (2.9 + generator.normal(0, 0.42)) * size,
             generator.uniform(0.2, 0.5), generator.uniform(0.75, 1.2), int(generator.integers(4, 40)))
            for _ in range(34)
        ]  # fmt: skip

        def draw(picture: np.ndarray, t: float) -> tuple[float, float, float, float]:
            width, height = self.size
            brush = Brush(picture, x * width, y * height, self.camera.scale(y) * height / 384.0)
            brush.limb((0.0, 0.0), (0.0, 2.6 * size), 0.24 * size, (48, 66, 84), 0.6)
            for k, (dx, dy, radius, tone, rate) in enumerate(leaves):
                # only a few leaves stir at a time: the rest of the tree stays as it was
                stirs = k % 5 == 0 and (int(t) // rate) % 2
                brush.disc((dx + (0.07 if stirs else 0.0), dy), radius * size, shade(self.leaf, tone))
            reach = 0.95 * size * brush.scale
            return brush.x - reach, brush.low_y, brush.x + reach, brush.y - 2.3 * size * brush.scale

        return draw
