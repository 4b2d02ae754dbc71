"""Computed blocks lit, skipped ones calm: the picture as the network's work saw it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edgeskip.demos.overlay.text import LIGHT_EDGE, Color

_SMALLEST_AREA = 60  # square pixels; less is a speck, and an edge around it only flickers


class SkippedBlocks:
    """Shows what each change cost.

    Where everything was computed, the picture keeps its full colour; where nothing was, it is dimmed and
    loses most of its colour; in between, by the share of that place's multiply-accumulates that were
    computed. A thin luminous edge runs around the areas where that share is at least `edge_at`.
    """

    def __init__(self, dim: float = 0.5, colour: float = 0.3, edge_at: float = 0.22, edge: Color = LIGHT_EDGE) -> None:
        self.dim = dim
        self.colour = colour
        self.edge_at = edge_at
        self.edge = edge

    def annotate(
        self,
        frame: np.ndarray,
        heats: Sequence[np.ndarray],
        input_size: tuple[float, float],
        weights: Sequence[float] | None = None,
    ) -> np.ndarray:
        """Draw on the BGR `frame`; return it.

        `heats`: one map [h, w] of 0 to 1 per resolution, each covering the network's whole input, which
        is `input_size` (width, height) in pixels of `frame` with its top left corner at the frame's.
        `weights`: each resolution's part of the whole cost, all alike by default.
        """
        if not heats:
            return frame
        depth = depth_map(heats, input_size, (frame.shape[1], frame.shape[0]), weights)
        self._calm(frame, depth)
        self._light_edges(frame, depth)
        return frame

    def _calm(self, frame: np.ndarray, depth: np.ndarray) -> None:
        gray = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        calm = cv2.addWeighted(frame, self.dim * self.colour, gray, self.dim * (1.0 - self.colour), 0.0)
        # little work stays in the dark, and half of the work is lit almost in full
        share = np.clip((depth - 0.02) / 0.48, 0.0, 1.0)
        lit = share * (2.0 - share)
        cv2.copyTo(cv2.blendLinear(frame, calm, lit, 1.0 - lit), None, frame)

    def _light_edges(self, frame: np.ndarray, depth: np.ndarray) -> None:
        sigma = max(2.0, frame.shape[0] / 200)
        margin = round(4 * sigma)
        # continued beyond the frame: an area that leaves the picture has no edge at its border
        inside = cv2.copyMakeBorder((depth >= self.edge_at).astype(np.uint8), *[margin] * 4, cv2.BORDER_REPLICATE)
        lines = np.zeros(inside.shape, np.uint8)
        contours, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        contours = [contour for contour in contours if cv2.contourArea(contour) >= _SMALLEST_AREA]
        cv2.drawContours(lines, contours, -1, 255, 1, cv2.LINE_AA)
        glow = cv2.GaussianBlur(lines, (0, 0), sigma)
        light = cv2.addWeighted(lines, 0.75, glow, 1.6, 0.0)[margin:-margin, margin:-margin]
        weight = cv2.merge([light] * 3)
        colour = np.empty_like(frame)
        colour[:] = self.edge
        blend = cv2.multiply(cv2.subtract(colour, frame), weight, scale=1 / 255)
        cv2.add(frame, blend, dst=frame)


def depth_map(
    heats: Sequence[np.ndarray],
    input_size: tuple[float, float],
    size: tuple[int, int],
    weights: Sequence[float] | None = None,
) -> np.ndarray:
    """Weighted mean of `heats` over resolutions, float32 [height, width] of the frame's `size`, 0 to 1."""
    weights = [1.0] * len(heats) if weights is None else weights
    total = np.zeros((size[1], size[0]), np.float32)
    width, height = max(size[0], round(input_size[0])), max(size[1], round(input_size[1]))
    for heat, weight in zip(heats, weights, strict=True):
        part = heat.astype(np.float32) * np.float32(weight / sum(weights))
        shown = cv2.resize(part, (width, height), interpolation=cv2.INTER_NEAREST)
        total += shown[: size[1], : size[0]]
    return np.clip(total, 0.0, 1.0, out=total)
