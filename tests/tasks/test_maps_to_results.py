"""Heat maps, class maps and plain tensors."""

import numpy as np
import pytest

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.core.placement import Placement
from edgeskip.tasks import create_decoder
from edgeskip.tasks.heatmap import SKELETONS, peaks

SIZE = (192, 192)


def decode(name, outputs, source=SIZE, size=SIZE, placed="stretch", **parameters):
    preparation = Preparation(size=size, resize=placed)
    decoder = create_decoder(Task(name, parameters=parameters), preparation)
    return decoder.decode(outputs, Placement.of(source, preparation))


def heat_maps(*peaks_at):
    value = np.zeros((1, len(peaks_at), 48, 48), np.float32)
    for index, (row, column) in enumerate(peaks_at):
        value[0, index, row, column] = 0.5 + index / 10
    return value


def test_a_point_is_the_centre_of_its_highest_pixel_in_the_source():
    result = decode("heatmap", {"out": heat_maps((10, 20), (0, 47))}, source=(384, 96))
    assert np.allclose(result.points_xy, [[164, 21], [380, 1]])
    assert result.scores == pytest.approx([0.5, 0.6])


def test_refinement_moves_a_quarter_towards_the_higher_neighbour_but_not_at_the_border():
    value = heat_maps((10, 20), (0, 47))[0]
    value[0, 10, 21], value[0, 9, 20] = 0.3, 0.2
    value[1, 0, 46], value[1, 1, 47] = 0.4, 0.4
    plain, _ = peaks(value, refine=False)
    refined, _ = peaks(value, refine=True)
    assert np.allclose(refined - plain, [[0.25, -0.25], [0, 0]])


def test_the_skeleton_names_every_one_of_its_points():
    for count, edges in SKELETONS.items():
        assert {point for edge in edges for point in edge} == set(range(count))


def test_fourteen_points_have_limbs_and_a_record_may_name_others():
    maps = heat_maps(*[(3, 3)] * 14)
    assert decode("heatmap", {"out": maps}).edges == SKELETONS[14]
    assert decode("heatmap", {"out": maps}, edges=[[0, 13]]).edges == ((0, 13),)
    with pytest.raises(ModelError, match="beyond the 14"):
        decode("heatmap", {"out": maps}, edges=[[0, 14]])


def test_of_several_outputs_the_last_is_read_or_the_one_named():
    outputs = {"first": heat_maps((1, 1)), "second": heat_maps((2, 2))}
    assert decode("heatmap", outputs).points_xy[0, 0] == 10
    assert decode("heatmap", outputs, output="first").points_xy[0, 0] == 6
    with pytest.raises(ModelError, match="'third'"):
        decode("heatmap", outputs, output="third")


def test_segmentation_is_the_highest_channel():
    value = np.zeros((1, 3, 4, 6), np.float32)
    value[0, 2, :, 3:], value[0, 1, 0] = 2, 1
    result = decode("segmentation", {"out": value})
    assert result.class_map.tolist() == [[1, 1, 1, 2, 2, 2], *[[0, 0, 0, 2, 2, 2]] * 3]
    assert result.class_map.dtype == np.int32


def test_segmentation_resized_to_the_source_leaves_the_padding_out():
    value = np.zeros((1, 2, 4, 4), np.float32)
    value[0, 1, :, 1] = 1
    value[0, 1, :, 2:] = 5
    # a source of 2x4 is half as wide as the input: columns 2 and 3 of the map are padding
    result = decode("segmentation", {"out": value}, source=(2, 4), size=(4, 4), placed="letterbox", resize=True)
    assert result.class_map.tolist() == [[0, 1]] * 4


def test_segmentation_needs_two_classes():
    with pytest.raises(ModelError, match="at least 2"):
        decode("segmentation", {"out": np.zeros((1, 1, 4, 4), np.float32)})


def test_tensor_hands_everything_on_and_takes_no_parameters():
    outputs = {"a": np.arange(3.0), "b": np.ones((1, 2))}
    assert decode("tensor", outputs).outputs["a"] is outputs["a"]
    with pytest.raises(ModelError, match="resize"):
        create_decoder(Task("tensor", parameters={"resize": True}), Preparation(size=SIZE))
