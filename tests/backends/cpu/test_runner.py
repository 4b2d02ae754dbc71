"""The CPU runner: dense segments, caches, costs, options and errors."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from support.skip_graphs import ModelBuilder, weights

from edgeskip.backends.cpu.loader import CpuBackend
from edgeskip.backends.cpu.runner import CpuRunner
from edgeskip.core.errors import BackendError, InputError, ModelError
from edgeskip.graph.skip_model import SkipModel

pytestmark = pytest.mark.skipif(
    CpuBackend().unavailable_reason() is not None, reason=f"{CpuBackend().unavailable_reason()}"
)
SHAPE = (1, 4, 6, 8)
NATIVE: Any = importlib.import_module("edgeskip.backends.cpu._native")


def runner(model: SkipModel, **options: Any) -> CpuRunner:
    created = CpuBackend().create_runner(model, **options)
    assert isinstance(created, CpuRunner)
    return created


def picture(seed: int = 0, streams: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((streams, *SHAPE[1:])).astype(np.float32)


def log_softmax_between_convolutions() -> SkipModel:
    """x -> conv a -> LogSoftmax (not the engine's) -> gate -> conv y; the LogSoftmax is an output too."""
    builder = ModelBuilder()
    a = builder.conv("state.0.x.next", "a", weights(3, 4, 1, 1), (6, 8))
    builder.op("LogSoftmax", [a], {"s": (1, 3, 6, 8)}, axis=1)
    y = builder.conv(builder.gate("s"), "y", weights(2, 3, 3, 3), (6, 8), pads=[1, 1, 1, 1])
    return builder.model(y, "s")


def test_a_segment_runs_only_when_something_it_reads_changed():
    with runner(log_softmax_between_convolutions()) as active:
        x = picture()
        (state,) = active._streams[0].segments
        for _ in range(3):
            active.infer(x)
        assert state.runs == 1
        x[0, :, 2, 3] += 1
        active.infer(x)
        assert state.runs == 2


def test_a_segment_between_engine_ops_gives_what_numpy_gives():
    model = log_softmax_between_convolutions()
    with runner(model) as active:
        for seed in range(3):
            x = picture(seed)
            a = np.einsum("oc,nchw->nohw", model.graph.constants["a.w"][:, :, 0, 0], x)
            expected = a - np.log(np.exp(a).sum(axis=1, keepdims=True))
            result = active.infer(x)
            np.testing.assert_allclose(result.outputs["s"], expected, rtol=1e-4, atol=1e-5)
            assert active.mask("s").all()


def test_after_a_reset_segments_run_again():
    with runner(log_softmax_between_convolutions()) as active:
        first = active.infer(picture())
        active.reset()
        again = active.infer(picture())
        assert active._streams[0].segments[0].runs == 2
        np.testing.assert_array_equal(first.outputs["s"], again.outputs["s"])


def test_an_output_that_was_handed_out_never_changes():
    with runner(log_softmax_between_convolutions()) as active:
        results, copies = [], []
        x = picture()
        for step in range(4):
            results.append(active.infer(x).outputs)
            copies.append({name: value.copy() for name, value in results[-1].items()})
            x = x.copy()
            x[0, :, step, step] += 1
        for outputs, kept in zip(results, copies, strict=True):
            for name, value in outputs.items():
                np.testing.assert_array_equal(value, kept[name])
                with pytest.raises(ValueError, match="read-only"):
                    value[:] = 7
        assert not np.array_equal(results[0]["y"], results[1]["y"])


def test_views_of_outputs_outlive_the_frames_and_memory_that_nobody_holds_is_used_again():
    model = log_softmax_between_convolutions()
    with runner(model) as active, runner(model) as fresh:
        held, seen, x = [], set(), picture()
        for index in range(40):
            x = picture(index) if index % 3 == 0 else x.copy()
            x[0, :, index % x.shape[2], index % x.shape[3]] += 1
            output = active.infer(x).outputs["y"]
            fresh.reset()
            np.testing.assert_array_equal(output, fresh.infer(x).outputs["y"])
            assert not output.flags.writeable
            seen.add(output.__array_interface__["data"][0])
            if index in (5, 6, 11, 12, 13, 14, 15, 16):
                held.append((output[0, 1:, ::2], output[0, 1:, ::2].copy()))
            del output
        for view, expected in held:
            np.testing.assert_array_equal(view, expected)
        assert len(seen) <= len(held) + 4


def test_an_input_that_is_an_output_stays_the_callers():
    builder = ModelBuilder()
    conv = builder.conv("state.0.x.next", "y", weights(2, 4, 1, 1), (6, 8))
    with runner(builder.model(conv, "x")) as active:
        x = picture()
        output = active.infer(x).outputs["x"]
        x[:] = 7
        assert not (output == 7).any()


@pytest.mark.parametrize("changed", [0, 1, 5, 40, 48])
def test_only_changed_pixels_of_an_output_are_read_and_the_rest_is_right(changed: int):
    builder = ModelBuilder()
    model = builder.model(builder.conv("state.0.x.next", "y", weights(3, 4, 1, 1), (6, 8)))
    rng = np.random.default_rng(changed)
    with runner(model) as active, runner(model) as fresh:
        x = picture()
        before = active.infer(x).outputs["y"]
        for _ in range(3):
            x = x.copy()
            x.reshape(4, 48)[:, rng.permutation(48)[:changed]] += 1
            fresh.reset()
            after = active.infer(x).outputs["y"]
            np.testing.assert_array_equal(after, fresh.infer(x).outputs["y"])
            assert (after is before) == (changed == 0)
            before = after


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("channels", "size"), [(2, (5, 20)), (36, (3, 64)), (18, (2, 70)), (130, (64, 96))])
def test_an_output_of_any_width_is_right_wherever_it_changed(channels: int, size: tuple[int, int], threads: int):
    builder = ModelBuilder(height=size[0], width=size[1])
    model = builder.model(builder.conv("state.0.x.next", "y", weights(channels, 4, 1, 1), size))
    rng = np.random.default_rng(channels)
    with runner(model, threads=threads) as active, runner(model) as fresh:
        x = rng.standard_normal((1, 4, *size)).astype(np.float32)
        for first, last in ((0, 1), (3, 9), (0, size[1]), (size[1] - 3, size[1]), (1, 18), (15, 17)):
            y = active.infer(x).outputs["y"]
            fresh.reset()
            np.testing.assert_array_equal(y, fresh.infer(x).outputs["y"])
            expected = np.einsum("oi,nihw->nohw", weights(channels, 4, 1, 1)[..., 0, 0], x)
            np.testing.assert_allclose(y, expected, atol=1e-5)
            x = x.copy()
            x[0, :, rng.integers(size[0]) :, first:last] += 1


def test_cost_counts_the_pixels_that_were_computed():
    builder = ModelBuilder()
    model = builder.model(builder.conv("state.0.x.next", "y", weights(3, 4, 3, 3), (6, 8), pads=[1, 1, 1, 1]))
    with runner(model, streams=2) as active:
        x = picture(streams=2)
        first = active.infer(x)
        assert (first.dense_macs, first.active_macs) == (2 * 48 * 3 * 4 * 9, 2 * 48 * 3 * 4 * 9)
        x[1, :, 3, 3] += 1
        second = active.infer(x)
        assert second.active_pixels == {"y": 9}
        assert second.active_macs == 9 * 3 * 4 * 9


def test_a_convolution_that_stayed_dense_is_counted_when_its_segment_runs():
    builder = ModelBuilder()
    builder.op("Conv", ["state.0.x.next", builder.constant("w", weights(3, 4, 1, 1))], {"y": (1, 3, 6, 8)})
    with runner(builder.model("y")) as active:
        (layer,) = [layer for layer in active.layers if layer.op == "Conv"]
        assert (layer.where, layer.macs) == ("onnxruntime", 48 * 12)
        assert active.infer(picture()).active_mac_fraction == 1.0
        assert active.infer(picture()).active_mac_fraction == 0.0


def test_layer_times_are_there_when_asked_for():
    with runner(log_softmax_between_convolutions(), profile=True) as active:
        active.infer(picture())
        times = active.layer_times_ms()
    assert set(times) == {"x", "a", "s", "y"}
    assert times["s"] > 0
    assert sum(times.values()) < 1000
    with runner(log_softmax_between_convolutions()) as active, pytest.raises(BackendError, match="not measured"):
        active.layer_times_ms()


@pytest.mark.parametrize(
    "options",
    [{"levels": "scalar"}, {"level": "mmx"}, {"block": 3}, {"panel_rows": -1}, {"precision": "f16"}],
    ids=lambda option: next(iter(option)),
)
def test_wrong_options_are_refused(options: dict[str, Any]):
    with pytest.raises(BackendError, match=next(iter(options))):
        runner(log_softmax_between_convolutions(), **options)


@pytest.mark.parametrize("setting", [{"level": "scalar"}, {"level": "auto"}], ids=["level", "environment"])
def test_bf16_where_it_cannot_run_is_refused_with_the_levels(setting: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDGESKIP_CPU_LEVEL", "scalar")
    with pytest.raises(BackendError, match=r"precision bf16 needs .*level scalar") as caught:
        runner(log_softmax_between_convolutions(), precision="bf16", **setting)
    assert all(level in caught.value.message for level in NATIVE.levels())
    assert "--precision f32" in caught.value.hint


def test_precision_says_what_multiplies():
    with runner(log_softmax_between_convolutions()) as active:
        assert active.precision == "f32"
    if NATIVE.bf16_kernels():
        with runner(log_softmax_between_convolutions(), precision="bf16") as active:
            assert active.precision == f"bf16 ({NATIVE.bf16_kernels()[0]})"


def test_a_frame_that_is_not_finite_leaves_the_state_alone():
    with runner(log_softmax_between_convolutions()) as active:
        x = picture()
        active.infer(x)
        bad = x.copy()
        bad[0, 0, 0, 0] = np.nan
        with pytest.raises(InputError, match="not finite"):
            active.infer(bad)
        assert active.infer(x).active_macs == 0


def test_an_op_that_nothing_can_run_is_named():
    builder = ModelBuilder()
    builder.op("Warp", ["state.0.x.next"], {"y": SHAPE}, domain="com.example")
    builder.graph.nodes[-1].name = "warp_1"
    with pytest.raises(ModelError, match=r"com\.example\.Warp, node warp_1") as caught:
        runner(builder.model("y")).activate()
    assert caught.value.hint


def test_a_tensor_without_mask_is_refused_with_the_ones_that_have_one():
    with runner(log_softmax_between_convolutions()) as active:
        active.infer(picture())
        with pytest.raises(InputError, match="nothing_like_it"):
            active.mask("nothing_like_it")


def test_a_learned_gate_computes_only_where_it_lets_through_and_catches_up_later():
    """Section 2: A = (pending | c) & (gate | unknown), pending = (pending | c) & ~A; gate = channel 0 of x > 0."""
    from edgeskip.core.contract import DOMAIN, StatePair
    from edgeskip.graph.ir import Node, TensorInfo

    builder = ModelBuilder()
    x, graph = "state.0.x.next", builder.graph
    bounds = [builder.constant(name, np.array([value])) for name, value in (("from", 0), ("to", 1), ("axis", 1))]
    builder.op("Slice", [x, *bounds], {"d": (1, 1, 6, 8)})
    builder.same_mask("d", x)
    builder.op(
        "Greater", ["d", builder.constant("zero", np.float32(0).reshape(()))], {"on": (1, 1, 6, 8)}, np.dtype(bool)
    )
    builder.op("Cast", ["on"], {"gate": (1, 1, 6, 8)}, np.dtype(np.int32), to=6)
    y = builder.conv(x, "y", weights(2, 4, 1, 1), (6, 8))
    conv = graph.nodes.pop()
    assert conv.op_type == "SkipConv"
    inputs = [*conv.inputs[:6], "gate", "", conv.inputs[8], "pending"]
    graph.nodes.append(Node("SkipConv", inputs, [*conv.outputs, "pending.next"], conv.attributes, DOMAIN))
    for name in ("pending", "pending.next"):
        graph.info[name] = TensorInfo(np.dtype(np.int32), (1, 1, 6, 8))
    graph.inputs.append("pending")
    builder.metadata.states.append(StatePair("pending", "pending.next", "one"))
    with runner(builder.model(y)) as active:
        assert [layer.where for layer in active.layers] == ["engine"] * len(active.layers)
        closed = -np.abs(picture())
        first = active.infer(closed)
        assert first.active_pixels["y"] == 48
        closed[0, :, 2, 5] -= 1
        stale = active.infer(closed)
        assert stale.active_pixels["y"] == 0
        np.testing.assert_array_equal(stale.outputs["y"], first.outputs["y"])
        opened = closed.copy()
        opened[0, 0, 2, 5] = 1
        caught_up = active.infer(opened)
        assert caught_up.active_pixels["y"] == 1
        expected = np.einsum("oc,c->o", weights(2, 4, 1, 1)[:, :, 0, 0], opened[0, :, 2, 5])
        np.testing.assert_allclose(caught_up.outputs["y"][0, :, 2, 5], expected, rtol=1e-5)
