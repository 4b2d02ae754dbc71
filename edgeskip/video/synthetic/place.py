"""What a kind of scene provides: its camera, its empty picture, the ways through it, and what stands in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgeskip.video.synthetic.routes import Camera, Lane, Walk

Box = tuple[float, float, float, float]
DrawProp = Callable[[np.ndarray, float], Box | None]


@dataclass(frozen=True)
class Prop:
    """Something without a class that stands at ground row `y` (fraction) and may hide objects behind it.

    `draw(picture, t)` paints it and returns the box that it hides, None where that is nothing.
    """

    y: float
    draw: DrawProp


class Place(ABC):
    """One kind of scene: its camera, background, routes, and what stands or flickers in it."""

    camera: Camera
    light_depth = 0.05
    shadow = 0.62

    def __init__(self, seed: int, size: tuple[int, int]) -> None:
        self.seed, self.size = seed, size
        self.generator = np.random.default_rng([seed, 1])

    @abstractmethod
    def background(self) -> np.ndarray:
        """The empty place, uint8 BGR [H, W, 3]."""

    @abstractmethod
    def routes(self) -> tuple[Lane | Walk, ...]:
        """Where objects go."""

    def props(self) -> tuple[Prop, ...]:
        """What stands in the place, in front of or behind objects."""
        return ()
