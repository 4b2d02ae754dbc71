"""Focus becomes part of the convolution behind it, or SpaceToDepth."""

from __future__ import annotations

import pytest
from support.dense_passes import only_conv, op_types, simplified
from support.networks import network_of

LAST = 2**31 - 1


def focused(builder, tensor, order=((0, 0), (1, 0), (0, 1), (1, 1)), block=2):
    parts = [builder.slice(builder.slice(tensor, 2, row, LAST, block), 3, column, LAST, block) for row, column in order]
    return builder.concat(*parts)


@pytest.mark.parametrize("order", [((0, 0), (1, 0), (0, 1), (1, 1)), ((0, 0), (0, 1), (1, 0), (1, 1))])
@pytest.mark.parametrize("batch", [1, "N"])
def test_focus_and_convolution_are_one_convolution(order: tuple, batch: int | str) -> None:
    graph = simplified(network_of(lambda b, t: b.conv(focused(b, t, order), 5), (3, 8, 12), batch=batch))
    conv = only_conv(graph)
    assert len(graph.nodes) == 1
    assert conv.inputs[0] == "picture"
    assert conv.attributes["kernel_shape"] == [6, 6]
    assert (conv.attributes["strides"], conv.attributes["pads"]) == ([2, 2], [2, 2, 2, 2])


@pytest.mark.parametrize("stride", [1, 2])
def test_space_to_depth_and_convolution_are_one_convolution(stride: int) -> None:
    def body(builder, tensor):
        out = builder.node("SpaceToDepth", tensor, shape=(27, 3, 5), blocksize=3)
        return builder.conv(out, 5, stride=stride, pads=(1, 0, 0, 2))

    conv = only_conv(simplified(network_of(body, (3, 9, 15))))
    assert conv.attributes["kernel_shape"] == [9, 9]
    assert (conv.attributes["strides"], conv.attributes["pads"]) == ([3 * stride] * 2, [3, 0, 0, 6])


def test_reshape_form_and_convolution_are_one_convolution() -> None:
    def body(builder, tensor):
        out = builder.node("Reshape", tensor, builder.integers(1, 3, 4, 2, 6, 2))
        out = builder.node("Transpose", out, perm=[0, 3, 5, 1, 2, 4])
        return builder.conv(builder.node("Reshape", out, builder.integers(1, 12, 4, 6), shape=(12, 4, 6)), 5)

    assert len(simplified(network_of(body, (3, 8, 12))).nodes) == 1


def test_part_of_the_block_is_enough_for_a_convolution() -> None:
    graph = simplified(network_of(lambda b, t: b.conv(focused(b, t, ((0, 0), (1, 1))), 5), (3, 8, 12)))
    assert len(graph.nodes) == 1


def test_focus_in_order_without_convolution_is_space_to_depth() -> None:
    order = ((0, 0), (0, 1), (1, 0), (1, 1))
    graph = simplified(network_of(lambda b, t: b.node("Tanh", focused(b, t, order)), (3, 8, 12)))
    assert dict(op_types(graph)) == {"SpaceToDepth": 1, "Tanh": 1}


def test_focus_in_another_order_is_space_to_depth_and_gather() -> None:
    graph = simplified(network_of(lambda b, t: b.node("Tanh", focused(b, t)), (3, 8, 12)))
    assert dict(op_types(graph)) == {"SpaceToDepth": 1, "Gather": 1, "Tanh": 1}
    assert graph.shape(graph.nodes[0].outputs[0]) == (1, 12, 4, 6)


def test_focus_with_a_second_reader_serves_both() -> None:
    def body(builder, tensor):
        out = focused(builder, tensor)
        return builder.concat(builder.conv(out, 5), builder.node("Tanh", out))

    graph = simplified(network_of(body, (3, 8, 12)))
    assert only_conv(graph).inputs[0] == "picture"
    assert op_types(graph)["SpaceToDepth"] == 1


@pytest.mark.parametrize("geometry", [{"group": 2}, {"dilation": 2}])
def test_grouped_and_dilated_convolutions_read_space_to_depth(geometry: dict) -> None:
    graph = simplified(network_of(lambda b, t: b.conv(focused(b, t), 4, **geometry), (3, 8, 12)))
    assert only_conv(graph).inputs[0] != "picture"
    assert op_types(graph)["SpaceToDepth"] == 1


def test_odd_picture_keeps_its_slices() -> None:
    graph = simplified(network_of(lambda b, t: b.conv(focused(b, t, ((0, 0), (0, 0))), 5), (3, 7, 11)))
    assert op_types(graph)["Slice"] > 0


def test_different_pixels_than_a_block_keep_their_slices() -> None:
    def body(builder, tensor):
        left = builder.slice(tensor, 3, 0, 6)
        right = builder.slice(tensor, 3, 6, 12)
        return builder.conv(builder.concat(left, right), 5)

    assert op_types(simplified(network_of(body, (3, 8, 12))))["Slice"] == 2
