"""Mask geometry of the native engine against naive loops, across the edges of its 64-pixel words."""

from __future__ import annotations

import numpy as np
import pytest
from support.native_plan import native, ones, random_mask

WIDTHS = [1, 2, 7, 63, 64, 65, 127, 128, 129, 200]


def run_masks(plan, writes: dict[int, np.ndarray], output: int) -> np.ndarray:
    stream = native.Engine(plan).new_stream()
    for mask, value in writes.items():
        stream.write_mask(mask, value)
    stream.run(0, 1)
    return stream.read_mask(output)


def naive_pool(mask, size, kernel, strides, pads, dilations):
    out = np.zeros(size, np.uint8)
    for y in range(size[0]):
        for x in range(size[1]):
            rows = [y * strides[0] + k * dilations[0] - pads[0] for k in range(kernel[0])]
            columns = [x * strides[1] + k * dilations[1] - pads[1] for k in range(kernel[1])]
            rows = [row for row in rows if 0 <= row < mask.shape[0]]
            columns = [column for column in columns if 0 <= column < mask.shape[1]]
            out[y, x] = mask[np.ix_(rows, columns)].any() if rows and columns else 0
    return out


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("seed", range(6))
def test_pool_is_a_maximum_over_the_window(width: int, seed: int):
    rng = np.random.default_rng((seed, width))
    height = int(rng.integers(1, 12))
    kernel, strides, dilations = (rng.integers(1, 6, 2).tolist() for _ in range(3))
    pads = rng.integers(0, 6, 4).tolist()
    size = [
        (extent + pads[axis] + pads[axis + 2] - (kernel[axis] - 1) * dilations[axis] - 1) // strides[axis] + 1
        for axis, extent in enumerate((height, width))
    ]
    if min(size) < 1:
        pads = [max(pad, (k - 1) * d) for pad, k, d in zip(pads, kernel * 2, dilations * 2, strict=True)]
        size = [
            (extent + pads[axis] + pads[axis + 2] - (kernel[axis] - 1) * dilations[axis] - 1) // strides[axis] + 1
            for axis, extent in enumerate((height, width))
        ]
    plan = native.Plan()
    source, output = plan.add_mask(height, width), plan.add_mask(*size)
    plan.add_mask_pool("pool", source, output, kernel, strides, pads, dilations)
    mask = random_mask(rng, height, width, float(rng.choice([0.02, 0.2, 1.0])))
    expected = naive_pool(mask, size, kernel, strides, pads, dilations)
    assert np.array_equal(run_masks(plan, {source: mask}, output), expected), (kernel, strides, pads, dilations)


@pytest.mark.parametrize("width", WIDTHS)
def test_bits_at_the_edges_stay_within_the_row(width: int):
    """Dilation at the last column may not leak into the padding bits, nor into the next row."""
    plan = native.Plan()
    masks = [plan.add_mask(3, width) for _ in range(3)]
    plan.add_mask_pool("first", masks[0], masks[1], [1, 3], [1, 1], [0, 1, 0, 1], [1, 1])
    plan.add_mask_pool("second", masks[1], masks[2], [1, 3], [1, 1], [0, 1, 0, 1], [1, 1])
    stream = native.Engine(plan).new_stream()
    value = np.zeros((3, width), np.uint8)
    value[1, width - 1] = 1
    stream.write_mask(masks[0], value)
    stream.run(0, 2)
    assert stream.mask_count(masks[1]) == min(width, 2)
    assert stream.mask_count(masks[2]) == min(width, 3)
    assert stream.read_mask(masks[2])[1, -3:].all()


@pytest.mark.parametrize("width", WIDTHS)
def test_union_takes_any_input_and_broadcasts_a_single_bit(width: int):
    rng = np.random.default_rng(width)
    plan = native.Plan()
    first, second, single = plan.add_mask(5, width), plan.add_mask(5, width), plan.add_mask(1, 1)
    output = plan.add_mask(5, width)
    plan.add_mask_union("union", [first, second, single], output)
    masks = random_mask(rng, 5, width, 0.2), random_mask(rng, 5, width, 0.2)
    for bit in (0, 1):
        written = {first: masks[0], second: masks[1], single: np.full((1, 1), bit, np.uint8)}
        assert np.array_equal(run_masks(plan, written, output), masks[0] | masks[1] | bit)
        stream = native.Engine(plan).new_stream()
        for mask, value in written.items():
            stream.write_mask(mask, value)
        stream.run(0, 1)
        assert stream.mask_count(output) == (masks[0] | masks[1] | bit).sum()


@pytest.mark.parametrize("sizes", [(63, 126), (64, 32), (65, 130), (33, 129), (128, 127), (20, 20), (1, 70)])
def test_resize_reads_the_given_ranges(sizes: tuple[int, int]):
    rng = np.random.default_rng(sizes)
    width, out_width = sizes
    height, out_height = 6, 11
    plan = native.Plan()
    source, output = plan.add_mask(height, width), plan.add_mask(out_height, out_width)

    def ranges(inputs: int, outputs: int) -> np.ndarray:
        first = np.arange(outputs) * inputs // outputs
        return np.stack([first, np.minimum(first + 1, inputs - 1)], 1).astype(np.int32)

    rows, columns = ranges(height, out_height), ranges(width, out_width)
    plan.add_mask_resize("resize", source, output, rows, columns)
    mask = random_mask(rng, height, width, 0.1)
    expected = np.array([[mask[r0 : r1 + 1, c0 : c1 + 1].any() for c0, c1 in columns] for r0, r1 in rows])
    assert np.array_equal(run_masks(plan, {source: mask}, output), expected)


@pytest.mark.parametrize("width", WIDTHS)
def test_reduce_says_whether_any_pixel_is_set(width: int):
    plan = native.Plan()
    source, output = plan.add_mask(4, width), plan.add_mask(1, 1)
    plan.add_mask_reduce("reduce", source, output)
    mask = np.zeros((4, width), np.uint8)
    assert run_masks(plan, {source: mask}, output).item() == 0
    mask[3, width - 1] = 1
    assert run_masks(plan, {source: mask}, output).item() == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("offset", "step"), [((0, 0), (1, 1)), ((-2, -3), (1, 1)), ((1, 5), (1, 1)), ((1, 0), (2, 2)),
                                              ((0, 1), (2, 3)), ((4, 6), (-1, -1)), ((0, -70), (1, 1))])  # fmt: skip
def test_window_shifts_and_steps(width: int, offset: tuple[int, int], step: tuple[int, int]):
    rng = np.random.default_rng(width)
    plan = native.Plan()
    source, output = plan.add_mask(6, width), plan.add_mask(7, 131)
    plan.add_mask_window("window", source, output, list(offset), list(step))
    mask = random_mask(rng, 6, width, 0.3)
    expected = np.zeros((7, 131), np.uint8)
    for y in range(7):
        for x in range(131):
            row, column = y * step[0] + offset[0], x * step[1] + offset[1]
            expected[y, x] = mask[row, column] if 0 <= row < 6 and 0 <= column < width else 0
    assert np.array_equal(run_masks(plan, {source: mask}, output), expected)


def test_a_tensor_becomes_a_mask_where_it_is_positive():
    plan = native.Plan()
    x, output = plan.add_tensor(plan.add_buffer(3, 66, 4), 2, 1), plan.add_mask(3, 66)
    plan.add_mask_from_tensor("decide", x, output)
    values = np.random.default_rng(1).standard_normal((1, 3, 66)).astype(np.float32)
    values[0, 0, 0], values[0, 0, 1] = 0.0, np.nan
    stream = native.Engine(plan).new_stream()
    stream.write(x, values)
    stream.run(0, 1)
    assert np.array_equal(stream.read_mask(output), values[0] > 0)


@pytest.mark.parametrize("width", WIDTHS)
def test_masks_are_read_as_written(width: int):
    plan = native.Plan()
    mask = plan.add_mask(5, width)
    stream = native.Engine(plan).new_stream()
    assert stream.mask_count(mask) == 0
    value = random_mask(np.random.default_rng(width), 5, width, 0.5)
    stream.write_mask(mask, value)
    assert np.array_equal(stream.read_mask(mask), value)
    assert stream.mask_count(mask) == value.sum()
    stream.write_mask(mask, ones((5, width)))
    assert stream.mask_count(mask) == 5 * width
