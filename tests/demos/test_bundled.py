"""The bundled network: small, described, decodable, and as good on unseen scenes as its file says."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import onnx
import pytest

from edgeskip.demos.bundled import bundled_path, read_description
from edgeskip.demos.train.evaluate import OVERLAPS, Scored, average_precision, best_threshold, frames, report
from edgeskip.demos.train.recipe import EVALUATION_SEEDS, PREPARATION, TRAINING_SEEDS, TUNING_SEEDS
from edgeskip.evaluate.peers import OnnxRuntimePeer
from edgeskip.tasks import create_decoder, detect_task
from edgeskip.video import open_source, prepare
from edgeskip.video.synthetic import CLASS_NAMES

LARGEST_BYTES = 3 * 2**20


@pytest.fixture(scope="module")
def network() -> OnnxRuntimePeer:
    return OnnxRuntimePeer(bundled_path().read_bytes(), threads=1)


def _record() -> dict:
    properties = {entry.key: entry.value for entry in onnx.load(bundled_path()).metadata_props}
    return json.loads(properties["edgeskip_training"])


def test_the_file_is_small_and_needs_only_plain_operators() -> None:
    assert bundled_path().stat().st_size <= LARGEST_BYTES
    model = onnx.load(bundled_path())
    onnx.checker.check_model(model)
    kinds = {node.op_type for node in model.graph.node if node.op_type != "Constant"}
    assert kinds <= {"Conv", "Relu", "Add", "Resize", "Concat", "Sigmoid", "Slice"}
    shape = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["N", 3, 224, 384]


def test_the_description_fits_the_network(network: OnnxRuntimePeer) -> None:
    preparation, task = read_description(bundled_path())
    assert preparation == PREPARATION
    assert (task.name, task.labels) == ("yolox", CLASS_NAMES)
    outputs = network.infer(np.zeros((1, 3, 224, 384), np.float32))
    shapes = {name: value.shape for name, value in outputs.items()}
    assert shapes == {"stride8": (1, 10, 28, 48), "stride16": (1, 10, 14, 24), "stride32": (1, 10, 7, 12)}
    assert detect_task((1, 3, 224, 384), shapes) == "yolox"
    assert task.parameters["score_threshold"] == _record()["score_threshold"]


def test_average_precision_is_what_the_file_says(network: OnnxRuntimePeer) -> None:
    """A short evaluation on unseen seeds: within what 90 frames can tell of the figure from 600."""
    record = _record()
    assert record["frames"] >= 600
    figures = report(network.infer, 90)
    assert figures["ap50"] == pytest.approx(record["ap50"], abs=0.08)
    assert figures["ap"] == pytest.approx(record["ap"], abs=0.08)
    assert record["ap50"] > 0.8


def test_it_finds_the_objects_of_the_demo(network: OnnxRuntimePeer) -> None:
    """Seeds that the demo shows, at its own score threshold and both sizes that it draws."""
    preparation, task = read_description(bundled_path())
    decoder = create_decoder(task, preparation)
    for size in ("640x384", "384x224"):
        found = truths = 0
        for scene in ("street", "plaza", "hall"):
            with open_source(f"synthetic:{scene}?seed=1&size={size}&fps=1", frames=12) as source:
                for frame in source:
                    array, placement = prepare(frame.picture, preparation)
                    result = decoder.decode(network.infer(array), placement)
                    truths += len(frame.truth.boxes_xyxy)
                    found += sum(_is_found(*truth, result) for truth in zip(*_arrays(frame.truth), strict=True))
        assert truths > 50
        assert found / truths > 0.7, size


def _arrays(truth) -> tuple[np.ndarray, np.ndarray]:
    return truth.boxes_xyxy, truth.class_ids


def _is_found(box: np.ndarray, class_id: int, result) -> bool:
    boxes = result.boxes_xyxy[result.class_ids == class_id]
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    common = np.clip(high - low, 0, None).prod(1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod() - common
    return bool((common / union > 0.5).any())


def test_seeds_of_training_choice_and_evaluation_are_disjoint() -> None:
    ranges = (range(1_000), EVALUATION_SEEDS, TUNING_SEEDS, TRAINING_SEEDS)
    starts = sorted((seeds.start, seeds.stop) for seeds in ranges)
    assert all(before[1] <= after[0] for before, after in pairwise(starts))
    assert _record()["evaluation_seeds"] == [EVALUATION_SEEDS.start, EVALUATION_SEEDS.stop - 1]


def test_average_precision_of_known_lists() -> None:
    def scored(found: list[bool], truths: int) -> Scored:
        column = np.array(found, bool)[:, None]
        return Scored(np.linspace(0.9, 0.1, len(found)), np.repeat(column, len(OVERLAPS), 1), truths)

    assert average_precision(scored([True, True], 2))[0] == pytest.approx(1.0)
    # recall stops at a half: 51 of 101 recalls have precision 1
    assert average_precision(scored([True], 2))[0] == pytest.approx(51 / 101)
    # a false one first: precision 1/2 at recall 1
    assert average_precision(scored([False, True], 1))[0] == pytest.approx(0.5)
    assert np.isnan(average_precision(scored([], 0))[0])
    threshold, f1 = best_threshold([scored([True, True, True, False, False], 3)])
    assert f1 == 1.0
    assert 0.3 <= threshold <= 0.5


def test_evaluation_frames_repeat() -> None:
    first, second = (list(frames(EVALUATION_SEEDS, 5)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
