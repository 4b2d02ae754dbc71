"""Masks and pictures of the CUDA kernels, emulated, against the numpy reference: to the bit."""

from __future__ import annotations

import ctypes
from itertools import product

import numpy as np
import pytest

from edgeskip.core.contract import SKIP_MASK, Preparation
from edgeskip.core.picture import input_of
from edgeskip.graph.ir import Node
from edgeskip.graph.reference.masks import pass_mask
from edgeskip.graph.reference.resize import COORDINATES, NEAREST

_DEFAULTS = {name: value for name, value in SKIP_MASK.attributes.items() if name != "kind"}


def _emulated(oracle: ctypes.CDLL, attributes: dict, masks: list[np.ndarray]) -> np.ndarray:
    a = {**_DEFAULTS, **attributes}
    names = ("kernel_shape", "strides", "dilations", "pads")
    numbers = [value for name in names for value in a[name]] + [a["ceil_mode"]]
    numbers += [*(a["sizes"] or [0, 0]), *a["starts"], *(a["ends"] or [0, 0]), *a["steps"], a["factor"]]
    scales = np.float32(a["scales"] or [0, 0])
    batch = masks[0].shape[0]
    result, size = np.full(batch * 200 * 200, 77, np.int32), np.zeros(2, np.int32)
    pointers = (ctypes.c_void_p * len(masks))(*(mask.ctypes.data for mask in masks))
    sizes = np.int32([mask.shape[2:] for mask in masks])
    texts = [a[name].encode() for name in ("kind", "mode", "coordinate_transformation_mode", "nearest_mode")]
    rules = np.int32(np.clip(numbers, -(2**31), 2**31 - 1))
    status = oracle.emulate_mask(
        texts[0], _pointer(rules), *texts[1:], _pointer(scales), batch, pointers, _pointer(sizes), len(masks),
        _pointer(result), ctypes.c_int64(result.size), _pointer(size),
    )  # fmt: skip
    assert status == 0
    return result[: batch * size[0] * size[1]].reshape(batch, 1, *size)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _check(oracle: ctypes.CDLL, attributes: dict, *masks: np.ndarray) -> None:
    wanted = pass_mask(Node("SkipMask", [], [], {**_DEFAULTS, **attributes}), masks)
    np.testing.assert_array_equal(_emulated(oracle, attributes, list(masks)), wanted.astype(np.int32), str(attributes))


def _mask(height: int, width: int, share: float = 0.15, batch: int = 2) -> np.ndarray:
    random = np.random.default_rng(height * 100 + width)
    return (random.random((batch, 1, height, width)) < share).astype(np.int32)


def test_union_and_reduce(oracle: ctypes.CDLL) -> None:
    """Masks of one bit per picture broadcast; a union of one is that one."""
    one = np.int32([1, 0]).reshape(2, 1, 1, 1)
    _check(oracle, {"kind": "union"}, _mask(7, 9), _mask(7, 9), one)
    _check(oracle, {"kind": "union"}, _mask(5, 5))
    _check(oracle, {"kind": "reduce"}, _mask(37, 41, 0.0005))
    _check(oracle, {"kind": "reduce"}, np.zeros((2, 1, 8, 8), np.int32))


@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_pool(oracle: ctypes.CDLL, ceil_mode: int) -> None:
    """Windows over the border, strides that do not divide, dilation."""
    for kernel, stride, pad in product([1, 2, 3], [1, 2, 3], [0, 1]):
        if pad < kernel:
            geometry = {
                "kernel_shape": [kernel, 2],
                "strides": [stride, 2],
                "pads": [pad, 0, 0, pad],
                "dilations": [2, 1],
            }
            _check(oracle, {"kind": "pool", "ceil_mode": ceil_mode, **geometry}, _mask(11, 14))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_resize(oracle: ctypes.CDLL, mode: str, coordinates: str) -> None:
    """Every rounding, sizes and scales: ties fall as in ONNX Runtime."""
    for nearest, (height, width), by_scale in product(NEAREST, [(6, 10), (24, 28), (17, 31), (1, 1)], [False, True]):
        rule = {"mode": mode, "coordinate_transformation_mode": coordinates, "nearest_mode": nearest}
        scales = [height / 12, width / 14] if by_scale else []
        _check(oracle, {"kind": "resize", "sizes": [height, width], "scales": scales, **rule}, _mask(12, 14))


def test_slice_pad_upsample(oracle: ctypes.CDLL) -> None:
    """Negative starts and steps, cropping pads."""
    far = 2**31 - 1
    for starts, ends, steps in [
        ([1, 2], [far, 9], [2, 1]),
        ([-3, -1], [far, -far], [1, -2]),
        ([0, 5], [-1, 6], [3, 1]),
    ]:
        _check(oracle, {"kind": "slice", "starts": starts, "ends": ends, "steps": steps}, _mask(11, 14, 0.4))
    for pads in ([1, 2, 3, 4], [-1, 2, 0, -3], [0, 0, 0, 0]):
        _check(oracle, {"kind": "pad", "pads": pads}, _mask(6, 7, 0.4))
    for factor in (1, 2, 3):
        _check(oracle, {"kind": "upsample", "factor": factor}, _mask(6, 7, 0.4))


@pytest.mark.parametrize("color", ["BGR", "RGB", "GRAY"])
@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
def test_picture(oracle: ctypes.CDLL, color: str, resize: str) -> None:
    """Larger, smaller and equal sizes, as float32 in both layouts."""
    means, scales = (103.53, 116.28, 123.675), (0.017429, 0.017507, 0.017125)
    random = np.random.default_rng(3)
    for (width, height), size in product([(64, 48), (33, 97), (1, 1), (200, 113)], [(64, 48), (80, 64), (31, 50)]):
        rules = Preparation(size, color, resize, 114.0, means, scales)
        picture = random.integers(0, 256, (height, width, 3), np.uint8)
        for channels_last in (0, 1):
            found = _prepared(oracle, picture, rules, channels_last)
            np.testing.assert_array_equal(found, input_of(picture, rules), f"{picture.shape} to {size}")


def _prepared(oracle: ctypes.CDLL, picture: np.ndarray, rules: Preparation, channels_last: int) -> np.ndarray:
    height, width = picture.shape[:2]
    shape = (rules.size[1], rules.size[0])
    result = np.full((*shape, rules.channels) if channels_last else (rules.channels, *shape), np.nan, np.float32)
    values = np.float32([rules.pad_value, *rules.mean, *rules.scale])
    status = oracle.emulate_picture(
        _pointer(picture), ctypes.c_int64(picture.strides[0]), height, width, ("BGR", "RGB", "GRAY").index(rules.color),
        ("letterbox", "stretch").index(rules.resize), _pointer(values), _pointer(result), *shape, channels_last,
    )  # fmt: skip
    assert status == 0
    return (result.transpose(2, 0, 1) if channels_last else result)[None]
