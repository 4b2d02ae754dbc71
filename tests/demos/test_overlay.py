"""The overlay draws what it says: computed areas lit, boxes where they are, figures readable at any size."""

from __future__ import annotations

import numpy as np
import pytest

from edgeskip.core.contract import Preparation
from edgeskip.demos.activity import Stage
from edgeskip.demos.overlay.boxes import Boxes
from edgeskip.demos.overlay.caption import Caption, CaptionValues
from edgeskip.demos.overlay.history import HistoryGraph
from edgeskip.demos.overlay.keypoints import KeypointsDrawing
from edgeskip.demos.overlay.palette import class_color
from edgeskip.demos.overlay.segmentation import SegmentationTint
from edgeskip.demos.overlay.skipped import SkippedBlocks, depth_map
from edgeskip.demos.overlay.view import View
from edgeskip.tasks.base import Detections, Keypoints, Segmentation, Tensors

CAPTION = CaptionValues("some_network_640x384", "cpu avx2", 7.43, 101.0, 4.13)


def picture(width: int = 640, height: int = 384, seed: int = 3) -> np.ndarray:
    """A colourful picture."""
    coarse = np.random.default_rng(seed).integers(60, 220, (height // 16 + 1, width // 16 + 1, 3), np.uint8)
    return coarse.repeat(16, 0).repeat(16, 1)[:height, :width].copy()


def stage(value: float) -> Stage:
    return Stage(8, value, 1.0, np.full((48, 80), value, np.float32))


def detections(boxes: list[list[float]], class_ids: list[int] | None = None) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.linspace(0.9, 0.5, count).astype(np.float32),
        np.array(class_ids or [0] * count, np.int32),
        0.35,
        ("person", "car"),
    )


def test_computed_area_keeps_its_pixels_and_skipped_area_is_dimmer_and_greyer() -> None:
    frame = picture()
    heats = [np.zeros((96, 160), np.float32), np.zeros((24, 40), np.float32)]
    heats[0][:, :80] = 1
    heats[1][:, :20] = 1
    shown = SkippedBlocks().annotate(frame.copy(), heats, (640, 384))
    # away from the edge and its glow, which runs along x = 320
    np.testing.assert_array_equal(shown[20:-20, 20:280], frame[20:-20, 20:280])
    before, after = frame[20:-20, 360:-20].astype(float), shown[20:-20, 360:-20].astype(float)
    assert after.mean() < 0.7 * before.mean()
    assert np.ptp(after, axis=2).mean() < 0.4 * np.ptp(before, axis=2).mean(), "colour is still there"


def test_deeper_changes_are_brighter() -> None:
    frame = np.full((384, 640, 3), 160, np.uint8)
    heats = [np.zeros((48, 80), np.float32) for _ in range(4)]
    for depth, heat in enumerate(heats):
        heat[:, : 80 - 20 * depth] = 1  # from left to right ever fewer resolutions compute
    shown = SkippedBlocks().annotate(frame, heats, (640, 384))
    levels = [float(shown[180:200, x].mean()) for x in (80, 240, 400, 560)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > levels[-1] + 10


def test_resolutions_count_by_their_cost() -> None:
    heats = [np.ones((4, 4), np.float32), np.zeros((2, 2), np.float32)]
    assert depth_map(heats, (8, 8), (8, 8), [1.0, 3.0]).mean() == pytest.approx(0.25)
    assert depth_map(heats, (8, 8), (8, 8)).mean() == pytest.approx(0.5)


def test_edge_runs_around_the_computed_area_and_not_along_the_frame() -> None:
    frame = np.full((384, 640, 3), 90, np.uint8)
    heat = np.zeros((24, 40), np.float32)
    heat[8:16, 0:10] = 1
    shown = SkippedBlocks().annotate(frame, [heat], (640, 384)).astype(int)
    green = shown[..., 1] - shown[..., 2]
    assert green[192, 155:165].max() > 60, "the right edge of the area is lit"
    assert green[192, 60:100].max() < 10, "its inside is not"
    assert green[192, 0].max() == 0, "nor the frame's border"


def test_all_computed_leaves_the_picture_as_it_is() -> None:
    frame = picture()
    shown = SkippedBlocks().annotate(frame.copy(), [np.ones((48, 80), np.float32)], (640, 384))
    assert np.abs(shown.astype(int) - frame).max() <= 1


def test_letterbox_padding_is_not_part_of_the_picture() -> None:
    """A 4:3 picture in a 640x384 input covers its left 512 columns; a change there lies at x = 511."""
    heat = np.zeros((48, 80), np.float32)
    heat[:, 62:64] = 1
    covered = (640 * 1.25, 480.0)  # display pixels that the whole input takes
    depth = depth_map([heat], covered, (640, 480))
    assert depth.shape == (480, 640)
    columns = np.flatnonzero(depth[100])
    assert (columns.min(), columns.max()) == (620, 639)


@pytest.mark.parametrize("size", [(320, 240), (640, 384), (1280, 720), (97, 61), (1921, 1081)])
def test_box_is_drawn_at_its_place_on_any_size(size: tuple[int, int]) -> None:
    width, height = size
    frame = np.full((height, width, 3), 60, np.uint8)
    box = [width * 0.3, height * 0.4, width * 0.7, height * 0.8]
    shown = Boxes().annotate(frame.copy(), detections([box], [1]))
    changed = (shown != frame).any(axis=2)
    middle = round(height * 0.6)
    columns = np.flatnonzero(changed[middle])
    assert abs(columns.min() - box[0]) <= 5
    assert abs(columns.max() - box[2]) <= 5
    assert not changed[middle, width // 2], "the inside stays free"
    color = np.array(class_color(1))
    assert (np.abs(shown[middle, columns].astype(int) - color).sum(axis=1) < 20).any()


@pytest.mark.parametrize(
    "box",
    [
        [-50, -50, 20, 20],
        [600, 350, 900, 900],
        [0, 0, 640, 384],
        [10, 10, 10, 10],
        [630, 2, 639, 8],
        [300, 0, 301, 384],
    ],
    ids=str,
)
def test_box_at_the_border_or_empty_is_drawn_within_the_frame(box: list[float]) -> None:
    frame = np.full((384, 640, 3), 60, np.uint8)
    shown = Boxes().annotate(frame, detections([box]))
    assert shown.shape == (384, 640, 3)
    assert (shown != 60).any(), "at least the label is visible"


def test_best_detection_lies_on_top() -> None:
    frame = np.full((384, 640, 3), 60, np.uint8)
    same = [200.0, 100.0, 400.0, 300.0]
    shown = Boxes(scores=False).annotate(frame, detections([same, same], [1, 0]))
    assert np.abs(shown[200, 198:203].astype(int) - class_color(1)).sum(axis=1).min() < 20


def test_unknown_class_and_no_detection_do_not_fail() -> None:
    frame = np.full((100, 100, 3), 60, np.uint8)
    Boxes().annotate(frame, detections([[20, 40, 60, 80]], [77]))
    untouched = np.full((100, 100, 3), 60, np.uint8)
    assert (Boxes().annotate(untouched, detections([])) == 60).all()


def test_key_points_below_the_score_are_left_out() -> None:
    frame = np.zeros((200, 200, 3), np.uint8)
    points = Keypoints(
        np.array([[50, 50], [150, 50], [150, 150]], np.float32),
        np.array([0.9, 0.9, 0.05], np.float32),
        ((0, 1), (1, 2)),
    )
    shown = KeypointsDrawing().annotate(frame, points)
    assert shown[50, 50].any()
    assert shown[50, 100].any(), "the limb between two seen points is drawn"
    assert not shown[150, 150].any()
    assert not shown[100, 150].any(), "a limb to an unseen point is not"


def test_segmentation_tints_classes_and_leaves_background() -> None:
    frame = np.full((100, 200, 3), 100, np.uint8)
    class_map = np.zeros((10, 20), np.int32)
    class_map[:, 10:] = 2
    shown = SegmentationTint().annotate(frame, Segmentation(class_map))
    assert (shown[:, :100] == 100).all()
    expected = 0.55 * 100 + 0.45 * np.array(class_color(2))
    np.testing.assert_allclose(shown[50, 150], expected, atol=2)


def test_history_remembers_and_draws_higher_for_more() -> None:
    def height_of_line(fraction: float) -> int:
        graph, frame = HistoryGraph(frames=30), np.zeros((100, 640, 3), np.uint8)
        for _ in range(30):
            graph.annotate(frame, fraction, (0, 20, 640, 80))
        bright = np.flatnonzero(frame[:, 560].max(axis=1) > 150)
        return int(bright.min())

    assert height_of_line(0.9) < height_of_line(0.3) < height_of_line(0.02)
    graph = HistoryGraph(frames=5)
    for index in range(9):
        graph.annotate(np.zeros((100, 300, 3), np.uint8), index / 10)
    assert list(graph.fractions) == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8])


@pytest.mark.parametrize("size", [(320, 240), (640, 384), (768, 432), (1280, 720), (97, 61)])
def test_view_has_the_size_it_announces_and_is_even(size: tuple[int, int]) -> None:
    view = View(Preparation((640, 384)))
    shown = view.draw(picture(*size), detections([[10, 10, 40, 40]]), [stage(1)], CAPTION, 0.12)
    assert (shown.shape[1], shown.shape[0]) == view.display_size(size)
    assert shown.shape[1] >= 640
    assert shown.shape[0] % 2 == shown.shape[1] % 2 == 0, "encoders need even sizes"


def test_view_leaves_the_source_picture_alone_and_can_hide_the_masks() -> None:
    source = picture()
    kept = source.copy()
    view = View(Preparation((640, 384)), show_masks=False)
    shown = view.draw(source, Tensors(), [stage(0)], CAPTION, 0.5)
    np.testing.assert_array_equal(source, kept)
    np.testing.assert_array_equal(shown[:384], kept)
    view.show_masks = True
    masked = view.draw(source, Tensors(), [stage(0)], CAPTION, 0.5)
    assert masked[:384].mean() < 0.7 * kept.mean()


def test_caption_without_a_dense_time_says_so_and_fits_narrow_frames() -> None:
    values = CaptionValues("a_name_that_is_much_too_long_for_the_room_there_is", "cpu", 123.4, 8.1, None)
    frame = np.zeros((300, 640, 3), np.uint8)
    shown = Caption().annotate(frame.copy(), values)
    assert shown.shape == frame.shape
    assert (shown != frame).any()
    faster = Caption().annotate(frame.copy(), CaptionValues("n", "cpu", 123.4, 8.1, 3.0))
    assert (faster != shown).any()
