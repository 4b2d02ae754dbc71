"""A trained network on real video, from export to the figures: whole path, no fakes."""

from functools import lru_cache

import pytest
from support.shared import shared_file

from edgeskip.core.contract import Task
from edgeskip.evaluate.accuracy import evaluate
from edgeskip.evaluate.benchmark import benchmark
from edgeskip.export.dense import export_dense
from edgeskip.tasks import get
from edgeskip.video import open_source, prepare

NETWORK, VIDEO, START = "networks/fastestdet_352x352.onnx", "videos/one-by-one-person.mp4", 180


@lru_cache
def pictures(frames):
    with open_source(shared_file(VIDEO), start=START, frames=frames) as source:
        return [frame.picture for frame in source]


@lru_cache
def skip_model(tolerance):
    preparation = get("fastestdet").preparation((352, 352))
    frames = [prepare(picture, preparation)[0] for picture in pictures(10)[:2]]
    return export_dense(shared_file(NETWORK), preparation, Task("fastestdet"), frames, tolerance=tolerance)


def test_at_tolerance_0_the_skip_network_is_the_dense_one():
    result = evaluate(skip_model(0.0), pictures(10), dense=shared_file(NETWORK))
    assert result.agreement == 1
    assert result.details["true_positives"] >= 9, "a person is there in each of the 9 counted frames"
    assert result.details["mean_iou"] > 0.999
    assert result.max_abs_error < 1e-3


def test_at_a_tolerance_less_is_computed_and_the_results_agree():
    result = evaluate(skip_model(0.06), pictures(10))
    assert 0.2 < result.active_mac_fraction < 0.7
    assert result.agreement > 0.9
    assert result.max_abs_error > 1e-3, "something was skipped"
    fractions = [layer.active_fraction for layer in result.per_layer]
    assert len(fractions) == len(skip_model(0.06).convolutions)
    assert max(fractions) <= 1
    work = sum(layer.macs * layer.active_fraction for layer in result.per_layer)
    assert work / sum(layer.macs for layer in result.per_layer) == pytest.approx(result.active_mac_fraction, rel=1e-6)


def test_a_benchmark_times_the_same_run_that_it_compares():
    model = skip_model(0.06)
    result = benchmark(model, pictures(10), dense=shared_file(NETWORK), warmup=2, repeats=2, source=VIDEO)
    assert result.record()["frames"] == 8
    assert result.fractions[:8] == result.fractions[8:], "a pass from unknown state repeats itself"
    assert result.agreement == evaluate(model, pictures(10), dense=shared_file(NETWORK), warmup=2).agreement
    assert result.speedup("onnxruntime") > 0
    camera = result.record()["from_camera"]
    assert camera["agreement"] > 0.9, "a grey level of the resize decides little"
    assert len(result.camera_ms["edgeskip"]) == len(result.camera_ms["onnxruntime"]) == 16
    both = zip(result.camera_ms["onnxruntime"], result.times_ms["onnxruntime"], strict=True)
    assert all(camera_ms > prepared_ms for camera_ms, prepared_ms in both), "preparing counts"
