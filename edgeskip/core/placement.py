"""Where a prepared picture lies in the network's input, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.core.contract import Preparation


@dataclass(frozen=True)
class Placement:
    """input = source * (scale_x, scale_y); source size is (width, height) in pixels."""

    scale_x: float
    scale_y: float
    source_size: tuple[int, int]

    @classmethod
    def of(cls, source_size: tuple[int, int], preparation: Preparation) -> Placement:
        """Placement of a source of (width, height) under `preparation`."""
        scale_x = preparation.size[0] / source_size[0]
        scale_y = preparation.size[1] / source_size[1]
        if preparation.resize == "letterbox":
            scale_x = scale_y = min(scale_x, scale_y)
        return cls(scale_x, scale_y, source_size)

    def to_source(self, points_xy: np.ndarray) -> np.ndarray:
        """Points `[..., 2]` (x, y) of the input, in pixels of the source, clipped to it."""
        points = points_xy / np.array([self.scale_x, self.scale_y], np.float32)
        return np.clip(points, 0, np.array(self.source_size, np.float32)).astype(np.float32)
