"""BatchNormalization and per-channel constants fold exactly, or stay."""

from __future__ import annotations

import numpy as np
import pytest
from support.dense_passes import only_conv, op_types, simplified
from support.networks import network_of


def test_batch_norm_folds_into_the_convolution_before_it() -> None:
    graph = simplified(network_of(lambda b, t: b.node("Relu", b.batch_norm(b.conv(t, 6, bias=False)))))
    assert len(graph.nodes) == 1
    assert only_conv(graph).input(2) != ""


@pytest.mark.parametrize("group", [1, 2])
def test_batch_norm_folds_into_a_transposed_convolution(group: int) -> None:
    graph = simplified(network_of(lambda b, t: b.batch_norm(b.conv_transpose(t, 6, 3, 2, 1, 1, group))))
    assert len(graph.nodes) == 1


def test_grouped_and_depthwise_convolutions_take_a_batch_norm() -> None:
    def body(builder, tensor):
        return builder.batch_norm(builder.conv(builder.batch_norm(builder.conv(tensor, 8, group=4)), 8, group=8))

    assert dict(op_types(simplified(network_of(body)))) == {"FusedConv": 2}


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (1,), (4, 1, 1), (1, 4, 1, 1)])
def test_constant_after_a_convolution_folds(op_type: str, shape: tuple[int, ...]) -> None:
    def body(builder, tensor):
        return builder.node(op_type, builder.conv(tensor, 4), builder.constant(builder.random.uniform(0.5, 2.0, shape)))

    assert len(simplified(network_of(body)).nodes) == 1


def test_constant_minus_a_convolution_folds() -> None:
    graph = simplified(network_of(lambda b, t: b.node("Sub", b.constant(1.5), b.conv(t, 4))))
    assert len(graph.nodes) == 1


def test_constant_divided_by_a_convolution_stays() -> None:
    def body(builder, tensor):
        positive = builder.node("Sigmoid", builder.conv(tensor, 4))
        return builder.node("Div", builder.constant(2.0), positive)

    assert op_types(simplified(network_of(body)))["Div"] == 1


@pytest.mark.parametrize("shape", [(10,), (8, 1), (1, 1, 8, 10)])
def test_constant_per_pixel_stays(shape: tuple[int, ...]) -> None:
    def body(builder, tensor):
        return builder.node("Mul", builder.conv(tensor, 4), builder.constant(builder.random.random(shape)))

    assert op_types(simplified(network_of(body)))["Mul"] == 1


def test_constant_that_widens_one_channel_stays() -> None:
    def body(builder, tensor):
        value = builder.constant(builder.random.random((5, 1, 1)))
        return builder.node("Mul", builder.conv(tensor, 1), value, shape=(5, 8, 10))

    assert op_types(simplified(network_of(body)))["Mul"] == 1


def test_scale_after_an_activation_stays() -> None:
    graph = simplified(network_of(lambda b, t: b.node("Mul", b.node("Relu", b.conv(t, 4)), b.constant(2.0))))
    assert op_types(graph)["Mul"] == 1


def test_scale_after_a_residual_stays_and_a_shift_folds() -> None:
    def body(builder, tensor):
        total = builder.node("Add", builder.conv(tensor, 4), tensor)
        return builder.node("Mul", builder.node("Add", total, builder.constant(0.7)), builder.constant(2.0))

    assert dict(op_types(simplified(network_of(body)))) == {"FusedConv": 1, "Mul": 1}


def test_batch_norm_before_an_unpadded_convolution_folds_forward() -> None:
    graph = simplified(network_of(lambda b, t: b.conv(b.batch_norm(t), 6, pads=(0, 0, 0, 0), group=2)))
    assert len(graph.nodes) == 1
    assert only_conv(graph).inputs[0] == "picture"


def test_batch_norm_before_a_padded_convolution_becomes_depthwise() -> None:
    graph = simplified(network_of(lambda b, t: b.conv(b.node("Relu", b.batch_norm(t)), 6)))
    first, second = graph.nodes
    assert (first.attributes["group"], first.attributes["activation"]) == (4, "relu")
    assert graph.constants[first.inputs[1]].shape == (4, 1, 1, 1)
    assert graph.constants[second.inputs[1]].shape == (6, 4, 3, 3)


def test_batch_norm_without_shift_folds_into_a_padded_convolution() -> None:
    def body(builder, tensor):
        gamma, zero, one = (builder.constant(np.full(4, value)) for value in (1.7, 0.0, 1.0))
        return builder.conv(builder.node("BatchNormalization", tensor, gamma, zero, zero, one), 6)

    assert len(simplified(network_of(body)).nodes) == 1


def test_batch_norm_with_two_readers_becomes_depthwise() -> None:
    def body(builder, tensor):
        normal = builder.batch_norm(tensor)
        return builder.concat(builder.conv(normal, 4, kernel=1), normal)

    assert op_types(simplified(network_of(body)))["FusedConv"] == 2
