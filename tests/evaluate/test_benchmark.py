"""Timing beside peers: same frames, fair order, and figures that follow from the samples."""

import json

import numpy as np
import pytest

from edgeskip.core.errors import InputError
from edgeskip.evaluate import benchmark as module
from edgeskip.evaluate.benchmark import BenchmarkResult, benchmark
from edgeskip.evaluate.peers import Peer


@pytest.fixture
def clock(monkeypatch, fake_backend):
    """Time by count: edgeskip takes 2 ms, peer "one" 8 ms, peer "two" 4 ms."""
    now = [0]
    costs = {"edgeskip": 2, "one": 8, "two": 4}
    seen = [0]

    def tick():
        for name in fake_backend.order[seen[0] :]:
            now[0] += costs[name] * 1_000_000
        seen[0] = len(fake_backend.order)
        return now[0]

    monkeypatch.setattr(module, "perf_counter_ns", tick)


@pytest.fixture
def two_peers(monkeypatch, fake_backend):
    class FakePeer(Peer):
        outputs = ("y",)

        def __init__(self, name):
            self.name = name

        def infer(self, picture):
            fake_backend.order.append(self.name)
            return {"y": picture * 2}

    monkeypatch.setattr(
        module, "create_peers", lambda names, model, threads, precision: [FakePeer(name) for name in names]
    )


def run(model, pictures, backend, dense, **options):
    return benchmark(model, pictures, backend=backend, peers=["one", "two"], dense=dense, **options)


@pytest.mark.usefixtures("clock", "two_peers")
class TestWithKnownTimes:
    def test_everybody_runs_on_every_frame_and_the_first_moves_on(
        self, doubling_model, pictures, fake_backend, dense_file
    ):
        run(doubling_model, pictures[:6], fake_backend, dense_file, warmup=2)
        rounds = [fake_backend.order[start : start + 3] for start in range(0, 18, 3)]
        assert rounds[:3] == [["edgeskip", "one", "two"], ["one", "two", "edgeskip"], ["two", "edgeskip", "one"]]
        assert rounds[3:] == rounds[:3]

    def test_a_turn_is_of_several_frames_and_compares_each_with_its_own(
        self, doubling_model, pictures, fake_backend, dense_file
    ):
        result = run(doubling_model, pictures[:5], fake_backend, dense_file, warmup=1, turn=3)
        order = ["edgeskip"] * 3 + ["one"] * 3 + ["two"] * 3 + ["one"] * 2 + ["two"] * 2 + ["edgeskip"] * 2
        assert fake_backend.order == order
        assert result.times_ms == {"edgeskip": [2.0] * 4, "one": [8.0] * 4, "two": [4.0] * 4}
        assert result.agreement == 1
        assert result.record()["turn"] == 3

    def test_times_are_put_to_the_right_name_without_warm_up(self, doubling_model, pictures, fake_backend, dense_file):
        result = run(doubling_model, pictures, fake_backend, dense_file, warmup=2)
        assert result.times_ms == {"edgeskip": [2.0] * 10, "one": [8.0] * 10, "two": [4.0] * 10}
        assert result.fractions == [0.25] * 10
        assert (result.speedup("one"), result.speedup("two")) == (4, 2)
        # four times faster with a quarter of the MACs: every skipped MAC became saved time
        assert (result.efficiency("one"), result.efficiency("two")) == (1, 0.5)

    def test_each_repeat_starts_from_unknown_state(self, doubling_model, pictures, fake_backend, dense_file):
        result = run(doubling_model, iter(pictures), fake_backend, dense_file, warmup=0, repeats=2)
        assert result.fractions == [1.0, *[0.25] * 11] * 2
        assert len(result.times_ms["one"]) == 24
        assert result.record()["frames"] == 12

    def test_record_has_the_keys_of_the_command_and_is_json(self, doubling_model, pictures, fake_backend, dense_file):
        record = run(doubling_model, pictures, fake_backend, dense_file, warmup=2, source="clip").record()
        required = {"model", "source", "frames", "threads", "machine", "active_mac_fraction", "edgeskip", "one", "two"}
        assert required | {"speedup", "efficiency", "agreement"} <= set(record)
        assert {"ms_median", "ms_p95", "ms_spread"} <= set(record["edgeskip"])
        assert record["agreement"] == 1
        assert json.loads(json.dumps(record)) == record

    def test_the_agreement_is_that_of_the_same_run(self, doubling_model, pictures, fake_backend, dense_file):
        fake_backend.error = 30.0
        result = run(doubling_model, pictures, fake_backend, dense_file)
        assert 0.85 < result.agreement < 0.93
        assert result.max_abs_error == pytest.approx(30, abs=1e-3)


def test_with_a_real_peer(doubling_model, pictures, fake_backend, dense_file):
    result = benchmark(doubling_model, pictures, backend=fake_backend, dense=dense_file, frames=5, warmup=1, threads=2)
    assert result.peers == ["onnxruntime"]
    assert len(result.times_ms["onnxruntime"]) == 5
    assert min(result.times_ms["onnxruntime"]) > 0
    assert (result.agreement, result.threads, result.backend) == (1, 2, "fake")


def test_without_peers_no_agreement_is_claimed(doubling_model, pictures, fake_backend):
    record = benchmark(doubling_model, pictures, backend=fake_backend, peers=(), warmup=1).record()
    assert record["agreement"] is None
    assert record["speedup"] == {}


@pytest.mark.parametrize("wrong", [{"warmup": -1}, {"repeats": 0}, {"warmup": 12}])
def test_nothing_to_measure_is_refused(doubling_model, pictures, fake_backend, dense_file, wrong):
    with pytest.raises(InputError):
        benchmark(doubling_model, pictures, backend=fake_backend, dense=dense_file, **wrong)


def test_efficiency_goes_by_frame_and_is_not_flattered_by_bursts():
    fractions = [0.1] * 9 + [1.0] * 3
    times = {"edgeskip": [10 * value for value in fractions], "peer": [10.0] * 12}
    result = BenchmarkResult(
        "m", "s", 1, "cpu", "scalar", times, fractions, float(np.mean(fractions)), 1.0, {}, 0.0, 0, 1, machine={}
    )
    assert result.efficiency("peer") == pytest.approx(1)
    assert result.speedup_total("peer") == pytest.approx(120 / 39)
    assert result.speedup("peer") * result.active_mac_fraction > 3, "what median time x mean fraction would claim"
