"""A fixed camera that looks at a drawn place: any frame, with the true boxes."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from edgeskip.video.synthetic.brush import Brush
from edgeskip.video.synthetic.hall import Hall
from edgeskip.video.synthetic.place import Box, Place, Prop
from edgeskip.video.synthetic.plaza import Plaza
from edgeskip.video.synthetic.routes import CLASS_NAMES, Actor, Pose, Timetable
from edgeskip.video.synthetic.sensor import add_noise, light_table
from edgeskip.video.synthetic.street import Street

PLACES: dict[str, type[Place]] = {"street": Street, "plaza": Plaza, "hall": Hall}
SCENE_NAMES = tuple(PLACES)
HIDDEN_SHARE = 0.7  # an object whose box is covered by nearer ones to more than this is not in the truth
SMALLEST_PIXELS = 6.0
_GRID = np.stack(np.meshgrid(np.linspace(0.06, 0.94, 8), np.linspace(0.06, 0.94, 8)), -1).reshape(-1, 2)


class Scene:
    """Frames of a synthetic place, deterministic by name, seed and frame number.

    Args:
        name: one of `SCENE_NAMES`.
        seed: looks of the place, and who passes when.
        size: (width, height) in pixels.
        noise: sigma of the sensor noise in grey levels.
        objects: class names that may appear; all by default.
    """

    def __init__(
        self,
        name: str,
        seed: int = 0,
        size: tuple[int, int] = (640, 384),
        noise: float = 2.0,
        objects: Collection[str] = CLASS_NAMES,
    ) -> None:
        self.name, self.seed, self.size, self.noise = name, seed, size, noise
        self.place = PLACES[name](seed, size)
        self._background = self.place.background()
        self._shaded = (self._background * self.place.shadow).astype(np.uint8)
        classes = frozenset(CLASS_NAMES.index(label) for label in objects)
        self._timetable = Timetable(seed, self.place.camera, size[0] / size[1], self.place.routes(), classes)
        self._props = self.place.props()

    def frame(self, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame t (25 per second): picture uint8 BGR [H, W, 3], boxes float32 [n, 4] (x0 y0 x1 y1 in
        pixels, clipped to the picture) and class ids int32 [n] of the objects that can be seen.

        Frames may be asked for in any order; without noise most pixels equal those of frame t - 1.
        """
        picture, boxes, class_ids = self.draw(t)
        picture = cv2.LUT(picture, light_table(t, self.seed, self.place.light_depth))
        return add_noise(picture, self.noise, self.seed, int(t)), boxes, class_ids

    def draw(self, t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame t as `frame` returns it, before light and noise."""
        actors = list(self._timetable.actors(t))
        picture = self._background.copy()
        self._draw_shadows(picture, actors)
        layers: list[tuple[float, int, Prop | tuple[Actor, Pose]]] = [(prop.y, -1, prop) for prop in self._props]
        layers += [(pose.y, k, (actor, pose)) for k, (actor, pose) in enumerate(actors)]
        boxes, class_ids = [], []
        for _, _, layer in sorted(layers, key=lambda item: item[:2]):
            if isinstance(layer, Prop):
                box = layer.draw(picture, t)
                class_id = -1
            else:
                box, class_id = self._draw_actor(picture, *layer), layer[0].class_id
            if box is not None:
                boxes.append(box)
                class_ids.append(class_id)
        return picture, *_seen(boxes, class_ids, self.size)

    def _brush(self, picture: np.ndarray, pose: Pose) -> Brush:
        width, height = self.size
        scale = self.place.camera.scale(pose.y) * height / 384.0
        return Brush(picture, pose.x * width, pose.y * height, scale, pose.flip)

    def _draw_actor(self, picture: np.ndarray, actor: Actor, pose: Pose) -> Box:
        brush = self._brush(picture, pose)
        actor.figure.draw(brush, pose.distance, pose.moving, pose.front)
        return brush.box_xyxy

    def _draw_shadows(self, picture: np.ndarray, actors: list[tuple[Actor, Pose]]) -> None:
        mask = np.zeros(picture.shape[:2], np.uint8)
        for actor, pose in actors:
            brush = self._brush(mask, pose)
            length = actor.figure.length
            brush.ellipse((-0.04 * length, 0.0), (0.54 * length, 0.1 * length + 0.03), (255, 255, 255))
        cv2.copyTo(self._shaded, mask, picture)


def _seen(boxes: list[Box], class_ids: list[int], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (far to near) and class ids of the objects that are not hidden, too small or outside."""
    if not boxes:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    full = np.array(boxes, np.float32)
    clipped = np.clip(full, 0, np.array([*size, *size], np.float32))
    sides = clipped[:, 2:] - clipped[:, :2]
    inside = sides.prod(1) / (full[:, 2:] - full[:, :2]).prod(1)
    points = clipped[:, None, :2] + sides[:, None] * _GRID.astype(np.float32)
    covered = ((points[:, None] > full[None, :, None, :2]) & (points[:, None] < full[None, :, None, 2:])).all(-1)
    nearer = np.triu(np.ones((len(boxes), len(boxes)), bool), 1)
    hidden = (covered & nearer[..., None]).any(1).mean(1)
    ids = np.array(class_ids, np.int32)
    keep = (ids >= 0) & (inside > 0.25) & (hidden < HIDDEN_SHARE) & (sides.min(1) >= SMALLEST_PIXELS)
    return clipped[keep], ids[keep]
