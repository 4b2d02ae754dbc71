"""Channel shuffles and selections come out as Gather, Slice or Split over channels."""

from __future__ import annotations

import numpy as np
import pytest
from support.dense_passes import op_types, simplified
from support.networks import network_of


def shuffled(builder, tensor, groups=2, merged=False, leading=0):
    channels, height, width = builder.shapes[tensor]
    inner = [groups, channels // groups, *([height * width] if merged else [height, width])]
    out = builder.node("Reshape", tensor, builder.integers(leading, *inner))
    out = builder.node("Transpose", out, perm=[0, 2, 1, 3] if merged else [0, 2, 1, 3, 4])
    shape = (channels, height, width)
    return builder.node("Reshape", out, builder.integers(-1, *shape), shape=shape)


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("batch", [1, 3, "N"])
def test_shuffle_is_one_gather(batch: int | str, merged: bool) -> None:
    graph = simplified(network_of(lambda b, t: b.node("Tanh", shuffled(b, t, merged=merged)), (6, 4, 5), batch=batch))
    assert dict(op_types(graph)) == {"Gather": 1, "Tanh": 1}
    np.testing.assert_array_equal(graph.constants[graph.nodes[0].inputs[1]], [0, 3, 1, 4, 2, 5])


def test_shuffle_then_halves_is_two_gathers() -> None:
    def body(builder, tensor):
        first, second = builder.split(shuffled(builder, tensor), 3, 3)
        return builder.concat(builder.node("Tanh", second), builder.node("Exp", first))

    graph = simplified(network_of(body, (6, 4, 5)))
    indices = [graph.constants[node.inputs[1]].tolist() for node in graph.nodes if node.op_type == "Gather"]
    assert sorted(indices) == [[0, 3, 1], [4, 2, 5]]
    assert not {"Split", "Reshape", "Transpose"} & set(op_types(graph))


def test_gather_on_a_leading_axis_is_a_channel_gather() -> None:
    """FastestDet's form: [1,C,H,W] -> [C/2,2,HW] -> transposed -> [2,1,C/2,H,W] -> Gather."""

    def body(builder, tensor):
        out = builder.node("Reshape", tensor, builder.integers(3, 2, 20))
        out = builder.node("Transpose", out, perm=[1, 0, 2])
        out = builder.node("Reshape", out, builder.integers(2, -1, 3, 4, 5))
        parts = [
            builder.node("Gather", out, builder.constant(index, np.int64), shape=(3, 4, 5), axis=0) for index in (0, 1)
        ]
        return builder.concat(builder.node("Tanh", parts[1]), parts[0])

    graph = simplified(network_of(body, (6, 4, 5)))
    indices = [graph.constants[node.inputs[1]].tolist() for node in graph.nodes if node.op_type == "Gather"]
    assert sorted(indices) == [[0, 2, 4], [1, 3, 5]]


def test_contiguous_gather_is_a_slice() -> None:
    def body(builder, tensor):
        return builder.node("Tanh", builder.node("Gather", tensor, builder.integers(1, 2), shape=(2, 8, 10), axis=1))

    assert dict(op_types(simplified(network_of(body)))) == {"Slice": 1, "Tanh": 1}


def test_split_and_slice_over_channels_stay_as_they_are() -> None:
    def body(builder, tensor):
        first, second = builder.split(builder.node("Tanh", tensor), 1, 3)
        return builder.concat(builder.node("Exp", first), builder.slice(second, 1, 1, 3))

    counts = op_types(simplified(network_of(body)))
    assert (counts["Split"], counts["Slice"]) == (1, 1)


def test_parts_put_together_again_vanish() -> None:
    graph = simplified(network_of(lambda b, t: b.node("Tanh", b.concat(*b.split(t, 1, 3)))))
    assert dict(op_types(graph)) == {"Tanh": 1}


def test_swapped_channels_are_one_gather() -> None:
    def body(builder, tensor):
        first, second, third = builder.split(tensor, 1, 1, 1)
        return builder.conv(builder.concat(third, second, first), 4)

    graph = simplified(network_of(body, (3, 4, 5)))
    assert dict(op_types(graph)) == {"Gather": 1, "FusedConv": 1}
    np.testing.assert_array_equal(graph.constants[graph.nodes[0].inputs[1]], [2, 1, 0])


def test_unsqueeze_and_squeeze_vanish() -> None:
    def body(builder, tensor):
        out = builder.node("Unsqueeze", tensor, builder.integers(2))
        return builder.node("Tanh", builder.node("Squeeze", out, builder.integers(2), shape=builder.shapes[tensor]))

    assert dict(op_types(simplified(network_of(body)))) == {"Tanh": 1}


def test_selection_that_is_a_graph_output_keeps_its_name() -> None:
    graph = simplified(network_of(lambda b, t: shuffled(b, b.node("Tanh", t)), (6, 4, 5)))
    assert op_types(graph)["Gather"] == 1
    assert graph.nodes[-1].outputs == graph.outputs


@pytest.mark.parametrize("perm", [(0, 1, 3, 2), (0, 2, 3, 1), (0, 3, 1, 2)])
def test_transpose_of_pixels_stays(perm: tuple[int, ...]) -> None:
    graph = simplified(network_of(lambda b, t: b.node("Transpose", b.node("Tanh", t), perm=list(perm)), (4, 4, 4)))
    assert op_types(graph)["Transpose"] == 1


def test_reshape_that_mixes_pixels_and_channels_stays() -> None:
    def body(builder, tensor):
        return builder.node("Tanh", builder.node("Reshape", tensor, builder.integers(1, 8, 4, 10), shape=(8, 4, 10)))

    assert op_types(simplified(network_of(body)))["Reshape"] == 1


def test_crop_stays() -> None:
    graph = simplified(network_of(lambda b, t: b.node("Tanh", b.slice(t, 2, 1, 5))))
    assert op_types(graph)["Slice"] == 1


def test_shuffle_across_the_batch_stays() -> None:
    def body(builder, tensor):
        out = builder.node("Reshape", tensor, builder.integers(4, 2, 8, 10))
        out = builder.node("Transpose", out, perm=[1, 0, 2, 3])
        return builder.node("Tanh", out)

    assert op_types(simplified(network_of(body, batch=2)))["Transpose"] == 1
