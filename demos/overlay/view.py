"""The whole picture of the demo: the frame with its annotations, and a footer with the figures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edgeskip.core.contract import Preparation
from edgeskip.core.placement import Placement
from edgeskip.demos.activity import Stage
from edgeskip.demos.overlay.boxes import Boxes
from edgeskip.demos.overlay.caption import Caption, CaptionValues, unit_of
from edgeskip.demos.overlay.history import HistoryGraph
from edgeskip.demos.overlay.keypoints import KeypointsDrawing
from edgeskip.demos.overlay.segmentation import SegmentationTint
from edgeskip.demos.overlay.skipped import SkippedBlocks
from edgeskip.tasks.base import Detections, Keypoints, Result, Segmentation

SMALLEST_WIDTH = 640
_FOOTER = (24, 19, 16)


class View:
    """Draws one stream's frames. `show_masks` may be switched at any time."""

    def __init__(self, preparation: Preparation, show_masks: bool = True) -> None:
        self.preparation = preparation
        self.show_masks = show_masks
        self.history = HistoryGraph()
        self._skipped, self._boxes, self._caption = SkippedBlocks(), Boxes(), Caption()
        self._keypoints, self._tint = KeypointsDrawing(), SegmentationTint()

    def draw(
        self,
        picture: np.ndarray,
        result: Result,
        stages: Sequence[Stage],
        caption: CaptionValues,
        active_mac_fraction: float,
    ) -> np.ndarray:
        """A new BGR picture of `display_size`: `picture` with `result`, what `stages` computed and the figures."""
        source_size = (picture.shape[1], picture.shape[0])
        scale = display_scale(source_size)
        frame = _enlarged(picture, scale)
        placement = Placement.of(source_size, self.preparation)
        width, height = self.preparation.size
        covered = (width / placement.scale_x * scale, height / placement.scale_y * scale)
        if self.show_masks:
            heated = [stage for stage in stages if stage.heat is not None]
            weights = [stage.dense_macs for stage in heated]
            self._skipped.annotate(frame, [stage.heat for stage in heated], covered, weights)
        self._draw_result(frame, result, scale, covered)
        return self._with_footer(frame, caption, active_mac_fraction)

    def display_size(self, source_size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of what `draw` returns for a source of (width, height); both even, for encoders."""
        width, height = _enlarged_size(source_size, display_scale(source_size))
        return width, height + _footer_height(width)

    def _draw_result(self, frame: np.ndarray, result: Result, scale: float, covered: tuple[float, float]) -> None:
        if isinstance(result, Detections):
            self._boxes.annotate(frame, result, scale)
        elif isinstance(result, Keypoints):
            self._keypoints.annotate(frame, result, scale)
        elif isinstance(result, Segmentation):
            self._tint.annotate(frame, _cropped(result, frame, covered))

    def _with_footer(self, frame: np.ndarray, caption: CaptionValues, active_mac_fraction: float) -> np.ndarray:
        height, width = frame.shape[:2]
        footer = _footer_height(width)
        whole = np.empty((height + footer, width, 3), np.uint8)
        whole[:height] = frame
        whole[height:] = _FOOTER
        split = round(width * 0.63)
        self._caption.annotate(whole, caption, (0, height, split, height + footer))
        return self.history.annotate(whole, active_mac_fraction, (split, height, width, height + footer))


def display_scale(source_size: tuple[int, int]) -> float:
    """Display pixels per source pixel: small pictures are enlarged to at least `SMALLEST_WIDTH`."""
    return max(1.0, SMALLEST_WIDTH / source_size[0])


def _enlarged_size(source_size: tuple[int, int], scale: float) -> tuple[int, int]:
    width, height = (round(value * scale) for value in source_size)
    return width + width % 2, height + height % 2


def _enlarged(picture: np.ndarray, scale: float) -> np.ndarray:
    size = _enlarged_size((picture.shape[1], picture.shape[0]), scale)
    if size == (picture.shape[1], picture.shape[0]):
        return picture.copy()
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)


def _footer_height(width: int) -> int:
    height = round(62 * unit_of(np.empty((1, width), np.uint8)))
    return height + height % 2


def _cropped(result: Segmentation, frame: np.ndarray, covered: tuple[float, float]) -> Segmentation:
    """The part of the class map that lies on the picture, without the letterbox's padding."""
    rows = max(1, round(result.class_map.shape[0] * min(1.0, frame.shape[0] / covered[1])))
    columns = max(1, round(result.class_map.shape[1] * min(1.0, frame.shape[1] / covered[0])))
    return Segmentation(result.class_map[:rows, :columns], result.labels)
