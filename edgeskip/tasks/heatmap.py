"""Key points of one object from heat maps [1, K, h, w]: the highest pixel of each map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.core.placement import Placement
from edgeskip.tasks.base import Decoder, Keypoints
from edgeskip.tasks.maps import shape_table, stride_of
from edgeskip.tasks.parameters import Parameters
from edgeskip.tasks.registry import register
from edgeskip.tasks.single import single_output

# limbs to draw, by number of points
SKELETONS: dict[int, tuple[tuple[int, int], ...]] = {
    # top of head, neck, then shoulder, elbow, wrist twice, then hip, knee, ankle twice (AI Challenger order)
    14: ((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    # COCO: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, left before right
    17: (
        (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
        (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
    ),
}  # fmt: skip
# point counts that are taken for heat maps when the task is guessed: people in MPII, COCO, AI Challenger, OpenPose
GUESSED_COUNTS = (14, 16, 17, 18)


@register
class HeatmapDecoder(Decoder):
    """Point = centre of the highest pixel of its map, in pixels of the source; score = that pixel's value.

    Parameters: `refine` (false): a quarter of a pixel towards the higher neighbour, as in arXiv
    1603.06937; `edges`: pairs of points to draw as limbs; `output`: which output, where there are
    several (the last: stacked networks refine).
    """

    name = "heatmap"

    def __init__(
        self, refine: bool, edges: tuple[tuple[int, int], ...] | None, output: str, input_size: tuple[int, int]
    ) -> None:
        self._refine = refine
        self._edges = edges
        self._output = output
        self._input_size = input_size

    @classmethod
    def create(cls, task: Task, preparation: Preparation) -> HeatmapDecoder:
        parameters = Parameters(task)
        decoder = cls(
            parameters.flag("refine", False), parameters.pairs("edges"), parameters.text("output", ""), preparation.size
        )
        parameters.finish()
        return decoder

    @classmethod
    def preparation(cls, size: tuple[int, int]) -> Preparation:
        return Preparation(size=size, resize="stretch")

    @classmethod
    def matches(cls, input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> bool:
        table = shape_table(input_shape, output_shapes.values())
        return table is not None and list(table) == [4] and all(count in GUESSED_COUNTS for count in table[4])

    def decode(self, outputs: Mapping[str, np.ndarray], placement: Placement, margin: float = 0.0) -> Keypoints:
        name, value = single_output(self.name, outputs, self._output)
        stride_of(name, value, self._input_size)
        points, scores = peaks(value[0], self._refine)
        height, width = value.shape[2:]
        to_input = np.array([self._input_size[0] / width, self._input_size[1] / height], np.float32)
        edges = SKELETONS.get(len(points), ()) if self._edges is None else self._edges
        if any(max(edge) >= len(points) for edge in edges):
            raise ModelError(f"task heatmap: edges {edges} name a point beyond the {len(points)} of output {name}")
        return Keypoints(placement.to_source((points + 0.5) * to_input), scores, edges)


def peaks(maps: np.ndarray, refine: bool) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of the highest pixel of each map [K, h, w]: float32 [K, 2], and its value [K]."""
    count, height, width = maps.shape
    rows, columns = np.divmod(maps.reshape(count, -1).argmax(axis=1), width)
    points = np.stack([columns, rows], axis=1).astype(np.float32)
    every = np.arange(count)
    if refine:
        padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
        right_left = padded[every, rows + 1, columns + 2] - padded[every, rows + 1, columns]
        down_up = padded[every, rows + 2, columns + 1] - padded[every, rows, columns + 1]
        inner_x, inner_y = (columns > 0) & (columns < width - 1), (rows > 0) & (rows < height - 1)
        points += 0.25 * np.stack([np.sign(right_left) * inner_x, np.sign(down_up) * inner_y], axis=1)
    return points.astype(np.float32), maps[every, rows, columns].astype(np.float32)
