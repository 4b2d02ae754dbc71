"""A gate behind a convolution that nothing else reads is the convolution's own comparison, and changes no result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.recording_plan import RecordingPlan
from support.skip_graphs import ModelBuilder, weights

from edgeskip.backends.cpu.planner import make_plan
from edgeskip.backends.registry import choose
from edgeskip.graph.skip_model import SkipModel

PICTURE = "state.0.x.next"
SIZE = (6, 8)


def chain(builder: ModelBuilder, between: Callable[[str], object] = lambda _: None, **gate: Any) -> SkipModel:
    """Convolution, gate, convolution; `between` may add readers of the first one's output."""
    first = builder.conv(PICTURE, "a", weights(5, 4, 3, 3), SIZE, pads=[1, 1, 1, 1], activation="relu")
    gated = builder.gate(first, 0.8)
    builder.graph.nodes[-1].attributes |= gate
    # under its dense name the gate's output has the gate's mask, the convolution's its own
    builder.metadata.masks[first] = builder.metadata.masks["a"]
    between(first)
    last = builder.conv(gated, "b", weights(3, 5, 3, 3, seed=1), SIZE, pads=[1, 1, 1, 1])
    return builder.model(last)


def walk(frames: int = 40) -> list[np.ndarray]:
    """Pictures [1, 4, 6, 8]: in each frame a few values take a step, of many sizes."""
    random = np.random.default_rng(4)
    picture, pictures = random.standard_normal((1, 4, *SIZE)).astype(np.float32), []
    for _ in range(frames):
        steps = random.standard_normal(picture.shape) * random.choice([0.02, 0.2, 1.0], picture.shape)
        picture = (picture + steps * (random.random(picture.shape) < 0.05)).astype(np.float32)
        pictures.append(picture)
    return pictures


def gates_left(model: SkipModel) -> int:
    native = RecordingPlan()
    make_plan(model, native)
    return len(native.named("gate"))


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
def test_the_convolution_takes_the_gates_place(norm: str) -> None:
    native = RecordingPlan()
    plan = make_plan(chain(ModelBuilder(), norm=norm), native)
    first, second = native.named("conv")
    assert len(native.named("gate")) == 1, "that of the picture"
    assert (first["threshold"], first["norm"]) == (pytest.approx(0.8), norm)
    assert (first["y"], first["mask_y"]) == (second["x"], second["mask_x"])
    assert len(native.buffers) == 3, "the map that nobody reads is not held"
    assert [layer.name for layer in plan.layers if layer.macs] == ["a", "b"], "layers keep their names"


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
def test_results_are_those_of_the_file(norm: str) -> None:
    model = chain(ModelBuilder(), norm=norm)
    with (
        choose("cpu", model)[0].create_runner(model) as own,
        choose("reference", model)[0].create_runner(model) as true,
    ):
        closed = opened = 0
        for index, picture in enumerate(walk()):
            if index == 25:
                own.reset()
                true.reset()
            got, wanted = own.infer(picture), true.infer(picture)
            np.testing.assert_allclose(
                got.outputs["b"], wanted.outputs["b"], rtol=1e-5, atol=1e-5, err_msg=f"frame {index}"
            )
            assert got.active_macs == wanted.active_macs
            assert dict(got.active_pixels) == dict(wanted.active_pixels)
            share = got.active_pixels["b"] / 48
            opened, closed = opened + (share > 0), closed + (share < 0.5)
    assert opened > 10, "it opens"
    assert closed > 10, "it skips"


@pytest.mark.parametrize("gate", [{"window": 3}, {"threshold_signed": 0.5}], ids=str)
def test_another_comparison_stays_a_gate(gate: dict[str, Any]) -> None:
    assert gates_left(chain(ModelBuilder(), **gate)) == 2


def test_a_map_with_other_readers_stays() -> None:
    builder = ModelBuilder()
    chain(builder, lambda tensor: builder.conv(tensor, "c", weights(2, 5, 1, 1), SIZE))
    assert gates_left(builder.model("state.4.b.next", "state.3.c.next")) == 2


def test_a_map_that_is_an_output_stays() -> None:
    builder = ModelBuilder()
    chain(builder)
    assert gates_left(builder.model("state.1.a.next", "state.3.b.next")) == 2


def test_a_convolution_with_a_threshold_of_its_own_stays() -> None:
    builder = ModelBuilder()
    model = chain(builder)
    model.graph.nodes[1].attributes["threshold"] = 0.1
    assert gates_left(model) == 2


def behind_a_sum(**gate: Any) -> SkipModel:
    """Two gates on relu(a + b), which is an output as well."""
    builder = ModelBuilder()
    a = builder.conv(PICTURE, "a", weights(5, 4, 1, 1), SIZE)
    b = builder.conv(PICTURE, "b", weights(5, 4, 3, 3, seed=3), SIZE, pads=[1, 1, 1, 1])
    for name in ("s", "r"):
        builder.mask(name, [a, b], (1, 5, *SIZE), kind="union")
    builder.op("Add", [a, b], {"s": (1, 5, *SIZE)})
    builder.op("Relu", ["s"], {"r": (1, 5, *SIZE)})
    behind, own = [], builder.metadata.masks["r"]
    for index, threshold in enumerate((0.3, 1.1)):
        gated = builder.gate("r", threshold)
        builder.graph.nodes[-1].outputs[1] = f"mask.r.{index}"
        builder._masked((gated,), f"mask.r.{index}", (1, 5, *SIZE))
        builder.graph.nodes[-1].attributes |= gate
        behind.append(builder.conv(gated, f"c{index}", weights(3, 5, 3, 3, seed=index), SIZE, pads=[1, 1, 1, 1]))
    builder.metadata.masks["r"] = own
    return builder.model("r", *behind)


def test_gates_behind_a_chain_are_decided_by_it() -> None:
    native = RecordingPlan()
    plan = make_plan(behind_a_sum(norm="l1"), native)
    (chain,) = native.named("chain")
    assert [gate[2:] for gate in chain["gates"]] == [("l1", pytest.approx(0.3)), ("l1", pytest.approx(1.1))]
    assert [gate[1] for gate in chain["gates"]] == [plan.masks["mask.r.0"], plan.masks["mask.r.1"]]
    assert len(native.named("gate")) == 1
    assert [op.kind for op in native.ops].index("chain") < len(native.ops) - 2, "before what reads the gates"
    assert gates_left(behind_a_sum(window=3)) == 3


def test_results_behind_a_chain_are_those_of_the_file() -> None:
    model = behind_a_sum()
    with (
        choose("cpu", model)[0].create_runner(model) as own,
        choose("reference", model)[0].create_runner(model) as true,
    ):
        for index, picture in enumerate(walk()):
            got, wanted = own.infer(picture), true.infer(picture)
            for name in model.outputs:
                np.testing.assert_allclose(
                    got.outputs[name], wanted.outputs[name], rtol=1e-5, atol=1e-4, err_msg=f"frame {index}"
                )
            assert got.active_macs == wanted.active_macs
    assert got.active_macs < wanted.dense_macs
