"""The kernel benchmark: right results beside the peers, figures that follow from the times, and refusals."""

import json

import numpy as np
import pytest

from edgeskip.core.errors import BackendError, InputError
from edgeskip.evaluate.conv_benchmark import ConvBenchmark, ConvRow, benchmark_convolutions
from edgeskip.evaluate.conv_masks import reached
from edgeskip.evaluate.conv_peers import create_timed_peers, run_times
from edgeskip.evaluate.conv_plan import chosen_levels, dense_network, random_weights
from edgeskip.evaluate.conv_shapes import ConvShape

native = pytest.importorskip("edgeskip.backends.cpu._native", reason="the native module is not built")

SHAPES = [
    ConvShape(5, 9, 14, 17, (3, 3), pad=(1, 1, 1, 1), activation="silu", name="a", count=2),
    ConvShape(16, 16, 12, 10, (5, 5), (2, 2), (1, 1, 2, 2), group=16, activation="relu6", name="b"),
    ConvShape(8, 12, 9, 9, (1, 1), activation="hard_swish", name="c"),
]
KEYS = {"shape", "active", "level", "edgeskip_gflops", "onnxruntime_gflops", "openvino_gflops"}


@pytest.fixture(scope="module")
def result() -> ConvBenchmark:
    return benchmark_convolutions(SHAPES, [1, 0.2], level="all", repeats=2)


def test_every_level_agrees_with_the_peer_at_every_share(result):
    assert len(result.rows) == len(SHAPES) * 2 * len(native.levels())
    for row in result.rows:
        assert row.error < 2e-6, f"{row.shape.name} {row.level} {row.active}: {row.error}"


@pytest.mark.skipif(not native.bf16_kernels(), reason="this CPU, system or build has no bf16 kernel")
def test_bf16_is_less_exact_and_no_less_right():
    shape = ConvShape(32, 40, 12, 10, (3, 3), pad=(1, 1, 1, 1), name="wide")
    result = benchmark_convolutions([shape], [1, 0.2], level="all", repeats=1, precision="bf16")
    assert {row.level for row in result.rows} == {"avx512"}
    for row in result.rows:
        assert 1e-4 < row.error < 8e-3
    assert result.record()["precision"] == "bf16"


def test_a_wrong_kernel_would_be_seen(monkeypatch):
    from edgeskip.evaluate import conv_benchmark

    monkeypatch.setattr(conv_benchmark, "dense_network", lambda shape, w, b: dense_network(shape, w * 1.001, b))
    (row,) = benchmark_convolutions(SHAPES[:1], [0.2], repeats=1).rows
    assert row.error > 1e-4


def test_the_engine_computes_the_pixels_that_are_reached(result):
    for row in result.rows:
        if row.active == 1:
            assert row.pixels == row.shape.pixels
        else:
            assert 0 < row.pixels < 0.6 * row.shape.pixels
            assert len(row.computed) == len(row.times_ms) == 2


def test_record_has_the_keys_of_the_design_and_is_json(result):
    record = json.loads(json.dumps(result.record()))
    assert {"machine", "rows", "totals", "pattern", "threads", "repeats"} <= set(record)
    assert set(record["rows"][0]) >= KEYS
    assert record["rows"][0]["openvino_gflops"] is None, "it was not asked for"
    assert {total["kind"] for total in record["totals"]} == {"all", "convolution", "depthwise", "pointwise"}


def test_figures_follow_from_times_and_pixels():
    row = ConvRow(SHAPES[2], 0.5, "scalar", [1.0, 2.0, 4.0], [10, 20, 20], {"onnxruntime": [8.0, 9.0, 10.0]}, 0.0)
    macs = 8 * 12
    assert row.gflops() == pytest.approx(2 * macs * 10 / 1e6)
    assert row.gflops("onnxruntime") == pytest.approx(2 * macs * 81 / 9e6)
    assert row.ratio() == pytest.approx(10 / (81 / 9))
    assert row.ratio(best=True) == pytest.approx(10 / (81 / 8))
    total = ConvBenchmark([row], "patches", 1, 3, machine={}).totals()[0]
    assert total["efficiency"] == pytest.approx(row.ratio())
    assert total["efficiency_best"] == pytest.approx(row.ratio(best=True))
    assert (total["ratio_least"], total["shape_least"]) == (pytest.approx(row.ratio()), "c")


def test_totals_weigh_a_shape_by_its_count():
    often = ConvShape(1, 1, 10, 10, (1, 1), count=9, name="often")
    fast = ConvRow(often, 1, "scalar", [1.0], [100], {"onnxruntime": [1.0]})
    slow = ConvRow(ConvShape(1, 1, 10, 10, (1, 1), name="once"), 1, "scalar", [11.0], [100], {"onnxruntime": [1.0]})
    total = ConvBenchmark([fast, slow], "patches", 1, 1, machine={}).totals()[0]
    assert total["edgeskip_gflops"] == pytest.approx(2 * 1000 / 1e6 / 20)
    assert total["efficiency"] == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_timed_peer_gives_a_time_for_each_run_and_right_results(name):
    pytest.importorskip(name, reason=f"the peer {name} is optional: pip install 'edgeskip[bench]'")
    shape = SHAPES[0]
    random = np.random.default_rng(3)
    weight, bias = random_weights(shape, random)
    timed, plain = (
        create_timed_peers([peer], dense_network(shape, weight, bias), 1)[0] for peer in (name, "onnxruntime")
    )
    for _ in range(3):
        picture = random.standard_normal((1, 5, 14, 17), np.float32)
        assert np.allclose(timed.infer(picture)["y"], plain.infer(picture)["y"], atol=1e-5)
    times = timed.times_ms()
    assert len(times) == 3
    assert min(times) > 0


def test_run_times_come_from_running_averages():
    spent = [900.0, 100.0, 104.0, 98.0, 101.0, 99.0, 100.0, 102.0]
    averages = [sum(spent[:count]) / count for count in range(1, 9)]
    calls = [value + 50 for value in spent]
    assert run_times(calls, averages) == pytest.approx(spent)
    # cut to whole units the error grows with n, but no run becomes shorter than the shortest call allows
    cut = [int(average) + 0.5 for average in averages]
    times = run_times(calls, cut)
    assert np.median(times) == pytest.approx(100, abs=5)
    assert min(times) > 90


def test_levels_by_name():
    assert chosen_levels("auto") == native.levels()[:1]
    assert chosen_levels("all") == native.levels()
    assert chosen_levels("scalar, scalar") == ["scalar"]
    with pytest.raises(BackendError, match="'avx1024'") as caught:
        chosen_levels("avx1024")
    assert "scalar" in caught.value.hint


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"repeats": 0}, InputError),
        ({"active": []}, InputError),
        ({"active": [2]}, InputError),
        ({"pattern": "rings"}, InputError),
        ({"peers": ["torch"]}, BackendError),
        ({"peers": ["onnxruntime", "onnxruntime"]}, BackendError),
        ({"level": "none"}, BackendError),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong, error):
    with pytest.raises(error) as caught:
        benchmark_convolutions(SHAPES[:1], **{"active": [1], "repeats": 1, **wrong})
    assert caught.value.hint


def test_without_peers_there_is_no_ratio():
    record = benchmark_convolutions(SHAPES[:1], [1], peers=(), repeats=1).record()
    assert record["rows"][0]["ratio"] is None
    assert record["rows"][0]["error"] is None
    assert record["totals"][0]["efficiency"] is None


def test_scattered_pixels_are_reached_pixels_too():
    rows = benchmark_convolutions(SHAPES[:1], [0.3], repeats=2, pattern="scattered", peers=()).rows
    full = np.ones((14, 17), np.uint8)
    assert 0 < rows[0].pixels < reached(SHAPES[0], full).sum()
