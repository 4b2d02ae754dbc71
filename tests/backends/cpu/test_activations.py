"""An element-wise op behind a convolution that is compared in front of it: the convolution writes both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.native_plan import EMPTY, ConvCase, native, new_tensor, ones, random_mask
from support.recording_plan import RecordingPlan
from support.skip_graphs import ModelBuilder, weights
from support.small_skip import Oracle, moving_pictures

from edgeskip.backends.cpu.planner import make_plan
from edgeskip.backends.registry import choose

CASES = {
    "narrow": ConvCase(5, 7, (11, 66), threshold=2.0),
    "wide": ConvCase(40, 150, (9, 70), (1, 1), pads=[0, 0, 0, 0], threshold=4.0),
    "shared_by_columns": ConvCase(512, 192, (5, 8), (1, 1), pads=[0, 0, 0, 0], threshold=10.0),
    "depthwise": ConvCase(35, 35, (12, 65), group=35, threshold=2.0, norm="linf"),
    "transposed": ConvCase(8, 8, (7, 33), strides=[2, 2], transposed=True, output_padding=(1, 1), threshold=2.0),
    "residual": ConvCase(16, 20, threshold=8.0, with_z=True, norm="l1"),
    "threshold_0": ConvCase(8, 16, (10, 11)),
}
FUNCTIONS = {
    "relu": (EMPTY, 0.0), "clip": (np.float32([-0.3]), 0.7), "leaky_relu": (np.float32([0.1]), 0.0),
    "prelu": (np.linspace(-1, 1, 7, dtype=np.float32), 0.0), "silu": (EMPTY, 0.0), "hard_swish": (EMPTY, 0.0),
    "hard_sigmoid": (np.float32([0.2]), 0.5), "sigmoid": (EMPTY, 0.0), "tanh": (EMPTY, 0.0), "exp": (EMPTY, 0.0),
    "abs": (EMPTY, 0.0),
}  # fmt: skip
POISON = np.float32(-777.0)


class Activated:
    """A convolution and an op behind it, as two native ops or as one."""

    def __init__(self, case: ConvCase, function: str, fused: bool, gated: bool = False) -> None:
        rng = np.random.default_rng(case.inputs)
        self.plan = plan = native.Plan()
        self.x, self.mask_x = new_tensor(plan, *case.size, case.inputs)
        self.y, self.mask_y = new_tensor(plan, *case.output, case.outputs)
        self.activated, _ = new_tensor(plan, *case.output, case.outputs)
        self.z, self.mask_z = new_tensor(plan, *case.output, case.outputs)
        self.gate, pending = plan.add_mask(*case.output), plan.add_mask(*case.output)
        extra: dict[str, Any] = {"z": self.z, "mask_z": self.mask_z} if case.with_z else {}
        extra |= {"gate": self.gate, "pending": pending} if gated else {}
        alpha, beta = FUNCTIONS[function]
        extra |= {"activated": (self.activated, function, alpha, beta)} if fused else {}
        plan.add_conv(
            "conv", self.x, self.mask_x, self.y, self.mask_y,
            rng.standard_normal(case.weight_shape()).astype(np.float32), None, case.strides, case.pads,
            case.dilations, case.group, case.transposed, "leaky_relu", np.float32([0.5]), 0.0, case.threshold,
            case.norm, case.block, **extra,
        )  # fmt: skip
        if not fused:
            plan.add_unary("act", self.y, self.activated, self.mask_y, function, alpha, beta)
        self.ops = 1 if fused else 2


def results(case: ConvCase, function: str, fused: bool, gated: bool = False, **options: Any) -> list[bytes]:
    """y, its mask and the activated tensor after each frame; the last is poisoned before each but the first."""
    network, rng = Activated(case, function, fused, gated), np.random.default_rng(7)
    stream = native.Engine(network.plan, **options).new_stream()
    x = rng.standard_normal((case.inputs, *case.size)).astype(np.float32)
    found = []
    for frame, share in enumerate([1.0, 0.2, 0.02, 0.0, 1.0]):
        x += np.float32(0.3) * rng.standard_normal(x.shape).astype(np.float32)
        stream.write(network.x, x)
        stream.write_mask(network.mask_x, ones(case.size) if frame == 0 else random_mask(rng, *case.size, share))
        stream.write(network.z, rng.standard_normal((case.outputs, *case.output)).astype(np.float32))
        stream.write_mask(network.mask_z, random_mask(rng, *case.output, share / 2))
        stream.write_mask(network.gate, random_mask(rng, *case.output, 0.5))
        if frame:
            stream.write(network.activated, np.full((case.outputs, *case.output), POISON))
        stream.run(0, network.ops)
        activated, mask = stream.read(network.activated), stream.read_mask(network.mask_y)
        if frame:
            assert ((activated == POISON).all(0) == (mask == 0)).all()
        found += [stream.read(network.y).tobytes(), mask.tobytes(), activated.tobytes()]
    return found


@pytest.mark.parametrize("options", [{}, {"panel_rows": 3}, {"threads": 2}, {"block": 8}], ids=str)
@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize("name", CASES)
def test_both_are_written_as_by_two_ops(name: str, level: str, options: dict[str, int]) -> None:
    case = CASES[name]
    fused = results(case, "silu", fused=True, level=level, **options)
    assert fused == results(case, "silu", fused=False, level=level, **options)


@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_gives_the_bits_of_its_own_op(function: str, level: str) -> None:
    case = CASES["narrow"]
    assert results(case, function, fused=True, level=level) == results(case, function, fused=False, level=level)


def test_pixels_behind_a_closed_gate_are_not_activated() -> None:
    case = CASES["narrow"]
    assert results(case, "relu", fused=True, gated=True) == results(case, "relu", fused=False, gated=True)


def compared_then(*functions: tuple[str, list[str], str]) -> ModelBuilder:
    """x -> SkipConv a -> each of `functions` (op, inputs, output), which change where a does."""
    builder = ModelBuilder()
    builder.conv("state.0.x.next", "a", weights(3, 4, 3, 3), (6, 8), pads=[1, 1, 1, 1], threshold=0.5)
    for op_type, inputs, output in functions:
        builder.same_mask(output, "a")
        builder.op(op_type, inputs, {output: (1, 3, 6, 8)})
    return builder


A = "state.1.a.next"
SILU = (("Sigmoid", [A], "s"), ("Mul", ["s", A], "y"))
RELU = (("Relu", [A], "y"),)


@pytest.mark.parametrize(("functions", "kind"), [(SILU, "silu"), (RELU, "relu")])
def test_an_activation_behind_a_convolution_is_no_op_of_its_own(functions: Any, kind: str) -> None:
    native_plan = RecordingPlan()
    plan = make_plan(compared_then(*functions).model("y", A), native_plan)
    (conv,) = native_plan.named("conv")
    assert conv["activated"][:2] == (plan.slots["y"].tensor, kind)
    assert plan.slots["y"].mask == conv["mask_y"]
    assert [op.kind for op in native_plan.ops] == ["gate", "conv"]
    # each node is a layer still, and the time belongs to the convolution
    assert {"x", "a", *(output for _, _, output in functions)} <= {layer.name for layer in plan.layers}
    assert list(plan.op_layers.values()) == ["x", "a"]


def test_of_two_activations_the_second_stays_an_op() -> None:
    native_plan = RecordingPlan()
    plan = make_plan(compared_then(*RELU, ("Tanh", [A], "t")).model("y", "t"), native_plan)
    (conv,), (unary,) = native_plan.named("conv"), native_plan.named("unary")
    assert conv["activated"][:2] == (plan.slots["y"].tensor, "relu")
    assert (unary["x"], unary["y"], unary["activation"]) == (conv["y"], plan.slots["t"].tensor, "tanh")


@pytest.mark.parametrize(
    "functions", [(*RELU, ("Add", ["y", A], "last")), (("Sigmoid", [A], "s"), ("Mul", ["s", "factor"], "last"))]
)
def test_an_activation_that_a_longer_chain_holds_stays_there(functions: Any) -> None:
    native_plan, builder = RecordingPlan(), compared_then(*functions)
    builder.constant("factor", weights(3, 1, 1))
    make_plan(builder.model("last"), native_plan)
    assert [op.kind for op in native_plan.ops] == ["gate", "conv", "chain"]
    assert native_plan.named("conv")[0]["activated"] is None


def test_an_activation_with_another_mask_stays_an_op() -> None:
    builder = compared_then()
    builder.mask("y", ["a", "x"], (1, 3, 6, 8), kind="union")
    builder.op("Relu", [A], {"y": (1, 3, 6, 8)})
    native_plan = RecordingPlan()
    make_plan(builder.model("y"), native_plan)
    assert [op.kind for op in native_plan.ops] == ["gate", "conv", "mask_union", "unary"]


@pytest.mark.parametrize("options", [{}, {"threads": 2, "block": 4}])
@pytest.mark.parametrize("functions", [SILU, RELU])
def test_frames_are_those_of_the_reference(functions: Any, options: dict[str, int]) -> None:
    model = compared_then(*functions, ("Neg", [A], "n")).model("y", "n", A)
    oracle = Oracle(model)
    changed = 0
    with choose("cpu", model)[0].create_runner(model, **options) as runner:
        for picture in moving_pictures((1, 4, 6, 8), 12, seed=2):
            expected, outputs = oracle.step(picture), runner.infer(picture).outputs
            for name in ("y", "n", "a"):
                np.testing.assert_allclose(outputs[name], expected[name], rtol=1e-5, atol=1e-5)
            changed += int(expected["mask.a"].sum())
    assert 48 < changed < 12 * 48  # some pixels change, and not all
