"""F1 against the dense network: what counts, and what lies too close to the threshold to count."""

import numpy as np
import pytest

from edgeskip.evaluate.matching import MatchCounts, greedy_pairs, match
from edgeskip.tasks.base import Detections


def found(*rows, threshold=0.35):
    """Detections from (x, score) or (x, score, class): boxes of 10 x 10 at (x, 0)."""
    rows = sorted(rows, key=lambda row: -row[1])
    boxes = np.array([[row[0], 0, row[0] + 10, 10] for row in rows], np.float32).reshape(-1, 4)
    classes = np.array([row[2] if len(row) > 2 else 0 for row in rows], np.int32)
    return Detections(boxes, np.array([row[1] for row in rows], np.float32), classes, threshold)


def counts(dense, skip):
    result = match(dense, skip)
    return result.true_positives, result.false_positives, result.false_negatives


def test_the_same_detections_agree_fully():
    both = found((0, 0.9), (50, 0.8, 1))
    result = match(both, both)
    assert (result.f1, result.mean_iou, result.true_positives) == (1, 1, 2)


def test_a_miss_and_a_false_alarm():
    assert counts(found((0, 0.9), (50, 0.9)), found((0, 0.9), (100, 0.7))) == (1, 1, 1)
    assert counts(found((0, 0.9)), found()) == (0, 0, 1)
    assert counts(found(), found((0, 0.9))) == (0, 1, 0)


def test_another_class_or_too_little_overlap_is_no_match():
    assert counts(found((0, 0.9, 0)), found((0, 0.9, 1))) == (0, 1, 1)
    # 10x10 boxes moved by d overlap by (10 - d) / (10 + d): 0.538 at 3, 0.429 at 4
    assert counts(found((0, 0.9)), found((3, 0.9))) == (1, 0, 0)
    assert counts(found((0, 0.9)), found((4, 0.9))) == (0, 1, 1)


def test_two_detections_of_one_object_are_one_match_and_one_false_alarm():
    assert counts(found((0, 0.9)), found((0, 0.8), (1, 0.7))) == (1, 1, 0)


def test_the_better_score_chooses_first_and_takes_the_best_overlap():
    pairs = greedy_pairs(found((0, 0.9), (3, 0.8)), found((2, 0.95), (0, 0.9)))
    assert [(row, column) for row, column, _ in pairs] == [(1, 0), (0, 1)]


@pytest.mark.parametrize("score", [0.31, 0.34, 0.36, 0.395])
def test_an_undecided_detection_alone_is_neither_miss_nor_false_alarm(score):
    assert counts(found((0, score)), found()) == (0, 0, 0)
    assert counts(found(), found((0, score))) == (0, 0, 0)


def test_an_undecided_partner_takes_a_decided_detection_out_of_the_count():
    assert counts(found((0, 0.9)), found((0, 0.36))) == (0, 0, 0)
    assert counts(found((0, 0.36)), found((0, 0.9))) == (0, 0, 0)


def test_a_detection_that_crossed_the_whole_margin_is_counted():
    assert counts(found((0, 0.42)), found()) == (0, 0, 1)


def test_nothing_seen_by_either_is_agreement():
    assert match(found(), found()).f1 == 1
    assert match(found(), found()).mean_iou is None


def test_counts_add_up_over_frames():
    total = MatchCounts(3, 1, 0, 2.5) + MatchCounts(1, 0, 1, 0.5)
    assert total == MatchCounts(4, 1, 1, 3.0)
    assert total.f1 == pytest.approx(8 / 10)
    assert total.mean_iou == pytest.approx(0.75)


@pytest.mark.parametrize("seed", range(5))
def test_f1_is_the_same_from_either_side_when_objects_are_apart(seed):
    random = np.random.default_rng(seed)

    def some():
        return found(
            *[(30 * k + random.uniform(-3, 3), random.uniform(0.3, 1)) for k in range(30) if random.random() < 0.8]
        )

    one, other = some(), some()
    assert match(one, other).f1 == match(other, one).f1, f"seed {seed}"
    assert 0 < match(one, other).f1 < 1, f"seed {seed}"
