"""Preparation: the formula, the letterbox, the colour order, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from edgeskip.core.contract import Preparation
from edgeskip.core.errors import InputError
from edgeskip.video import prepare


def _picture(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("color", ["BGR", "RGB", "GRAY"])
def test_value_is_pixel_minus_mean_times_scale(color: str) -> None:
    picture = _picture(64, 32)
    preparation = Preparation((64, 32), color, mean=(104.0, 117.0, 123.0), scale=(1 / 57, 1 / 58, 0.3))
    array, _ = prepare(picture, preparation)
    channels = {"BGR": picture, "RGB": picture[..., ::-1]}.get(color)
    if channels is None:
        gray = picture @ np.array([0.114, 0.587, 0.299])
        np.testing.assert_allclose(array[0, 0], (gray - 104.0) / 57, atol=0.6 / 57)
        assert array.shape == (1, 1, 32, 64)
        return
    mean, scale = np.float32(preparation.mean), np.float32(preparation.scale)
    np.testing.assert_array_equal(array[0], ((channels.astype(np.float32) - mean) * scale).transpose(2, 0, 1))
    assert array.dtype == np.float32
    assert array.flags.c_contiguous


@pytest.mark.parametrize("source_size", [(640, 384), (300, 700), (17, 9), (1920, 1080)])
def test_letterbox_keeps_the_aspect_and_pads_right_and_below(source_size: tuple[int, int]) -> None:
    picture = np.full((source_size[1], source_size[0], 3), 200, np.uint8)
    array, placement = prepare(picture, Preparation((96, 64), pad_value=114.0))
    width, height = round(source_size[0] * placement.scale_x), round(source_size[1] * placement.scale_y)
    assert placement.scale_x == placement.scale_y
    assert max(width / 96, height / 64) == pytest.approx(1.0, abs=0.02)
    assert np.all(array[:, :, :height, :width] == 200)
    assert np.all(array[:, :, height:] == 114)
    assert np.all(array[:, :, :, width:] == 114)


def test_stretch_fills_the_input() -> None:
    array, placement = prepare(np.full((50, 100, 3), 7, np.uint8), Preparation((96, 64), resize="stretch"))
    assert np.all(array == 7)
    np.testing.assert_allclose(placement.to_source(np.float32([[96, 64]])), [[100, 50]])


def test_points_return_to_where_they_were() -> None:
    picture = np.zeros((384, 640, 3), np.uint8)
    picture[200:210, 400:410] = 255
    array, placement = prepare(picture, Preparation((384, 224)))
    rows, columns = np.nonzero(array[0, 0] > 128)
    found = placement.to_source(np.float32([[columns.mean() + 0.5, rows.mean() + 0.5]]))
    np.testing.assert_allclose(found, [[405, 205]], atol=1.5)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(InputError, match="uint8"):
        prepare(picture, Preparation((8, 8)))
