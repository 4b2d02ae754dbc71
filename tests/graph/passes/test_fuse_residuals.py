"""A residual Add fuses before the activation, and only with an operand of the same shape."""

from __future__ import annotations

import pytest
from support.dense_passes import dense_graph, only_conv, op_types, simplified
from support.networks import network_of

from edgeskip.graph.passes import simplify


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("op_type", ["Add", "Sum"])
def test_add_then_activation_fuses(op_type: str, first: bool) -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        return builder.node("Relu", builder.node(op_type, *((conv, tensor) if first else (tensor, conv))))

    graph = simplified(network_of(body))
    conv = only_conv(graph)
    assert len(graph.nodes) == 1
    assert conv.input(3) == "picture"
    assert conv.attributes["activation"] == "relu"


def test_of_two_convolutions_the_later_takes_the_sum() -> None:
    def body(builder, tensor):
        return builder.node("Add", builder.conv(tensor, 4, kernel=1), builder.conv(tensor, 4, kernel=3))

    graph = simplified(network_of(body))
    assert [node.op_type for node in graph.nodes] == ["FusedConv", "FusedConv"]
    last = graph.nodes[1]
    assert last.attributes["kernel_shape"] == [3, 3]
    assert last.input(3) == graph.nodes[0].outputs[0]


def test_residual_that_is_computed_after_the_convolution_is_ordered() -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        late = builder.node("Tanh", builder.node("MaxPool", tensor, kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1]))
        return builder.node("Add", conv, late)

    graph = simplified(network_of(body))
    assert [node.op_type for node in graph.nodes] == ["MaxPool", "Tanh", "FusedConv"]


def test_activated_convolution_keeps_its_add() -> None:
    graph = simplified(network_of(lambda b, t: b.node("Add", b.node("Sigmoid", b.conv(t, 4)), t)))
    assert op_types(graph)["Add"] == 1
    assert only_conv(graph).input(3) == ""


def test_broadcast_operand_is_no_residual() -> None:
    def body(builder, tensor):
        return builder.node("Add", builder.conv(tensor, 4), builder.node("GlobalAveragePool", tensor, shape=(4, 1, 1)))

    assert op_types(simplified(network_of(body)))["Add"] == 1


def test_constant_map_is_no_residual() -> None:
    def body(builder, tensor):
        return builder.node("Add", builder.conv(tensor, 4), builder.constant(builder.random.random((1, 4, 8, 10))))

    assert op_types(simplified(network_of(body)))["Add"] == 1


def test_convolution_with_another_reader_keeps_its_add() -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        return builder.concat(builder.node("Add", conv, tensor), conv)

    assert op_types(simplified(network_of(body)))["Add"] == 1


def test_convolution_added_to_itself_stays() -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        return builder.node("Add", conv, conv)

    assert op_types(simplified(network_of(body)))["Add"] == 1


def test_second_residual_stays() -> None:
    def body(builder, tensor):
        other = builder.node("Tanh", tensor)
        return builder.node("Relu", builder.node("Add", builder.node("Add", builder.conv(tensor, 4), tensor), other))

    graph = simplified(network_of(body))
    assert only_conv(graph).input(3) == "picture"
    assert op_types(graph)["Add"] == 1
    assert op_types(graph)["Relu"] == 1


def test_residuals_apart_stay_sums() -> None:
    def body(builder, tensor):
        return builder.node("Relu", builder.node("Add", builder.conv(tensor, 4), tensor))

    graph = simplify(dense_graph(network_of(body)), residuals_apart=True)
    assert op_types(graph) == {"FusedConv": 1, "Add": 1, "Relu": 1}
    assert only_conv(graph).input(3) == ""
