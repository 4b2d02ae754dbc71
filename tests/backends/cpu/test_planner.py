"""Planning, without native code: where tensors lie, what runs in which order, and what is left to ONNX Runtime."""

import numpy as np
import pytest
from support.recording_plan import RecordingPlan
from support.skip_graphs import ModelBuilder, weights

from edgeskip.backends.cpu.plan import CpuPlan, EngineStep, SegmentStep
from edgeskip.backends.cpu.planner import make_plan
from edgeskip.core.errors import ModelError
from edgeskip.graph.skip_model import SkipModel


def planned(model: SkipModel) -> tuple[CpuPlan, RecordingPlan]:
    native = RecordingPlan()
    return make_plan(model, native), native


def two_convs(builder: ModelBuilder) -> tuple[str, str]:
    x = "state.0.x.next"
    return builder.conv(x, "a", weights(3, 4, 1, 1), (6, 8)), builder.conv(x, "b", weights(5, 4, 1, 1), (6, 8))


def concat(builder: ModelBuilder, inputs: list[str], name: str, channels: int) -> str:
    builder.mask(name, inputs, (1, channels, 6, 8), kind="union")
    builder.op("Concat", inputs, {name: (1, channels, 6, 8)}, axis=1)
    return name


def test_a_concat_of_convolutions_is_written_in_place():
    builder = ModelBuilder()
    a, b = two_convs(builder)
    plan, native = planned(builder.model(concat(builder, [b, a], "y", 8)))
    first, second = native.named("conv")
    y = native.tensors[plan.slots["y"].tensor]
    assert native.tensors[first["y"]] == (y[0], 5, 3)
    assert native.tensors[second["y"]] == (y[0], 0, 5)
    assert native.named("gather") == []


def test_an_inner_concat_lies_in_the_outer_one():
    builder = ModelBuilder()
    a, b = two_convs(builder)
    inner = concat(builder, [a, b], "inner", 8)
    c = builder.conv(inner, "c", weights(2, 8, 1, 1), (6, 8))
    plan, native = planned(builder.model(concat(builder, [c, inner], "outer", 10)))
    outer = native.tensors[plan.slots["outer"].tensor][0]
    assert [native.tensors[op["y"]] for op in native.named("conv")] == [(outer, 2, 3), (outer, 5, 5), (outer, 0, 2)]
    assert native.tensors[plan.slots["inner"].tensor] == (outer, 2, 8)
    assert native.named("gather") == []


def test_a_tensor_of_two_concats_is_copied_into_one_of_them():
    builder = ModelBuilder()
    a, b = two_convs(builder)
    one, two = concat(builder, [a, b], "one", 8), concat(builder, [a, a], "two", 6)
    plan, native = planned(builder.model(one, two))
    buffer = {name: native.tensors[plan.slots[name].tensor][0] for name in ("one", "two")}
    placed = native.named("conv")[0]
    copies = [(native.tensors[op["y"]], op["mask"]) for op in native.named("gather")]
    # the later concat has it in place once; its second part and the earlier concat's get copies on a's own mask
    assert native.tensors[placed["y"]] == (buffer["two"], 0, 3)
    assert sorted(copies) == sorted(
        [((buffer["two"], 3, 3), plan.masks["mask.a"]), ((buffer["one"], 0, 3), plan.masks["mask.a"])]
    )


def test_slices_and_splits_of_channels_are_views():
    builder = ModelBuilder()
    (a, _) = two_convs(builder)
    builder.op("Split", [a], {"low": (1, 1, 6, 8), "high": (1, 2, 6, 8)}, axis=1)
    for name in ("low", "high"):
        builder.same_mask(name, a)
    y = builder.conv("high", "y", weights(2, 2, 1, 1), (6, 8))
    plan, native = planned(builder.model("low", y))
    whole = native.tensors[plan.slots[a].tensor]
    assert native.tensors[native.named("conv")[1]["x"]] == (whole[0], 1, 2)
    assert native.tensors[plan.slots["low"].tensor] == (whole[0], 0, 1)
    assert [op.kind for op in native.ops] == ["gate", "conv", "conv"]


def test_the_state_of_a_convolution_is_its_output_tensor():
    builder = ModelBuilder()
    y = builder.conv("state.0.x.next", "y", weights(3, 4, 3, 3), (6, 8), pads=[1, 1, 1, 1], threshold=0.25)
    plan, native = planned(builder.model(y))
    (conv,) = native.named("conv")
    assert conv["mask_x"] == plan.masks["mask.x"]
    assert conv["mask_y"] == plan.masks["mask.y"]
    assert (conv["threshold"], conv["pads"], conv["norm"]) == (0.25, [1, 1, 1, 1], "l2")
    assert "state.1.y" not in plan.slots
    (layer,) = [layer for layer in plan.layers if layer.op == "SkipConv"]
    assert (layer.name, layer.macs, layer.pixels, layer.where) == ("y", 6 * 8 * 3 * 4 * 9, 48, "engine")


def test_masks_run_before_the_ops_that_compute_on_them():
    builder = ModelBuilder()
    a = "state.0.x.next"
    builder.op("MaxPool", [a], {"y": (1, 4, 3, 4)}, kernel_shape=[2, 2], strides=[2, 2])
    builder.mask("y", ["x"], (1, 4, 3, 4), kind="pool", kernel_shape=[2, 2], strides=[2, 2])
    plan, native = planned(builder.model("y"))
    assert [op.kind for op in native.ops] == ["gate", "mask_pool", "pool"]
    assert native.ops[2]["mask"] == plan.masks["mask.y"]


def test_ops_that_feed_no_output_are_dropped():
    builder = ModelBuilder()
    a, _ = two_convs(builder)
    plan, native = planned(builder.model(a))
    assert [op["name"] for op in native.named("conv")] == [a]
    assert [layer.name for layer in plan.layers] == ["x", "a"]


def test_unknown_ops_become_one_segment_that_says_why():
    builder = ModelBuilder()
    a, _ = two_convs(builder)
    builder.op("LogSoftmax", [a], {"s": (1, 3, 6, 8)}, axis=1)
    builder.op("Reshape", ["s", builder.constant("shape", np.array([1, 3, 48]))], {"r": (1, 3, 48)})
    plan, _ = planned(builder.model("r"))
    (segment,) = [step for step in plan.steps if isinstance(step, SegmentStep)]
    assert [node.op_type for node in segment.graph.nodes] == ["LogSoftmax", "Reshape"]
    assert (segment.graph.inputs, segment.graph.outputs) == ([a], ["r"])
    assert segment.outputs_to_engine == ()
    log_softmax = next(layer for layer in plan.layers if layer.op == "LogSoftmax")
    assert (log_softmax.where, log_softmax.reason) == ("onnxruntime", "the engine has no op LogSoftmax")


def test_a_segment_between_engine_ops_writes_back_what_they_read():
    builder = ModelBuilder()
    a, _ = two_convs(builder)
    builder.op("LogSoftmax", [a], {"s": (1, 3, 6, 8)}, axis=1)
    y = builder.conv(builder.gate("s"), "y", weights(2, 3, 1, 1), (6, 8))
    plan, native = planned(builder.model(y))
    kinds = [type(step) for step in plan.steps]
    assert kinds == [EngineStep, SegmentStep, EngineStep]
    assert plan.steps[1].outputs_to_engine == ("s",)
    gate = native.named("gate")[1]
    assert gate["x"] == plan.slots["s"].tensor != gate["y"]


def test_unconnected_segments_are_sessions_of_their_own():
    builder = ModelBuilder()
    a, b = two_convs(builder)
    builder.op("LogSoftmax", [a], {"s": (1, 3, 6, 8)}, axis=1)
    builder.op("LogSoftmax", [b], {"t": (1, 5, 6, 8)}, axis=1)
    plan, _ = planned(builder.model("s", "t"))
    assert [step.graph.inputs for step in plan.steps if isinstance(step, SegmentStep)] == [[a], [b]]


def test_a_gated_vector_is_pooled_on_a_mask_of_one_bit():
    builder = ModelBuilder()
    a, _ = two_convs(builder)
    builder.op("GlobalAveragePool", [a], {"v": (1, 3, 1, 1)})
    vector = builder.gate("v", 0.1)
    builder.mask("y", [a, vector], (1, 3, 6, 8), kind="union")
    builder.op("Mul", [a, vector], {"y": (1, 3, 6, 8)})
    plan, native = planned(builder.model("y"))
    kinds = [op.kind for op in native.ops]
    assert kinds == ["gate", "conv", "mask_reduce", "global_pool", "gate", "mask_union", "binary"]
    pool = native.named("global_pool")[0]
    assert native.masks[pool["mask"]] == (1, 1)
    # the pool runs wherever its picture changed, the gate's own mask says whether the vector was published
    assert pool["mask"] != plan.masks["mask.v"]
    assert native.named("binary")[0]["b"] == plan.slots[vector].tensor


def test_channel_constants_and_full_constants_are_told_apart():
    builder = ModelBuilder()
    x = "state.0.x.next"
    shape = (1, 4, 6, 8)
    for name in ("y", "z"):
        builder.same_mask(name, x)
    builder.op("Sub", [builder.constant("c", weights(4, 1, 1)), x], {"y": shape})
    builder.op("Mul", ["y", builder.constant("d", weights(1, 1, 6, 8))], {"z": shape})
    plan, native = planned(builder.model("y", "z"))
    (constant,) = native.named("binary_constant")
    assert (constant["kind"], constant["reverse"]) == ("sub", True)
    np.testing.assert_array_equal(constant["b"], weights(4, 1, 1).reshape(-1))
    (binary,) = native.named("binary")
    (written,) = plan.constants
    assert written[0] == binary["b"]
    assert written[1].shape == (1, 6, 8)


def test_a_contract_op_that_the_engine_cannot_run_is_refused_by_name():
    builder = ModelBuilder()
    y = builder.conv("state.0.x.next", "y", weights(3, 4, 1, 1), (6, 8))
    builder.graph.constants.pop("y.w")
    builder.op("Relu", ["state.0.x.next"], {"y.w": (3, 4, 1, 1)})
    with pytest.raises(ModelError, match=r"SkipConv .*input w \(y.w\) is not constant"):
        planned(builder.model(y))


def silu_of_a_sum(builder: ModelBuilder) -> str:
    """y = s * sigmoid(s), s = a / 4 + nearest(b)."""
    x, shape = "state.0.x.next", (1, 3, 6, 8)
    a = builder.conv(x, "a", weights(3, 4, 1, 1), (6, 8))
    b = builder.conv(x, "b", weights(3, 4, 2, 2), (3, 4), strides=[2, 2])
    builder.mask("big", [b], shape, kind="resize", scales=[2.0, 2.0])
    for name in ("s", "sig", "y"):
        builder.mask(name, [a, "big"], shape, kind="union")
    builder.same_mask("quarter", a)
    builder.op("Div", [a, builder.constant("four", np.float32(4).reshape(()))], {"quarter": shape})
    scales = builder.constant("scales", np.array([1, 1, 2, 2], np.float32))
    builder.op("Resize", [b, "", scales], {"big": shape}, mode="nearest", coordinate_transformation_mode="asymmetric",
               nearest_mode="floor")  # fmt: skip
    builder.op("Add", ["quarter", "big"], {"s": shape})
    builder.op("Sigmoid", ["s"], {"sig": shape})
    builder.op("Mul", ["s", "sig"], {"y": shape})
    return "y"


def test_element_wise_nodes_are_one_op_and_nothing_between_is_stored():
    builder = ModelBuilder()
    plan, native = planned(builder.model(silu_of_a_sum(builder)))
    (chain,) = native.named("chain")
    assert not native.named("binary")
    assert not native.named("resize")
    assert not {"quarter", "big", "s", "sig"} & set(plan.slots)
    tensors = [tensor for tensor, _ in chain["operands"]]
    quarter = dict(plan.constants)[tensors[1]]
    np.testing.assert_array_equal(quarter, np.full((3, 1, 1), 0.25, np.float32))
    reads = chain["operands"][2][1]
    assert [axis.tolist() for axis in reads] == [[0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2, 3, 3]]
    assert [step[:4] for step in chain["steps"]] == [
        ("mul", 0, 1, "none"), ("add", 3, 2, "none"), ("unary", 4, 0, "silu")
    ]  # fmt: skip
    assert native.masks[chain["mask"]] == (6, 8)
    assert chain["mask"] == plan.masks["mask.y"]
    # each node is a layer still, and the op's time belongs to the last
    assert [layer.op for layer in plan.layers][-5:] == ["Div", "Resize", "Add", "Sigmoid", "Mul"]


def test_what_something_else_reads_ends_a_chain():
    builder = ModelBuilder()
    plan, native = planned(builder.model("s", silu_of_a_sum(builder)))
    first, second = native.named("chain")
    assert first["y"] == plan.slots["s"].tensor
    assert [tensor for tensor, _ in second["operands"]] == [plan.slots["s"].tensor]


@pytest.mark.parametrize("shared", [False, True])
def test_an_activation_behind_a_sum_is_part_of_its_step(shared: bool):
    builder = ModelBuilder()
    a, _ = two_convs(builder)
    c = builder.conv("state.0.x.next", "c", weights(3, 4, 1, 1, seed=2), (6, 8))
    for name in ("s", "r", "y"):
        builder.mask(name, [a, c], (1, 3, 6, 8), kind="union")
    shape = (1, 3, 6, 8)
    builder.op("Add", [a, c], {"s": shape})
    builder.op("Relu", ["s"], {"r": shape})
    builder.op("Mul", ["r", "s" if shared else a], {"y": shape})
    _, native = planned(builder.model("y"))
    (chain,) = native.named("chain")
    steps = [(kind, activation) for kind, _, _, activation, _, _ in chain["steps"]]
    if shared:
        assert steps == [("add", "none"), ("unary", "relu"), ("mul", "none")], "the sum is read as it is, too"
    else:
        assert steps == [("add", "relu"), ("mul", "none")]
