"""Every convolution's geometry is written out; convolutions that can't be are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from support.dense_passes import only_conv, op_types, simplified
from support.networks import network_of


@pytest.mark.parametrize(("mode", "dilation"), [("SAME_UPPER", 1), ("SAME_LOWER", 1), ("VALID", 1), ("VALID", 2)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (2, 2), (5, 3)])
def test_auto_pad_of_a_convolution(mode: str, kernel: int, stride: int, dilation: int) -> None:
    def body(builder, tensor):
        extent = dilation * (kernel - 1) + 1
        sizes = [(n - extent) // stride + 1 if mode == "VALID" else -(-n // stride) for n in (15, 13)]
        weight = builder.constant(builder.random.standard_normal((5, 4, kernel, kernel)))
        return builder.node(
            "Conv", tensor, weight, shape=(5, *sizes), auto_pad=mode, strides=[stride] * 2, dilations=[dilation] * 2
        )

    conv = only_conv(simplified(network_of(body, (4, 15, 13))))
    assert conv.attributes["kernel_shape"] == [kernel, kernel]
    assert len(conv.attributes["pads"]) == 4


@pytest.mark.parametrize("mode", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("size", [(16, 20), (15, 19), (17, 21)])
def test_output_shape_of_a_transposed_convolution(mode: str, size: tuple[int, int]) -> None:
    def body(builder, tensor):
        weight = builder.constant(builder.random.standard_normal((4, 3, 4, 4)))
        return builder.node(
            "ConvTranspose", tensor, weight, shape=(3, *size), auto_pad=mode, output_shape=list(size), strides=[2, 2]
        )

    only_conv(simplified(network_of(body)))


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_auto_pad_of_a_transposed_convolution(mode: str) -> None:
    def body(builder, tensor):
        weight = builder.constant(builder.random.standard_normal((4, 3, 3, 3)))
        return builder.node("ConvTranspose", tensor, weight, shape=(3, 16, 20), auto_pad=mode, strides=[2, 2])

    only_conv(simplified(network_of(body)))


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_auto_pad_of_pooling(op_type: str, mode: str) -> None:
    def body(builder, tensor):
        sizes = [(n - 3) // 2 + 1 if mode == "VALID" else -(-n // 2) for n in (9, 12)]
        return builder.node(op_type, tensor, shape=(4, *sizes), kernel_shape=[3, 3], strides=[2, 2], auto_pad=mode)

    node = simplified(network_of(body, (4, 9, 12))).nodes[0]
    expected = {"SAME_UPPER": [1, 0, 1, 1], "SAME_LOWER": [1, 1, 1, 0], "VALID": [0, 0, 0, 0]}
    assert node.attributes["pads"] == expected[mode]
    assert "auto_pad" not in node.attributes


def test_convolution_with_computed_weights_stays() -> None:
    def body(builder, tensor):
        weight = builder.node(
            "Reshape", builder.node("GlobalAveragePool", tensor, shape=(4, 1, 1)), builder.integers(1, 4, 1, 1)
        )
        return builder.node("Conv", tensor, weight, shape=(1, 8, 10))

    assert op_types(simplified(network_of(body)))["Conv"] == 1


def test_convolution_over_sequences_stays() -> None:
    def body(builder, tensor):
        rows = builder.node("Reshape", tensor, builder.integers(1, 32, 10))
        out = builder.node("Conv", rows, builder.constant(builder.random.standard_normal((32, 32, 3))), pads=[1, 1])
        return builder.node("Reshape", out, builder.integers(1, 4, 8, 10), shape=(4, 8, 10))

    assert op_types(simplified(network_of(body)))["Conv"] == 1


def test_defaults_are_written_out() -> None:
    def body(builder, tensor):
        return builder.node("Conv", tensor, builder.constant(np.ones((2, 4, 1, 1))), shape=(2, 8, 10))

    attributes = only_conv(simplified(network_of(body))).attributes
    assert attributes == {
        "kernel_shape": [1, 1], "strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "group": 1,
        "transposed": 0, "output_padding": [0, 0], "activation": "none", "alpha": [], "beta": 0.0,
    }  # fmt: skip
