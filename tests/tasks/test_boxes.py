"""Overlap and suppression: boxes that must go, boxes that must stay."""

import numpy as np
import pytest

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.core.placement import Placement
from edgeskip.tasks.boxes import BoxSettings, Candidates, corners, detections, exponential, iou, sigmoid, suppress

BOXES = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [5, 5, 15, 15], [100, 100, 101, 101]], np.float32)


def slow_suppress(boxes, scores, classes, threshold):
    kept = []
    for index in sorted(range(len(scores)), key=lambda i: -scores[i]):
        rivals = [other for other in kept if classes[other] == classes[index]]
        if all(iou(boxes[[other]], boxes[[index]])[0, 0] <= threshold for other in rivals):
            kept.append(index)
    return kept


def test_iou_of_known_boxes():
    overlaps = iou(BOXES, BOXES)
    assert overlaps[0, 1] == pytest.approx(0.8)
    assert overlaps[0, 2] == pytest.approx(25 / 175)
    assert overlaps[0, 3] == 0
    assert np.allclose(np.diag(overlaps), 1)
    assert np.array_equal(overlaps, overlaps.T)


def test_iou_of_empty_boxes_is_zero_not_nan():
    point = np.array([[3, 3, 3, 3]], np.float32)
    assert iou(point, point)[0, 0] == 0
    assert iou(np.zeros((0, 4)), BOXES).shape == (0, 4)


def test_suppression_keeps_the_best_of_a_class_and_other_classes():
    scores = np.array([0.5, 0.9, 0.4, 0.3], np.float32)
    same = np.zeros(4, np.int32)
    assert suppress(BOXES, scores, same, 0.45).tolist() == [1, 2, 3]
    assert suppress(BOXES, scores, np.array([1, 0, 0, 0]), 0.45).tolist() == [1, 0, 2, 3]


def test_a_suppressed_box_suppresses_no_other():
    boxes = np.array([[0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10]], np.float32)
    assert suppress(boxes, np.array([0.9, 0.8, 0.7]), np.zeros(3), 0.45).tolist() == [0, 2]


@pytest.mark.parametrize("seed", range(5))
def test_suppression_equals_the_plain_loop(seed):
    random = np.random.default_rng(seed)
    low = random.uniform(0, 60, (80, 2))
    boxes = np.concatenate([low, low + random.uniform(5, 40, (80, 2))], axis=1).astype(np.float32)
    scores, classes = random.permutation(80) / 80, random.integers(0, 3, 80)
    assert suppress(boxes, scores, classes, 0.4).tolist() == slow_suppress(boxes, scores, classes, 0.4), f"seed {seed}"


def test_detections_are_mapped_clipped_and_dropped_outside():
    placement = Placement.of((320, 240), Preparation(size=(640, 384)))
    boxes = np.array([[-20, 16, 160, 64], [600, 10, 630, 50], [16, 16, 32, 48]], np.float32)
    points = boxes.reshape(3, 2, 2)
    candidates = Candidates(boxes, np.array([0.9, 0.8, 0.7]), np.array([2, 0, 1]), points)
    result = detections(candidates, BoxSettings(0.5, 0.45), placement, ("a", "b", "c"))
    # letterbox: one scale, 1.6; the second box lies in the padding right of the picture
    assert np.allclose(result.boxes_xyxy, [[0, 10, 100, 40], [10, 10, 20, 30]])
    assert result.class_ids.tolist() == [2, 1]
    assert np.allclose(result.keypoints_xy[1], [[10, 10], [20, 30]])
    assert (result.boxes_xyxy.dtype, result.class_ids.dtype) == (np.float32, np.int32)


def test_no_candidates_give_no_detections():
    nothing = Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))
    placement = Placement.of((320, 240), Preparation(size=(320, 240)))
    assert len(detections(nothing, BoxSettings(0.5, 0.45), placement, ())) == 0


def test_extreme_values_stay_finite():
    wild = np.array([-1e30, -100, 0, 100, 1e30], np.float32)
    assert np.isfinite(exponential(wild)).all()
    assert np.allclose(sigmoid(wild), [0, 0, 0.5, 1, 1])
    assert np.allclose(corners(*np.array([[5.0], [6.0], [4.0], [2.0]])), [[3, 5, 7, 7]])


@pytest.mark.parametrize("value", [-0.1, 1.5, "high", True, None])
def test_a_threshold_that_makes_no_sense_is_refused(value):
    with pytest.raises(ModelError, match="score_threshold"):
        BoxSettings.of(Task("yolox", parameters={"score_threshold": value}), 0.35, 0.45)


def test_an_unknown_parameter_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="scorethreshold") as caught:
        BoxSettings.of(Task("yolox", parameters={"scorethreshold": 0.3}), 0.35, 0.45)
    assert "score_threshold, nms_threshold" in caught.value.hint
