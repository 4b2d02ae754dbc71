"""Active pixels of the kernel benchmark: as many as asked for, where they were asked for."""

import numpy as np
import pytest

from edgeskip.core.errors import InputError
from edgeskip.evaluate.conv_masks import changed_inputs, reached
from edgeskip.evaluate.conv_shapes import ConvShape

SHAPES = {
    "3x3": ConvShape(4, 4, 60, 80, (3, 3), pad=(1, 1, 1, 1)),
    "1x1": ConvShape(4, 4, 60, 80, (1, 1)),
    "7x7/2": ConvShape(4, 4, 60, 80, (7, 7), (2, 2), (3, 3, 3, 3)),
    "3x3 dilated": ConvShape(4, 4, 60, 80, (3, 3), pad=(2, 2, 2, 2), dilation=(2, 2)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("pattern", ["patches", "scattered"])
@pytest.mark.parametrize("active", [0.5, 0.1, 0.05])
def test_about_the_asked_share_of_outputs_is_reached(name, pattern, active):
    shape = SHAPES[name]
    masks = changed_inputs(shape, active, pattern, 6)
    shares = [reached(shape, mask).mean() for mask in masks]
    assert np.median(shares) == pytest.approx(active, rel=0.25)
    assert len({mask.tobytes() for mask in masks}) > 1, "it moves"


def test_patches_are_rectangles_and_scattered_pixels_are_not():
    shape = SHAPES["1x1"]
    (patch,) = changed_inputs(shape, 0.1, "patches", 1)
    rows, columns = np.flatnonzero(patch.any(1)), np.flatnonzero(patch.any(0))
    assert patch.sum() == len(rows) * len(columns) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    (scattered,) = changed_inputs(shape, 0.1, "scattered", 1)
    assert scattered.any(1).all(), "a tenth of 4800 pixels leaves no row empty"


def test_everything_active_is_every_pixel_and_a_tiny_picture_has_at_least_one():
    assert all(mask.all() for mask in changed_inputs(SHAPES["3x3"], 1, "patches", 2))
    tiny = ConvShape(4, 4, 1, 1, (1, 1))
    for pattern in ("patches", "scattered"):
        assert changed_inputs(tiny, 0.03, pattern, 1)[0].sum() == 1


def test_reached_is_what_one_pixel_reaches():
    shape = ConvShape(1, 1, 7, 7, (3, 3), (2, 2), (1, 1, 1, 1))
    mask = np.zeros((7, 7), np.uint8)
    mask[3, 2] = 1
    # row 3 is the last tap of output row 1 and the first of row 2; column 2 the middle tap of output column 1
    assert np.argwhere(reached(shape, mask)).tolist() == [[1, 1], [2, 1]]


@pytest.mark.parametrize(("active", "pattern"), [(0, "patches"), (1.5, "patches"), (0.5, "rings")])
def test_what_makes_no_sense_is_refused(active, pattern):
    with pytest.raises(InputError) as caught:
        changed_inputs(SHAPES["1x1"], active, pattern, 1)
    assert caught.value.hint


@pytest.mark.parametrize("pattern", ["patches", "scattered"])
def test_a_pixel_that_the_stride_steps_over_is_never_all_that_changed(pattern):
    shape = ConvShape(8, 8, 14, 14, (1, 1), (2, 2))
    for seed in range(5):
        assert all(reached(shape, mask).any() for mask in changed_inputs(shape, 0.03, pattern, 20, seed))
