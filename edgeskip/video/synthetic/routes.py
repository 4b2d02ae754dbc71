"""Who is where at frame t: closed formulas of t, so that any frame can be asked for first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import floor, hypot

import numpy as np

from edgeskip.video.synthetic.people import Person
from edgeskip.video.synthetic.riders import Bicycle, Dog
from edgeskip.video.synthetic.vehicles import Car, Truck

CLASS_NAMES = ("person", "car", "truck", "bicycle", "dog")
FIGURES = (Person, Car, Truck, Bicycle, Dog)
SPEEDS = ((1.0, 1.8), (6.0, 8.0), (6.0, 8.0), (3.0, 4.5), (1.2, 2.4))  # metres per second
FRAMES_PER_SECOND = 25.0

Figure = Person | Car | Truck | Bicycle | Dog


@dataclass(frozen=True)
class Pose:
    """One object at one moment: ground point in fractions of the picture, walked metres, and how it stands."""

    x: float
    y: float
    distance: float
    moving: bool
    flip: bool
    front: bool


@dataclass(frozen=True)
class Actor:
    """A figure of one class; `pose(t)` is None while it is not on its way."""

    class_id: int
    figure: Figure
    pose: object  # Callable[[float], Pose | None]; dataclasses would bind a bare function


@dataclass(frozen=True)
class Camera:
    """Perspective of a fixed camera: pixels per metre grow linearly from `far` to `near` picture rows."""

    far_y: float
    near_y: float
    far_scale: float
    near_scale: float

    def scale(self, y: float) -> float:
        """Pixels per metre, in a picture 384 pixels high, at row `y` (fraction of the height)."""
        share = (y - self.far_y) / (self.near_y - self.far_y)
        return max(4.0, self.far_scale + share * (self.near_scale - self.far_scale))


@dataclass(frozen=True)
class Traffic:
    """Green and red for a lane. Everything in the lane drives in green and stands in red."""

    period: float = 520.0
    green: float = 330.0
    ramp: float = 30.0
    offset: float = 0.0

    def driven(self, t: float) -> float:
        """Frames' worth of driving at full speed up to frame t."""
        cycle, phase = divmod(t + self.offset, self.period)
        full = self.green - self.ramp
        if phase < self.ramp:
            part = phase * phase / (2 * self.ramp)
        elif phase < self.green - self.ramp:
            part = phase - self.ramp / 2
        elif phase < self.green:
            left = self.green - phase
            part = full - left * left / (2 * self.ramp)
        else:
            part = full
        return cycle * full + part

    def is_green(self, t: float) -> bool:
        """Whether the lane may drive at frame t."""
        return (t + self.offset) % self.period < self.green


@dataclass(frozen=True)
class Lane:
    """A line that vehicles follow one behind the other, at one speed."""

    start: tuple[float, float]
    end: tuple[float, float]
    weights: tuple[float, ...]
    occupancy: float
    traffic: Traffic | None = None
    gap_metres: float = 12.5


@dataclass(frozen=True)
class Walk:
    """A polyline that people, dogs and cyclists follow, each at a pace of their own, with stops at its corners."""

    points: tuple[tuple[float, float], ...]
    weights: tuple[float, ...]
    occupancy: float
    gap_frames: float = 160.0
    pause_frames: tuple[float, float] = (0.0, 150.0)
    spread: float = 0.03


@dataclass
class Timetable:
    """The actors of all routes; `actors(t)` yields those under way at frame t."""

    seed: int
    camera: Camera
    aspect: float  # metres across / metres down at equal fractions: width / height of the picture
    routes: tuple[Lane | Walk, ...]
    classes: frozenset[int] = frozenset(range(len(CLASS_NAMES)))
    _known: dict[tuple[int, int], Actor | None] = field(default_factory=dict)

    def actors(self, t: float) -> Iterator[tuple[Actor, Pose]]:
        """Actors under way at frame t with their poses, in no order."""
        for index, route in enumerate(self.routes):
            low, high = self._slots(route, t, index)
            for slot in range(low, high + 1):
                actor = self._actor(index, slot)
                pose = actor.pose(t) if actor else None
                if actor and pose:
                    yield actor, pose

    def _slots(self, route: Lane | Walk, t: float, index: int) -> tuple[int, int]:
        if isinstance(route, Lane):
            clock = route.traffic.driven(t) if route.traffic else t
            span, gap = self._lane_frames(route, index)
            return floor((clock - span) / gap) - 1, floor(clock / gap) + 1
        longest = 1600.0
        return floor((t - longest) / route.gap_frames), floor(t / route.gap_frames) + 1

    def _lane_speed(self, route: Lane, index: int) -> float:
        generator = np.random.default_rng([self.seed, index, 7])
        low, high = SPEEDS[int(np.argmax(route.weights))]
        return generator.uniform(low, high) / FRAMES_PER_SECOND

    def _lane_frames(self, route: Lane, index: int) -> tuple[float, float]:
        """Frames to drive the whole lane, and frames between two vehicles."""
        speed = self._lane_speed(route, index)
        return self._metres(route.start, route.end) / speed, route.gap_metres / speed

    def _metres(self, start: tuple[float, float], end: tuple[float, float]) -> float:
        scale = self.camera.scale((start[1] + end[1]) / 2) / 384.0
        return hypot((end[0] - start[0]) * self.aspect, end[1] - start[1]) / scale

    def _actor(self, index: int, slot: int) -> Actor | None:
        key = (index, slot)
        if key not in self._known:
            if len(self._known) > 4096:
                self._known.clear()
            self._known[key] = self._create(index, slot)
        return self._known[key]

    def _create(self, index: int, slot: int) -> Actor | None:
        route = self.routes[index]
        generator = np.random.default_rng([self.seed, index, slot + 1_000_000, 3])
        weights = np.array([w if k in self.classes else 0.0 for k, w in enumerate(route.weights)])
        if generator.random() >= route.occupancy or weights.sum() == 0:
            return None
        class_id = int(generator.choice(len(CLASS_NAMES), p=weights / weights.sum()))
        figure = FIGURES[class_id].random(generator)
        if isinstance(route, Lane):
            span, gap = self._lane_frames(route, index)
            start = (slot + generator.uniform(0.0, 0.35)) * gap
            return Actor(class_id, figure, partial(_drive, route, start, span, self._lane_speed(route, index)))
        return Actor(class_id, figure, self._walker(route, slot, class_id, generator))

    def _walker(self, route: Walk, slot: int, class_id: int, generator: np.random.Generator) -> object:
        shift = generator.normal(0.0, route.spread, 2) * (0.6, 1.0)
        points = [(x + shift[0], y + shift[1]) for x, y in route.points]
        if generator.random() < 0.5:
            points.reverse()
        speed = generator.uniform(*SPEEDS[class_id]) / FRAMES_PER_SECOND
        times, metres = [(slot + generator.uniform(0.0, 0.8)) * route.gap_frames], [0.0]
        places = [points[0]]
        for start, end in pairwise(points):
            step = self._metres(start, end)
            times.append(times[-1] + step / speed)
            metres.append(metres[-1] + step)
            places.append(end)
            if end is not points[-1] and generator.random() < 0.6:
                times.append(times[-1] + generator.uniform(*route.pause_frames))
                metres.append(metres[-1])
                places.append(end)
        return partial(_walk, times, metres, places)


def _drive(route: Lane, start: float, span: float, speed: float, t: float) -> Pose | None:
    clock = route.traffic.driven(t) if route.traffic else t
    share = (clock - start) / span
    if not 0.0 <= share <= 1.0:
        return None
    x = route.start[0] + share * (route.end[0] - route.start[0])
    y = route.start[1] + share * (route.end[1] - route.start[1])
    moving = route.traffic is None or route.traffic.is_green(t)
    return Pose(x, y, (clock - start) * speed, moving, route.end[0] < route.start[0], False)


def _walk(times: list[float], metres: list[float], places: list[tuple[float, float]], t: float) -> Pose | None:
    if not times[0] <= t < times[-1]:
        return None
    k = bisect_right(times, t) - 1
    share = (t - times[k]) / (times[k + 1] - times[k])
    (x0, y0), (x1, y1) = places[k], places[k + 1]
    moving = metres[k + 1] > metres[k]
    dx, dy = (x1 - x0, y1 - y0) if moving else (1.0, 0.0)
    walked = metres[k] + share * (metres[k + 1] - metres[k])
    return Pose(x0 + share * (x1 - x0), y0 + share * (y1 - y0), walked, moving, dx < 0, abs(dy) > 1.2 * abs(dx))
