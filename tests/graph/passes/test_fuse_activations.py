"""Activations fuse in every form, and only where nothing else reads what lies between."""

from __future__ import annotations

import pytest
from support.dense_passes import only_conv, op_types, simplified
from support.network_blocks import ACTIVATIONS
from support.networks import network_of

EXPECTED = {
    "none": ("none", [], 0.0),
    "relu": ("relu", [], 0.0),
    "clip": ("clip", [0.0], 6.0),
    "clip_relu": ("clip", [0.0], 6.0),
    "clip_low": ("clip", [-0.5], float("inf")),
    "min_max": ("clip", [-1.0], 1.0),
    "leaky_relu": ("leaky_relu", [0.1], 0.0),
    "leaky_max": ("leaky_relu", [0.1], 0.0),
    "silu": ("silu", [], 0.0),
    "hard_swish": ("hard_swish", [], 0.0),
    "hard_swish_hard_sigmoid": ("hard_swish", [], 0.0),
    "hard_swish_after": ("hard_swish", [], 0.0),
    "hard_swish_gate": ("hard_swish", [], 0.0),
    "hard_swish_before": ("hard_swish", [], 0.0),
    "hard_sigmoid": ("hard_sigmoid", [0.2], 0.5),
    "sigmoid": ("sigmoid", [], 0.0),
    "tanh": ("tanh", [], 0.0),
}


@pytest.mark.parametrize("opset", [11, 13, 18, 23])
@pytest.mark.parametrize("name", EXPECTED)
def test_activation_fuses(name: str, opset: int) -> None:
    graph = simplified(network_of(lambda b, t: ACTIVATIONS[name](b, b.conv(t, 4)), opset=opset))
    conv = only_conv(graph)
    kind, alpha, beta = EXPECTED[name]
    assert len(graph.nodes) == 1, op_types(graph)
    assert conv.attributes["activation"] == kind
    assert conv.attributes["alpha"] == pytest.approx(alpha)
    assert conv.attributes["beta"] == pytest.approx(beta)


def test_prelu_keeps_one_slope_per_channel() -> None:
    graph = simplified(network_of(lambda b, t: b.node("PRelu", b.conv(t, 3), b.constant([[[0.1]], [[0.2]], [[0.3]]]))))
    assert only_conv(graph).attributes["alpha"] == pytest.approx([0.1, 0.2, 0.3])
    assert len(graph.nodes) == 1


@pytest.mark.parametrize("slope_shape", [(8, 10), (1, 1, 10)])
def test_prelu_with_a_slope_per_pixel_stays(slope_shape: tuple[int, ...]) -> None:
    def body(builder, tensor):
        return builder.node("PRelu", builder.conv(tensor, 4), builder.constant(builder.random.random(slope_shape)))

    assert op_types(simplified(network_of(body)))["PRelu"] == 1


def test_hard_sigmoid_written_with_relu6_fuses() -> None:
    def body(builder, tensor):
        shifted = builder.node("Add", builder.conv(tensor, 4), builder.constant(3.0))
        clipped = builder.node("Clip", shifted, builder.constant(0.0), builder.constant(6.0))
        return builder.node("Div", clipped, builder.constant(6.0))

    conv = only_conv(simplified(network_of(body)))
    assert conv.attributes["activation"] == "hard_sigmoid"
    assert (conv.attributes["alpha"], conv.attributes["beta"]) == (pytest.approx([1 / 6]), pytest.approx(0.5))


def test_activation_of_a_tensor_with_another_reader_stays() -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        return builder.concat(builder.node("Relu", conv), conv)

    graph = simplified(network_of(body))
    assert op_types(graph)["Relu"] == 1
    assert only_conv(graph).attributes["activation"] == "none"


def test_activation_of_a_graph_output_stays() -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        builder.output(conv)
        return builder.node("Relu", conv)

    graph = simplified(network_of(body))
    assert op_types(graph)["Relu"] == 1
    assert len(graph.outputs) == 2


def test_silu_whose_gate_is_used_elsewhere_stays() -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        gate = builder.node("Sigmoid", conv)
        return builder.concat(builder.node("Mul", conv, gate), gate)

    graph = simplified(network_of(body))
    assert only_conv(graph).attributes["activation"] == "none"
    assert op_types(graph)["Mul"] == 1


@pytest.mark.parametrize(("shift", "high", "divisor"), [(2.0, 6.0, 6.0), (3.0, 5.0, 6.0), (3.0, 6.0, 5.0)])
def test_what_is_almost_hard_swish_stays(shift: float, high: float, divisor: float) -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        ramp = builder.node("Add", conv, builder.constant(shift))
        ramp = builder.node("Clip", ramp, builder.constant(0.0), builder.constant(high))
        return builder.node("Div", builder.node("Mul", conv, ramp), builder.constant(divisor))

    graph = simplified(network_of(body))
    assert only_conv(graph).attributes["activation"] == "none"


@pytest.mark.parametrize("kind", ["Elu", "Softplus", "Softsign"])
def test_other_activations_stay(kind: str) -> None:
    graph = simplified(network_of(lambda b, t: b.node(kind, b.conv(t, 4))))
    assert op_types(graph)[kind] == 1


def test_leaky_max_with_slope_above_one_stays() -> None:
    def body(builder, tensor):
        conv = builder.conv(tensor, 4)
        return builder.node("Max", conv, builder.node("Mul", conv, builder.constant(1.5)))

    assert op_types(simplified(network_of(body)))["Max"] == 1


def test_crossed_clip_bounds_collapse_as_clip_does() -> None:
    def body(builder, tensor):
        low = builder.node("Clip", builder.conv(tensor, 4), builder.constant(-2.0), builder.constant(-1.0))
        return builder.node("Relu", low)

    conv = only_conv(simplified(network_of(body)))
    assert (conv.attributes["activation"], conv.attributes["alpha"], conv.attributes["beta"]) == ("clip", [0.0], 0.0)
