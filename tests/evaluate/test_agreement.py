"""The one figure of agreement, for each kind of result."""

import numpy as np
import pytest

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.placement import Placement
from edgeskip.evaluate.agreement import Comparison, max_abs_error, meter_for
from edgeskip.tasks import create_decoder
from edgeskip.tasks.base import Keypoints, Segmentation, Tensors

SIZE = (300, 400)  # diagonal 500: key points may move by 25 pixels


def keypoints(*points, score=0.5):
    scores = np.full(len(points), score, np.float32) if np.isscalar(score) else np.array(score, np.float32)
    return Keypoints(np.array(points, np.float32), scores)


def measured(*frames):
    meter = meter_for(frames[0][0])
    for dense, skip in frames:
        meter.add(dense, skip, SIZE)
    return meter.value


def test_key_points_agree_within_a_twentieth_of_the_diagonal():
    dense = keypoints((0, 0), (100, 100), (200, 0), (0, 200))
    skip = keypoints((24, 0), (100, 126), (215, 20), (0, 200))
    assert measured((dense, skip)) == pytest.approx(3 / 4)
    assert measured((dense, skip), (dense, dense)) == pytest.approx(7 / 8)


def test_key_points_that_nobody_sees_are_not_counted():
    dense = keypoints((0, 0), (100, 100), (200, 0), score=[0.5, 0.05, 0.05])
    skip = keypoints((0, 0), (0, 0), (0, 0), score=[0.5, 0.05, 0.5])
    assert measured((dense, skip)) == pytest.approx(1 / 2)
    assert measured((keypoints((0, 0), score=0.01), keypoints((90, 90), score=0.01))) == 1


def test_segmentation_is_the_share_of_equal_pixels():
    dense = Segmentation(np.zeros((4, 5), np.int32))
    skip = Segmentation(np.zeros((4, 5), np.int32))
    skip.class_map[0, :3] = 1
    assert measured((dense, skip)) == pytest.approx(17 / 20)
    assert measured((dense, skip), (dense, dense)) == pytest.approx(37 / 40)


def test_tensors_are_one_minus_relative_error_mean_over_outputs():
    dense = Tensors({"a": np.array([3.0, 4.0]), "b": np.array([100.0])})
    skip = Tensors({"a": np.array([3.0, 4.5]), "b": np.array([100.0])})
    assert measured((dense, skip)) == pytest.approx(1 - 0.05)
    assert measured((dense, dense)) == 1


def test_tensors_that_are_wrong_all_over_agree_with_nothing():
    dense = Tensors({"a": np.array([1.0, 1.0])})
    assert measured((dense, Tensors({"a": np.array([-9.0, 9.0])}))) == 0
    assert measured((dense, Tensors({"a": np.array([np.nan, 1.0])}))) == 0
    assert measured((Tensors({"a": np.zeros(2)}), Tensors({"a": np.ones(2)}))) == 0
    assert measured((Tensors({"a": np.zeros(2)}), Tensors({"a": np.zeros(2)}))) == 1


def test_max_abs_error_is_over_all_outputs_and_shows_values_that_are_no_numbers():
    dense = {"a": np.array([1, 2], np.float32), "b": np.array([[5]], np.float32)}
    assert max_abs_error(dense, {"a": np.array([1.5, 2]), "b": np.array([[4.0]])}) == 1
    assert max_abs_error(dense, {"a": np.array([np.nan, 2]), "b": np.array([[5.0]])}) == np.inf


def test_comparison_decodes_both_sides_and_counts_frames():
    preparation = Preparation(size=(64, 64))
    comparison = Comparison(create_decoder(Task("yolox"), preparation))
    placement = Placement.of((64, 64), preparation)
    assert comparison.agreement is None

    def maps(confidence, value=0.0):
        map_ = np.full((1, 7, 8, 8), value, np.float32)
        map_[0, :, 3, 3] = [0.5, 0.5, 0.7, 0.7, 1, confidence, 0]
        return {"out": map_}

    comparison.add(maps(0.9), maps(0.85), placement)
    assert (comparison.agreement, comparison.frames) == (1, 1)
    assert comparison.max_abs_error == pytest.approx(0.05)
    comparison.add(maps(0.9), maps(0.2), placement)
    # one found, one missed: 2 / (2 + 1)
    assert comparison.agreement == pytest.approx(2 / 3)
    assert comparison.details()["false_negatives"] == 1
    # undecided on the skip side: taken out of the count although it is below the threshold
    comparison.add(maps(0.9), maps(0.33), placement)
    assert comparison.agreement == pytest.approx(2 / 3)
    assert comparison.frames == 3
