"""Average precision on scenes that the network has not seen: `python -m edgeskip.demos.train.evaluate MODEL.onnx`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeskip.core.contract import Task
from edgeskip.core.placement import Placement
from edgeskip.demos.train.recipe import EVALUATION_SEEDS, NMS_THRESHOLD, PREPARATION, TUNING_SEEDS
from edgeskip.tasks import create_decoder
from edgeskip.tasks.base import Decoder, Detections
from edgeskip.video import prepare
from edgeskip.video.synthetic import CLASS_NAMES, SCENE_NAMES, Scene

Network = Callable[[np.ndarray], Mapping[str, np.ndarray]]
OVERLAPS = np.arange(0.5, 0.96, 0.05)
FRAMES_PER_SCENE = 4


@dataclass
class Scored:
    """All detections of one class: score, and for each overlap of `OVERLAPS` whether it found an object."""

    scores: np.ndarray
    found: np.ndarray
    truths: int


def frames(seeds: range, count: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """`count` frames (picture, boxes, class ids): scene by scene, `FRAMES_PER_SCENE` of each, far apart in time."""
    for number in range(-(-count // FRAMES_PER_SCENE)):
        generator = np.random.default_rng(seeds.start + number)
        scene = Scene(SCENE_NAMES[number % len(SCENE_NAMES)], seeds[number], noise=float(generator.uniform(0, 5)))
        for t in generator.integers(0, 50_000, min(FRAMES_PER_SCENE, count - number * FRAMES_PER_SCENE)):
            yield scene.frame(int(t))


def score_detections(
    network: Network,
    seeds: range,
    count: int,
) -> list[Scored]:
    """Run `network` on frames of unseen scenes; one `Scored` per class."""
    parameters = {"score_threshold": 0.01, "nms_threshold": NMS_THRESHOLD}
    decoder = create_decoder(Task("yolox", CLASS_NAMES, parameters), PREPARATION)
    scores: list[list[np.ndarray]] = [[] for _ in CLASS_NAMES]
    found: list[list[np.ndarray]] = [[] for _ in CLASS_NAMES]
    truths = np.zeros(len(CLASS_NAMES), int)
    for picture, boxes, class_ids in frames(seeds, count):
        array, placement = prepare(picture, PREPARATION)
        result = _detections(decoder, network(array), placement)
        for class_id in range(len(CLASS_NAMES)):
            mine = result.class_ids == class_id
            truth = boxes[class_ids == class_id]
            scores[class_id].append(result.scores[mine])
            found[class_id].append(matches(result.boxes_xyxy[mine], truth))
            truths[class_id] += len(truth)
    return [Scored(np.concatenate(s), np.concatenate(f), n) for s, f, n in zip(scores, found, truths, strict=True)]


def average_precision(scored: Scored) -> np.ndarray:
    """AP at each of `OVERLAPS`: precision averaged over 101 recalls, as COCO does. NaN without objects."""
    if scored.truths == 0:
        return np.full(len(OVERLAPS), np.nan)
    order = np.argsort(-scored.scores, kind="stable")
    hits = np.cumsum(scored.found[order], axis=0)
    precision = hits / np.arange(1, len(order) + 1)[:, None]
    precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    recall = hits / scored.truths
    grid = np.linspace(0, 1, 101)
    table = [np.append(p, 0.0)[np.searchsorted(r, grid)] for p, r in zip(precision.T, recall.T, strict=True)]
    return np.mean(table, axis=1)


def best_threshold(scored: list[Scored]) -> tuple[float, float]:
    """Score threshold with the best F1 at overlap 0.5 over all classes together, and that F1."""
    scores, found = np.concatenate([s.scores for s in scored]), np.concatenate([s.found[:, 0] for s in scored])
    truths = sum(s.truths for s in scored)
    steps = np.arange(0.1, 0.8, 0.01)
    f1 = [2 * found[scores > step].sum() / max(1, (scores > step).sum() + truths) for step in steps]
    return round(float(steps[int(np.argmax(f1))]), 2), float(max(f1))


def report(network: Network, count: int) -> dict:
    """Figures of a network: ap50 and ap (mean over classes), by class, and the score threshold of best F1.

    The threshold is chosen on `TUNING_SEEDS`, all else is measured on `EVALUATION_SEEDS`.
    """
    threshold, _ = best_threshold(score_detections(network, TUNING_SEEDS, count // 2))
    scored = score_detections(network, EVALUATION_SEEDS, count)
    table = np.array([average_precision(s) for s in scored])
    tallied = [(s.found[s.scores > threshold, 0].sum(), (s.scores > threshold).sum(), s.truths) for s in scored]
    hits, given, truths = (int(column) for column in np.sum(tallied, axis=0))
    return {
        "ap50": round(float(np.nanmean(table[:, 0])), 4),
        "ap": round(float(np.nanmean(table)), 4),
        "ap50_by_class": {name: round(float(row[0]), 4) for name, row in zip(CLASS_NAMES, table, strict=True)},
        "score_threshold": threshold,
        "f1": round(2 * hits / max(1, given + truths), 4),
        "frames": count,
        "objects": truths,
        "evaluation_seeds": [EVALUATION_SEEDS.start, EVALUATION_SEEDS.stop - 1],
    }


def _detections(decoder: Decoder, outputs: Mapping[str, np.ndarray], placement: Placement) -> Detections:
    result = decoder.decode(outputs, placement)
    assert isinstance(result, Detections)
    return result


def matches(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """For each box (best first) and each overlap, whether it is the first to claim its best free true box."""
    found = np.zeros((len(boxes), len(OVERLAPS)), bool)
    if not len(boxes) or not len(truth):
        return found
    low = np.maximum(boxes[:, None, :2], truth[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], truth[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    areas = [(group[:, 2:] - group[:, :2]).prod(1) for group in (boxes, truth)]
    overlap = common / (areas[0][:, None] + areas[1][None] - common + 1e-9)
    for column, least in enumerate(OVERLAPS):
        free = np.ones(len(truth), bool)
        for row in range(len(boxes)):
            candidates = np.where(free, overlap[row], 0.0)
            best = int(candidates.argmax())
            if candidates[best] >= least:
                found[row, column], free[best] = True, False
    return found


def main() -> None:
    """Print the figures of an ONNX file as JSON."""
    from edgeskip.evaluate.peers import OnnxRuntimePeer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--frames", type=int, default=600)
    options = parser.parse_args()
    network = OnnxRuntimePeer(options.model.read_bytes(), threads=1)
    print(json.dumps(report(network.infer, options.frames), indent=2))


if __name__ == "__main__":
    main()
