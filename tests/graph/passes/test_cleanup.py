"""Constants, shape arithmetic, no-ops, duplicates, global pools and stacked sums."""

from __future__ import annotations

import numpy as np
import pytest
from support.dense_passes import op_types, simplified
from support.networks import network_of


@pytest.mark.parametrize("batch", [1, "N"])
def test_shape_arithmetic_of_a_shuffle_folds(batch: int | str) -> None:
    def body(builder, tensor):
        shape = builder.node("Shape", tensor)
        sizes = [
            builder.node("Unsqueeze", builder.node("Gather", shape, builder.constant(i, np.int64)), builder.integers(0))
            for i in (0, 1, 2, 3)
        ]
        half = builder.node("Div", sizes[1], builder.integers(2))
        groups = builder.node("Concat", sizes[0], builder.integers(2), half, sizes[2], sizes[3], axis=0)
        out = builder.node("Transpose", builder.node("Reshape", tensor, groups), perm=[0, 2, 1, 3, 4])
        back = builder.node("Concat", sizes[0], builder.integers(-1), sizes[2], sizes[3], axis=0)
        return builder.node("Tanh", builder.node("Reshape", out, back, shape=builder.shapes[tensor]))

    assert dict(op_types(simplified(network_of(body, (6, 4, 5), batch=batch)))) == {"Gather": 1, "Tanh": 1}


@pytest.mark.parametrize("batch", [1, "N"])
def test_resize_to_computed_sizes_has_constant_scales_or_sizes(batch: int | str) -> None:
    def body(builder, tensor):
        shape = builder.node("Shape", tensor)
        start = builder.node("Slice", shape, builder.integers(0), builder.integers(2), builder.integers(0))
        sizes = builder.node("Concat", start, builder.integers(16, 20), axis=0)
        return builder.node("Resize", tensor, "", "", sizes, shape=(4, 16, 20), mode="linear")

    graph = simplified(network_of(body, batch=batch))
    assert dict(op_types(graph)) == {"Resize": 1}
    assert all(name in graph.constants for name in graph.nodes[0].inputs[1:] if name)


def test_computed_constants_fold() -> None:
    def body(builder, tensor):
        weight = builder.node("Mul", builder.constant(np.ones((2, 4, 1, 1))), builder.constant(0.5))
        return builder.node("Conv", tensor, builder.node("Sqrt", weight), shape=(2, 8, 10))

    assert dict(op_types(simplified(network_of(body)))) == {"FusedConv": 1}


def test_random_numbers_are_not_folded() -> None:
    def body(builder, tensor):
        noise = builder.node("RandomNormalLike", builder.constant(np.ones((1, 4, 8, 10))), seed=1.0)
        return builder.node("Add", tensor, builder.node("Mul", noise, builder.constant(0.0)))

    assert op_types(simplified(network_of(body)))["RandomNormalLike"] == 1


def test_constant_output_keeps_its_node() -> None:
    def body(builder, tensor):
        fixed = builder.node("Sqrt", builder.constant(np.full((1, 2), 4.0)), shape=(2,))
        builder.output(fixed)
        return builder.node("Tanh", tensor)

    assert dict(op_types(simplified(network_of(body)))) == {"Sqrt": 1, "Tanh": 1}


NO_OPS = {
    "Identity": lambda b, t: b.node("Identity", t),
    "Dropout": lambda b, t: b.node("Dropout", t),
    "Cast": lambda b, t: b.node("Cast", t, to=1),
    "Reshape": lambda b, t: b.node("Reshape", t, b.integers(0, -1, 8, 10)),
    "Transpose": lambda b, t: b.node("Transpose", t, perm=[0, 1, 2, 3]),
    "Pad": lambda b, t: b.node("Pad", t, b.integers(*[0] * 8)),
    "Slice": lambda b, t: b.slice(t, 2, 0, 8),
    "Concat": lambda b, t: b.node("Concat", t, axis=1),
    "Add": lambda b, t: b.node("Add", b.constant(0.0), t),
    "Mul": lambda b, t: b.node("Mul", t, b.constant(np.ones((4, 1, 1)))),
    "Div": lambda b, t: b.node("Div", t, b.constant(1.0)),
    "MaxPool": lambda b, t: b.node("MaxPool", t, kernel_shape=[1, 1]),
    "Resize": lambda b, t: b.node("Resize", t, "", b.constant([1, 1, 1, 1]), mode="nearest"),
    "Expand": lambda b, t: b.node("Expand", t, b.integers(1, 1, 1, 1)),
    "Relu": lambda b, t: b.node("Relu", b.node("MaxPool", b.node("Sigmoid", t), kernel_shape=[1, 1])),
}


@pytest.mark.parametrize("place", ["inside", "at the end"])
@pytest.mark.parametrize("name", NO_OPS)
def test_no_op_goes(name: str, place: str) -> None:
    def body(builder, tensor):
        copy = NO_OPS[name](builder, builder.node("Tanh", tensor))
        return builder.node("Exp", copy) if place == "inside" else copy

    graph = simplified(network_of(body))
    assert op_types(graph)[name] == 0
    assert graph.nodes[-1].outputs == graph.outputs


DOES_SOMETHING = {
    "Slice": lambda b, t: b.slice(t, 2, -1, -20, -1),
    "Transpose": lambda b, t: b.node("Transpose", t, perm=[0, 1, 3, 2]),
    "Add": lambda b, t: b.node("Add", t, b.constant(0.5)),
    "Mul": lambda b, t: b.node("Mul", t, b.constant(np.ones((5, 1, 1, 1))), shape=(4, 8, 8)),
    "MaxPool": lambda b, t: b.node("MaxPool", t, kernel_shape=[1, 1], strides=[2, 2], shape=(4, 4, 4)),
    "Relu": lambda b, t: b.node("Relu", t),
    "Sub": lambda b, t: b.node("Sub", b.constant(0.0), t),
}


@pytest.mark.parametrize("name", DOES_SOMETHING)
def test_what_does_something_stays(name: str) -> None:
    def body(builder, tensor):
        return builder.node("Exp", DOES_SOMETHING[name](builder, builder.node("Tanh", tensor)))

    batch = 1
    assert op_types(simplified(network_of(body, (4, 8, 8), batch=batch)))[name] == 1


def test_copy_of_the_picture_as_output_stays() -> None:
    def body(builder, tensor):
        builder.output(builder.node("Identity", tensor))
        return builder.node("Tanh", tensor)

    graph = simplified(network_of(body))
    assert op_types(graph)["Identity"] == 1


def test_two_outputs_of_one_value_keep_both_names() -> None:
    def body(builder, tensor):
        out = builder.node("Tanh", tensor)
        builder.output(out)
        return builder.node("Identity", out)

    graph = simplified(network_of(body))
    assert len(set(graph.outputs)) == 2


def test_equal_nodes_merge_and_unblock_fusion() -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        return builder.node("Mul", builder.node("Relu", conv), builder.node("Relu", conv))

    assert dict(op_types(simplified(network_of(body)))) == {"FusedConv": 1, "Mul": 1}


def test_equal_constants_are_stored_once() -> None:
    def body(builder, tensor):
        out = builder.node("Pow", tensor, builder.constant(2.0))
        return builder.node("Pow", out, builder.constant(2.0))

    assert len(simplified(network_of(body)).constants) == 1


def test_nodes_that_differ_in_an_attribute_stay() -> None:
    def body(builder, tensor):
        return builder.concat(builder.node("Elu", tensor, alpha=0.5), builder.node("Elu", tensor, alpha=0.25))

    assert op_types(simplified(network_of(body)))["Elu"] == 2


@pytest.mark.parametrize(("op_type", "pool"), [("ReduceMean", "GlobalAveragePool"), ("ReduceMax", "GlobalMaxPool")])
@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduction_of_the_picture_is_a_global_pool(op_type: str, pool: str, opset: int, keepdims: int) -> None:
    def body(builder, tensor):
        as_input = opset >= 18
        axes, more = ((builder.integers(2, -1),), {}) if as_input else ((), {"axes": [2, 3]})
        out = builder.node(op_type, tensor, *axes, shape=(4, 1, 1), keepdims=keepdims, **more)
        out = out if keepdims else builder.node("Reshape", out, builder.integers(0, 4, 1, 1))
        return builder.conv(out, 3, kernel=1)

    assert dict(op_types(simplified(network_of(body, opset=opset)))) == {pool: 1, "FusedConv": 1}


def test_pool_over_the_whole_picture_is_a_global_pool() -> None:
    graph = simplified(network_of(lambda b, t: b.node("AveragePool", t, shape=(4, 1, 1), kernel_shape=[8, 10])))
    assert dict(op_types(graph)) == {"GlobalAveragePool": 1}


@pytest.mark.parametrize("axes", [[1], [2], [1, 2, 3]])
def test_other_reductions_stay(axes: list[int]) -> None:
    def body(builder, tensor):
        return builder.node("ReduceMean", builder.node("Tanh", tensor), shape=(1, 1, 1), axes=axes)

    model = network_of(body)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    for size in [1, *(1 if axis in axes else n for axis, n in ((1, 4), (2, 8), (3, 10)))]:
        model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = size
    assert op_types(simplified(model))["ReduceMean"] == 1


@pytest.mark.parametrize("count", [2, 3])
def test_sum_over_a_stack_is_a_chain_of_adds(count: int) -> None:
    def body(builder, tensor):
        maps = [builder.node("Elu", tensor, alpha=0.1 * (k + 1)) for k in range(count)]
        stack = builder.node("Concat", *(builder.node("Unsqueeze", m, builder.integers(-1)) for m in maps), axis=-1)
        return builder.node("ReduceSum", stack, builder.integers(-1), shape=(4, 8, 10), keepdims=0)

    assert dict(op_types(simplified(network_of(body)))) == {"Elu": count, "Add": count - 1}


def test_sum_over_another_axis_stays() -> None:
    def body(builder, tensor):
        maps = [builder.node("Elu", tensor, alpha=0.1 * (k + 1)) for k in range(2)]
        stack = builder.node("Concat", *(builder.node("Unsqueeze", m, builder.integers(4)) for m in maps), axis=4)
        total = builder.node("ReduceSum", stack, builder.integers(3), keepdims=0)
        return builder.node("Tanh", total, shape=(4, 8, 2))

    assert op_types(simplified(network_of(body)))["ReduceSum"] == 1


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("counted", [0, 1])
def test_ceil_mode_leaves_out_a_window_that_starts_in_the_padding(op_type: str, counted: int) -> None:
    """Size 11, kernel 3, stride 3, padding 1: runtimes give 4, ONNX's shape inference 5."""
    geometry = {"kernel_shape": [3, 3], "strides": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1}
    if counted and op_type == "AveragePool":
        geometry["count_include_pad"] = 1

    def body(builder, tensor):
        pooled = builder.node("Tanh", builder.node(op_type, tensor, shape=(4, 4, 4), **geometry), shape=(4, 4, 4))
        again = builder.node("MaxPool", pooled, shape=(4, 2, 2), kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1)
        flat = builder.node("Reshape", again, builder.integers(0, -1), shape=(16,))
        return builder.node("Add", flat, builder.constant(np.arange(16, dtype=np.float32)), shape=(16,))

    graph = simplified(network_of(body, (4, 11, 11)))
    pools = [node for node in graph.nodes if node.op_type in ("MaxPool", "AveragePool")]
    assert [graph.shape(node.outputs[0]) for node in pools] == [(1, 4, 4, 4), (1, 4, 2, 2)]
    assert pools[0].attributes["pads"] == [1, 1, 0, 0]
    assert not pools[0].attributes["ceil_mode"]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads", "padded"),
    [(7, 3, 2, 1, False), (8, 3, 2, 1, True), (6, 3, 3, 1, True), (11, 3, 3, 1, False), (9, 4, 3, 0, False)],
)
def test_an_average_with_ceil_mode_counts_the_padding_and_nothing_behind_it(size, kernel, stride, pads, padded) -> None:
    """`padded`: the last window reaches behind the padding, which then becomes part of the picture."""
    geometry = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pads] * 4}
    outputs = min(-(-(size + 2 * pads - kernel) // stride) + 1, -(-(size + pads) // stride))

    def body(builder, tensor):
        attributes = {**geometry, "ceil_mode": 1, "count_include_pad": 1}
        return builder.node("AveragePool", tensor, shape=(4, outputs, outputs), **attributes)

    graph = simplified(network_of(body, (4, size, size)))
    assert op_types(graph)["Pad"] == padded
    (pool,) = (node for node in graph.nodes if node.op_type == "AveragePool")
    assert not pool.attributes["ceil_mode"]
