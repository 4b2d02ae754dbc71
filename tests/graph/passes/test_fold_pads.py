"""Pad folds into what reads it where that is exact."""

from __future__ import annotations

import numpy as np
import pytest
from support.dense_passes import only_conv, op_types, simplified
from support.networks import network_of


def padded(builder, tensor, value=0.0, pads=(0, 1, 2, 1), mode="constant"):
    top, left, bottom, right = pads
    channels, height, width = builder.shapes[tensor]
    extra = [builder.constant(value)] if value is not None else []
    amounts = builder.integers(0, 0, top, left, 0, 0, bottom, right)
    shape = (channels, height + top + bottom, width + left + right)
    return builder.node("Pad", tensor, amounts, *extra, shape=shape, mode=mode)


@pytest.mark.parametrize("value", [0.0, None])
@pytest.mark.parametrize("opset", [11, 17, 18, 23])
def test_zero_pad_folds_into_a_convolution(opset: int, value: float | None) -> None:
    graph = simplified(network_of(lambda b, t: b.conv(padded(b, t, value), 5, pads=(1, 0, 0, 1)), opset=opset))
    assert len(graph.nodes) == 1
    assert only_conv(graph).attributes["pads"] == [1, 1, 2, 2]


def test_pad_by_axes_folds() -> None:
    def body(builder, tensor):
        out = builder.node(
            "Pad", tensor, builder.integers(1, 2), builder.constant(0.0), builder.integers(-1), shape=(4, 8, 13)
        )
        return builder.conv(out, 5, pads=(0, 0, 0, 0))

    assert only_conv(simplified(network_of(body, opset=18))).attributes["pads"] == [0, 1, 0, 2]


def test_pad_folds_into_each_reader_on_its_own() -> None:
    def body(builder, tensor):
        out = padded(builder, tensor, pads=(1, 1, 1, 1))
        strange = builder.node("Tanh", out)
        return builder.concat(builder.conv(out, 4, pads=(1, 1, 1, 1)), strange)

    graph = simplified(network_of(body))
    assert op_types(graph)["Pad"] == 1
    assert only_conv(graph).inputs[0] == "picture"


@pytest.mark.parametrize(("value", "mode"), [(0.5, "constant"), (None, "reflect"), (None, "edge")])
def test_other_pads_stay_before_a_convolution(value: float | None, mode: str) -> None:
    graph = simplified(network_of(lambda b, t: b.conv(padded(b, t, value, mode=mode), 5)))
    assert op_types(graph)["Pad"] == 1


def test_cropping_pad_stays() -> None:
    graph = simplified(network_of(lambda b, t: b.conv(padded(b, t, 0.0, pads=(-1, 0, 0, 0)), 5)))
    assert op_types(graph)["Pad"] == 1


def test_pad_of_channels_stays() -> None:
    def body(builder, tensor):
        out = builder.node("Pad", tensor, builder.integers(0, 0, 0, 0, 0, 2, 1, 1), shape=(6, 9, 11))
        return builder.conv(out, 5)

    assert op_types(simplified(network_of(body)))["Pad"] == 1


def test_zero_pad_before_a_transposed_convolution_stays() -> None:
    graph = simplified(network_of(lambda b, t: b.conv_transpose(padded(b, t, pads=(1, 1, 1, 1)), 4, 4, 2, 1)))
    assert op_types(graph)["Pad"] == 1


def max_pool(builder, tensor):
    channels, height, width = builder.shapes[tensor]
    shape = (channels, (height - 3) // 2 + 1, (width - 3) // 2 + 1)
    return builder.node("MaxPool", tensor, shape=shape, kernel_shape=[3, 3], strides=[2, 2])


def test_infinite_pad_folds_into_max_pool() -> None:
    graph = simplified(network_of(lambda b, t: max_pool(b, padded(b, t, -np.inf))))
    assert dict(op_types(graph)) == {"MaxPool": 1}
    assert graph.nodes[0].attributes["pads"] == [0, 1, 2, 1]


def test_zero_pad_folds_into_max_pool_of_what_is_not_negative() -> None:
    graph = simplified(network_of(lambda b, t: max_pool(b, padded(b, b.node("Relu", b.conv(t, 4))))))
    assert dict(op_types(graph)) == {"FusedConv": 1, "MaxPool": 1}


def test_zero_pad_of_signed_values_stays_before_max_pool() -> None:
    graph = simplified(network_of(lambda b, t: max_pool(b, padded(b, t))))
    assert op_types(graph)["Pad"] == 1


def test_pad_as_wide_as_the_window_stays_before_pooling() -> None:
    graph = simplified(network_of(lambda b, t: max_pool(b, padded(b, t, -np.inf, pads=(3, 0, 0, 0)))))
    assert op_types(graph)["Pad"] == 1


@pytest.mark.parametrize(("own_pad", "include", "folds"), [(0, 0, True), (1, 1, True), (1, 0, False)])
def test_zero_pad_folds_into_average_pool_that_counts_it(own_pad: int, include: int, folds: bool) -> None:
    def body(builder, tensor):
        out = padded(builder, tensor, pads=(1, 1, 1, 1))
        sizes = tuple(size + 2 * own_pad - 2 for size in builder.shapes[out][1:])
        return builder.node(
            "AveragePool", out, shape=(4, *sizes), kernel_shape=[3, 3], pads=[own_pad] * 4, count_include_pad=include
        )

    assert op_types(simplified(network_of(body)))["Pad"] == int(not folds)
