"""Data of the small networks: no scene in two splits, samples within their pictures, the same by the same seed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from support.subprocesses import run_python

from edgeskip.core.errors import InputError
from edgeskip.demos.networks.clips import DetectionClips, PoseClips, TiledClips
from edgeskip.demos.networks.detection_data import (
    DetectionSamples,
    detection_batches,
    mirrored,
    padded_truth,
    scene_frames,
)
from edgeskip.demos.networks.pck import hits, joints_from_heatmaps, pck, person_sizes
from edgeskip.demos.networks.pose_data import CROP, PoseSamples, heatmaps, pose_batches, to_input
from edgeskip.demos.networks.precision import decoded, precision_figures
from edgeskip.demos.networks.recipe import DETECTION_SIZE, POSE_SIZE, SPLITS, preparation
from edgeskip.tasks.base import Detections
from edgeskip.video import prepare
from edgeskip.video.synthetic.figures import FigureScene


def test_splits_share_no_seed() -> None:
    for (_, first), (_, second) in combinations(SPLITS.items(), 2):
        assert max(first) < min(second) or max(second) < min(first)


@pytest.mark.parametrize("clips", [PoseClips, DetectionClips])
def test_clips_of_a_split_use_its_seeds_and_come_again(clips: type) -> None:
    for split, seeds in SPLITS.items():
        data = clips(split, 3, 2)
        assert len(data) == 3
        assert all(data.seed(k) in seeds for k in range(3))
        assert clips(split, len(seeds) + 1, 2).seed(len(seeds)) == seeds[0]
    for ours, again in zip(clips("test", 3, 2)[1], clips("test", 9, 2)[1], strict=True):
        np.testing.assert_array_equal(ours, again)
    assert len(list(clips("test", 2, 1))) == 2
    streamed = clips("test", 2, 4).stream(1)
    next(streamed)
    for ours, again in zip(next(streamed), clips("test", 2, 4).frames(1), strict=True):
        np.testing.assert_array_equal(ours, again[1])


def test_pose_clip_is_consecutive_frames_as_the_network_takes_them() -> None:
    inputs, joints, visible = PoseClips("tuning", 2, 3, noise=0.0, start=40)[1]
    scene = FigureScene(SPLITS["tuning"][1], POSE_SIZE, 0.0)
    picture, expected, shown = scene.frame(42)
    assert inputs.shape == (3, 3, POSE_SIZE[1], POSE_SIZE[0])
    np.testing.assert_array_equal(joints[2], expected)
    np.testing.assert_array_equal(visible[2], shown)
    prepared, _ = prepare(picture, preparation(POSE_SIZE))
    np.testing.assert_allclose(inputs[2], prepared[0], atol=1e-5)
    still = (inputs[0] == inputs[1]).all(0).mean()
    assert 0.85 < still < 1.0


def test_detection_clip_holds_boxes_inside_the_picture() -> None:
    data = DetectionClips("training", 6, 2)
    counts = 0
    for _, boxes, class_ids in (data[k] for k in range(6)):
        real = boxes[class_ids >= 0]
        counts += len(real)
        assert (real[:, 2:] > real[:, :2]).all()
        assert (real >= 0).all()
        assert (real <= np.tile(DETECTION_SIZE, 2)).all()
        assert (boxes[class_ids < 0] == 0).all()
    assert counts > 10


def test_nothing_asked_for_is_an_error() -> None:
    with pytest.raises(InputError, match="no split 'validation'"):
        PoseClips("validation", 1, 1)
    with pytest.raises(InputError, match="0 frames"):
        DetectionClips("test", 3, 0)
    with pytest.raises(IndexError):
        PoseClips("test", 3, 1)[3]


def test_crops_move_the_joints_with_the_picture() -> None:
    samples, seen = PoseSamples(3), 0
    for _ in range(12):
        picture, joints, visible = samples.next(crop=True)
        assert picture.shape == (CROP[1], CROP[0], 3)
        assert ((joints[visible] >= 0) & (joints[visible] < CROP)).all()
        seen += int(visible.sum())
    assert seen > 12 * 7


def test_a_crop_shows_what_lies_around_the_joints_in_the_whole_picture() -> None:
    picture, joints, visible = FigureScene(9).frame(10)
    cropped, moved, _ = PoseSamples(1)._cropped(picture, joints, visible)
    x, y = np.rint(joints[0] - moved[0]).astype(int)
    np.testing.assert_array_equal(cropped, picture[y : y + CROP[1], x : x + CROP[0]])


def test_batches_come_again_by_seed_and_differ_otherwise() -> None:
    first, again, other = (next(pose_batches(seed, 2)) for seed in (5, 5, 6))
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (first[0] != other[0]).mean() > 0.5
    inputs, boxes, class_ids = next(detection_batches(5, 3))
    assert (inputs.shape, boxes.shape, class_ids.shape) == ((3, 3, 256, 256), (3, 24, 4), (3, 24))


def test_a_mirrored_box_holds_its_object() -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[4:9, 3:12] = 200
    boxes = np.array([[3, 4, 12, 9]], np.float32)
    flipped, moved = mirrored(picture, boxes)
    x0, y0, x1, y1 = moved[0].astype(int)
    assert (flipped[y0:y1, x0:x1] == 200).all()
    assert (flipped == 200).sum() == 3 * (x1 - x0) * (y1 - y0)
    assert mirrored(picture, np.zeros((0, 4), np.float32))[1].shape == (0, 4)


def test_detection_samples_hold_boxes_inside_the_picture() -> None:
    samples = DetectionSamples(4)
    for _ in range(8):
        picture, boxes, class_ids = samples.next()
        assert (boxes[:, 0] < boxes[:, 2]).all()
        assert (boxes >= 0).all()
        assert (boxes <= np.tile(picture.shape[1::-1], 2)).all()
        assert len(boxes) == len(class_ids)


def test_evaluation_frames_are_of_their_seeds_and_reproducible() -> None:
    first, again = list(scene_frames(SPLITS["test"], 5)), list(scene_frames(SPLITS["test"], 5))
    assert len(first) == 5
    np.testing.assert_array_equal(first[4][0], again[4][0])
    assert first[0][0].shape == (DETECTION_SIZE[1], DETECTION_SIZE[0], 3)


def test_of_too_many_boxes_the_nearest_stay() -> None:
    boxes, ids = np.arange(30 * 4, dtype=np.float32).reshape(30, 4), np.arange(30)
    padded, padded_ids = padded_truth(boxes, ids)
    np.testing.assert_array_equal(padded, boxes[6:])
    np.testing.assert_array_equal(padded_ids, ids[6:])


def test_heatmaps_are_decoded_to_the_joints_they_were_made_from() -> None:
    generator = np.random.default_rng(8)
    joints = generator.uniform(12, 180, (4, 13, 2)).astype(np.float32)
    maps = heatmaps(joints, (192, 192))
    assert maps.shape == (4, 13, 48, 48)
    np.testing.assert_allclose(maps.sum((2, 3)), 1, rtol=1e-4)
    # a quarter of a pixel of a map is one pixel of the picture
    assert np.abs(joints_from_heatmaps(maps) - joints).max() <= 1.01


def test_pck_counts_visible_joints_within_a_fifth_of_the_torso() -> None:
    _, joints, _ = FigureScene(2).frame(0)
    true = np.stack([joints, joints])
    reach = 0.2 * np.linalg.norm(joints[1] - joints[8])
    found = true.copy()
    found[0, 3, 0] += 0.99 * reach
    found[0, 5, 0] += 1.01 * reach
    found[1, 9, 1] += 50 * reach
    visible = np.ones((2, 13), bool)
    assert pck(found, true, visible) == pytest.approx(24 / 26)
    visible[1, 9] = False
    assert pck(found, true, visible) == pytest.approx(24 / 25)
    assert hits(found, true, normalisation="box").sum() == 25
    assert (person_sizes(true, "box") > person_sizes(true)).all()
    assert np.isnan(pck(found, true, np.zeros((2, 13), bool)))
    with pytest.raises(InputError, match="no normalisation 'head'"):
        person_sizes(true, "head")


def test_zero_codes_are_the_anchors() -> None:
    anchors = np.array([[10.0, 20, 30, 60]], np.float32)
    np.testing.assert_allclose(decoded(np.zeros((1, 4), np.float32), anchors), [[20, 10, 60, 30]])


def test_precision_falls_with_misses_and_wrong_classes() -> None:
    boxes, class_ids = np.array([[10, 10, 50, 60], [80, 20, 120, 70]], np.float32), np.array([0, 4])

    def figures(found_ids: list[int], shift: float = 0.0) -> dict:
        found = Detections(boxes + shift, np.array([0.9, 0.8]), np.array(found_ids), 0.01)
        return precision_figures([(found, boxes, class_ids)] * 3)

    assert (figures([0, 4])["ap50"], figures([0, 4])["ap"]) == (1.0, 1.0)
    assert figures([0, 3])["ap50"] == 0.5
    assert figures([0, 4], shift=6.0)["ap50"] == 1.0 > figures([0, 4], shift=6.0)["ap"]
    assert figures([0, 4])["objects"] == 6


def test_inputs_are_rgb() -> None:
    blue = np.zeros((1, 2, 2, 3), np.uint8)
    blue[..., 0] = 255
    values = to_input(blue)[0, :, 0, 0]
    assert values[2] > 2
    assert values[0] < -2


def test_data_needs_no_torch() -> None:
    modules = ", ".join(f"edgeskip.demos.networks.{name}" for name in ("clips", "pck", "precision"))
    script = f"import sys, {modules}; print('torch' in sys.modules)"
    assert run_python(script) == "False"


def test_tiled_clips_show_scenes_beside_and_below_each_other() -> None:
    tiled, parts = TiledClips(DetectionClips, 2, "test", 2, 3), DetectionClips("test", 8, 3)
    assert tiled.seeds(1) == [parts.seed(k) for k in range(4, 8)]
    pictures, boxes, class_ids = tiled.frames(1)
    width, height = DETECTION_SIZE
    assert pictures.shape == (3, 2 * height, 2 * width, 3)
    for part, (x, y) in enumerate([(0, 0), (width, 0), (0, height), (width, height)]):
        picture, own, ids = parts.frames(4 + part)
        np.testing.assert_array_equal(pictures[:, y : y + height, x : x + width], picture)
        slots = slice(part * own.shape[1], (part + 1) * own.shape[1])
        np.testing.assert_array_equal(class_ids[:, slots], ids)
        np.testing.assert_array_equal(boxes[:, slots][ids >= 0], (own + np.float32([x, y, x, y]))[ids >= 0])
