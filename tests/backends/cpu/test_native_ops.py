"""The native engine's other ops against numpy: exactly the active pixels are computed."""

from __future__ import annotations

import numpy as np
import pytest
from support.native_plan import EMPTY, native, new_tensor, ones, random_mask


def check_active(plan, inputs, y, mask, expected: np.ndarray, *, tolerance: float = 2e-6, **options) -> None:
    """Only pixels of `mask` become `expected` [C, H, W]; the others stay unknown."""
    rng = np.random.default_rng(expected.shape)
    stream = native.Engine(plan, **options).new_stream()
    for tensor, value in inputs.items():
        stream.write(tensor, value)
    active = random_mask(rng, *expected.shape[1:], 0.4)
    if active.size == 1:
        active[:] = 1
    before = stream.read(y)
    stream.write_mask(mask, np.zeros_like(active))
    stream.run(0, 1)
    np.testing.assert_array_equal(stream.read(y), before)
    assert stream.active_pixels()[0] == 0
    stream.write_mask(mask, active)
    stream.run(0, 1)
    after = stream.read(y)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(after[:, active == 1], expected[:, active == 1], rtol=0, atol=tolerance * scale)
    np.testing.assert_array_equal(after[:, active == 0], before[:, active == 0])
    assert stream.active_pixels()[0] == active.sum()


def picture(seed: int, channels: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((channels, height, width)).astype(np.float32)


FUNCTIONS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "max": np.maximum, "min": np.minimum,
    "pow": np.power,
}  # fmt: skip


@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("shapes", [((18, 7, 66), (18, 7, 66)), ((18, 7, 66), (18, 1, 1)), ((18, 1, 1), (18, 7, 66)),
                                    ((18, 7, 66), (1, 7, 66)), ((1, 7, 66), (18, 1, 1)), ((18, 7, 66), (1, 1, 1)),
                                    ((1, 7, 66), (1, 7, 66)), ((300, 1, 1), (300, 1, 1))])  # fmt: skip
def test_binary_broadcasts_pixels_and_channels(kind: str, shapes):
    values = [np.abs(picture(index, *shape)) + 0.1 for index, shape in enumerate(shapes)]
    expected = np.maximum(FUNCTIONS[kind](*[value.astype(np.float64) for value in values]) - 0.5, 0) + 0.5
    plan = native.Plan()
    a, b = (new_tensor(plan, *shape[1:], shape[0])[0] for shape in shapes)
    y, mask = new_tensor(plan, *expected.shape[1:], expected.shape[0])
    plan.add_binary("op", kind, a, b, y, mask, "clip", np.array([0.5], np.float32), 1e30)
    check_active(plan, {a: values[0], b: values[1]}, y, mask, expected, tolerance=5e-6)


@pytest.mark.parametrize("kind", ["sub", "div", "pow"])
@pytest.mark.parametrize("reverse", [False, True])
def test_binary_with_a_constant_keeps_the_order(kind: str, reverse: bool):
    x, constant = np.abs(picture(1, 20, 6, 65)) + 0.2, np.abs(picture(2, 20, 1, 1)) + 0.2
    operands = [constant.astype(np.float64), x] if reverse else [x.astype(np.float64), constant]
    plan = native.Plan()
    a, _ = new_tensor(plan, 6, 65, 20)
    y, mask = new_tensor(plan, 6, 65, 20)
    plan.add_binary_constant("op", kind, a, constant.reshape(-1), reverse, y, mask, "none", EMPTY, 0.0)
    check_active(plan, {a: x}, y, mask, FUNCTIONS[kind](*operands), tolerance=5e-6)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


SLOPES = np.linspace(0, 1, 21).astype(np.float32)
UNARY = {
    "none": (EMPTY, 0.0, lambda x: x),
    "relu": (EMPTY, 0.0, lambda x: np.maximum(x, 0)),
    "clip": (np.array([-0.5], np.float32), 1.0, lambda x: np.clip(x, -0.5, 1.0)),
    "leaky_relu": (np.array([0.1], np.float32), 0.0, lambda x: np.where(x > 0, x, x * np.float32(0.1))),
    "prelu": (SLOPES, 0.0, lambda x: np.where(x > 0, x, x * SLOPES[:, None, None])),
    "silu": (EMPTY, 0.0, lambda x: x * sigmoid(x)),
    "hard_swish": (EMPTY, 0.0, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "hard_sigmoid": (np.array([0.25], np.float32), 0.4, lambda x: np.clip(0.25 * x + 0.4, 0, 1)),
    "sigmoid": (EMPTY, 0.0, sigmoid),
    "tanh": (EMPTY, 0.0, np.tanh),
    "exp": (EMPTY, 0.0, np.exp),
    "sqrt": (EMPTY, 0.0, np.sqrt),
    "neg": (EMPTY, 0.0, np.negative),
    "abs": (EMPTY, 0.0, np.abs),
    "reciprocal": (EMPTY, 0.0, lambda x: 1 / x),
    "log": (EMPTY, 0.0, np.log),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNARY)
def test_unary(kind: str):
    alpha, beta, function = UNARY[kind]
    x = picture(3, 21, 5, 67) * 3
    if kind in ("sqrt", "log", "reciprocal"):
        x = np.abs(x) + 0.1
    plan = native.Plan()
    source, _ = new_tensor(plan, 5, 67, 21)
    y, mask = new_tensor(plan, 5, 67, 21)
    plan.add_unary("op", source, y, mask, kind, alpha, beta)
    check_active(plan, {source: x}, y, mask, function(x.astype(np.float64)), tolerance=5e-6)


@pytest.mark.parametrize("channels", [1, 19, 300])
def test_chain_equals_its_ops_one_after_the_other(channels: int):
    """Operands: a picture, one read at half its size, a vector, a picture of one channel."""
    x, small, vector, plane = (picture(index, *shape) for index, shape in enumerate(
        [(channels, 8, 66), (channels, 4, 33), (channels, 1, 1), (1, 8, 66)]))  # fmt: skip
    plan = native.Plan()
    a, b, c, d = (new_tensor(plan, *value.shape[1:], value.shape[0])[0] for value in (x, small, vector, plane))
    y, mask = new_tensor(plan, 8, 66, channels)
    rows, columns = np.arange(8, dtype=np.int32) // 2, np.arange(66, dtype=np.int32) // 2
    steps = [
        ("mul", 0, 2, "none", EMPTY, 0.0),
        ("add", 4, 1, "none", EMPTY, 0.0),
        ("unary", 5, 0, "sigmoid", EMPTY, 0.0),
        ("sub", 3, 4, "relu", EMPTY, 0.0),
        ("mul", 5, 6, "none", EMPTY, 0.0),
        ("max", 8, 7, "none", EMPTY, 0.0),
    ]
    plan.add_chain("chain", [(a, None), (b, (rows, columns)), (c, None), (d, None)], steps, y, mask)
    product = x.astype(np.float64) * vector
    total = product + small[:, rows][:, :, columns]
    expected = np.maximum(total * sigmoid(total), np.maximum(plane - product, 0))
    check_active(plan, {a: x, b: small, c: vector, d: plane}, y, mask, expected, tolerance=5e-6)


@pytest.mark.parametrize(("operands", "steps", "message"), [
    ([], [("unary", 0, 0)], "operands or steps are empty"),
    ([(0, None)], [], "operands or steps are empty"),
    ([(0, None)], [("add", 0, 1)], "a step reads value 1 of 1"),
    ([(0, None)], [("twice", 0, 0)], "unknown kind 'twice'"),
    ([(1, None)], [("unary", 0, 0)], "share channels"),
    ([(2, None)], [("unary", 0, 0)], "an operand is 3x4, expected 6x8"),
    ([(2, ([0] * 6, [4] * 8))], [("unary", 0, 0)], "columns read 4 of 4"),
    ([(2, ([0] * 5, [0] * 8))], [("unary", 0, 0)], "rows have 5 entries, expected 6"),
])  # fmt: skip
def test_chain_refuses_what_it_could_not_read(operands, steps, message: str):
    plan = native.Plan()
    new_tensor(plan, 6, 8, 5)
    y, mask = new_tensor(plan, 6, 8, 5)
    new_tensor(plan, 3, 4, 5)
    given = [(id, reads and tuple(np.array(axis, np.int32) for axis in reads)) for id, reads in operands]
    with pytest.raises(ValueError, match=message):
        plan.add_chain("chain", given, [(*step, "none", EMPTY, 0.0) for step in steps], y, mask)


def naive_pool(x, kind, size, kernel, strides, pads, dilations, count_include_pad):
    out = np.zeros((x.shape[0], *size))
    height, width = x.shape[1:]
    for oy in range(size[0]):
        for ox in range(size[1]):
            rows = [oy * strides[0] - pads[0] + k * dilations[0] for k in range(kernel[0])]
            columns = [ox * strides[1] - pads[1] + k * dilations[1] for k in range(kernel[1])]
            padded = (sum(-pads[0] <= row < height + pads[2] for row in rows)
                      * sum(-pads[1] <= column < width + pads[3] for column in columns))  # fmt: skip
            part = x[:, [r for r in rows if 0 <= r < height]][:, :, [c for c in columns if 0 <= c < width]]
            part = part.reshape(x.shape[0], -1).astype(np.float64)
            divisor = padded if count_include_pad else part.shape[1]
            out[:, oy, ox] = part.max(1) if kind == "max" else part.sum(1) / divisor
    return out


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("geometry", [((3, 3), [2, 2], [1, 1, 1, 1], [1, 1]), ((2, 2), [2, 2], [0, 0, 0, 0], [1, 1]),
                                      ((5, 5), [1, 1], [2, 2, 2, 2], [1, 1]), ((2, 3), [1, 2], [0, 1, 1, 0], [2, 1]),
                                      ((13, 13), [1, 1], [6, 6, 6, 6], [1, 1])])  # fmt: skip
@pytest.mark.parametrize("count_include_pad", [False, True])
def test_pool(kind: str, geometry, count_include_pad: bool):
    kernel, strides, pads, dilations = geometry
    size = [(extent + pads[axis] + pads[axis + 2] - (kernel[axis] - 1) * dilations[axis] - 1) // strides[axis] + 1
            for axis, extent in enumerate((14, 66))]  # fmt: skip
    x = picture(4, 19, 14, 66) - 2
    plan = native.Plan()
    source, _ = new_tensor(plan, 14, 66, 19)
    y, mask = new_tensor(plan, *size, 19)
    plan.add_pool("pool", kind, source, y, mask, list(kernel), strides, pads, dilations, count_include_pad)
    expected = naive_pool(x, kind, size, kernel, strides, pads, dilations, count_include_pad)
    check_active(plan, {source: x}, y, mask, expected)


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("threads", [1, 3])
def test_global_pool(kind: str, threads: int):
    x = picture(5, 37, 40, 70) + 3
    plan = native.Plan()
    source, _ = new_tensor(plan, 40, 70, 37)
    y, mask = new_tensor(plan, 1, 1, 37)
    plan.add_global_pool("pool", kind, source, y, mask)
    expected = x.astype(np.float64).max((1, 2)) if kind == "max" else x.astype(np.float64).mean((1, 2))
    check_active(plan, {source: x}, y, mask, expected[:, None, None], threads=threads)


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("width", [20, 70, 150])
def test_global_pool_reads_only_what_changed_and_equals_pooling_everything(kind: str, width: int):
    rng = np.random.default_rng(width)
    plan = native.Plan()
    source, mask_x = new_tensor(plan, 24, width, 9)
    y, mask = new_tensor(plan, 1, 1, 9)
    plan.add_global_pool("pool", kind, source, y, mask, mask_x)
    engine = native.Engine(plan)
    stream, x = engine.new_stream(), picture(5, 9, 24, width)
    stream.write_mask(mask, ones((1, 1)))
    for share in (1.0, 0.01, 0.3, 0.0):
        changed = (rng.random((24, width)) < share).astype(np.uint8)
        x = np.where(changed, rng.standard_normal(x.shape).astype(np.float32), x)
        stream.write(source, x)
        stream.write_mask(mask_x, changed)
        stream.run(0, 1)
        fresh = engine.new_stream()
        fresh.write(source, x)
        for id, size in ((mask_x, (24, width)), (mask, (1, 1))):
            fresh.write_mask(id, ones(size))
        fresh.run(0, 1)
        np.testing.assert_array_equal(stream.read(y), fresh.read(y))
        expected = x.astype(np.float64).max((1, 2)) if kind == "max" else x.astype(np.float64).mean((1, 2))
        np.testing.assert_allclose(stream.read(y)[:, 0, 0], expected, atol=1e-6)
    # a change that the mask does not name is not read
    stream.write(source, x + 1)
    before = stream.read(y)
    stream.run(0, 1)
    np.testing.assert_array_equal(stream.read(y), before)


@pytest.mark.parametrize("nearest", [False, True])
def test_resize_blends_the_given_rows_and_columns(nearest: bool):
    x = picture(6, 17, 8, 33)

    def axis(inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        position = np.clip((np.arange(outputs) + 0.5) * inputs / outputs - 0.5, 0, inputs - 1)
        first = np.floor(position).astype(np.int32)
        share = np.zeros(outputs) if nearest else position - first
        reads = np.stack([first, np.minimum(first + 1, inputs - 1)], 1).astype(np.int32)
        return reads, np.stack([1 - share, share], 1).astype(np.float32)

    rows, row_weights = axis(8, 16)
    columns, column_weights = axis(33, 70)
    matrix_rows, matrix_columns = np.zeros((16, 8)), np.zeros((70, 33))
    for corner in range(2):
        np.add.at(matrix_rows, (np.arange(16), rows[:, corner]), row_weights[:, corner])
        np.add.at(matrix_columns, (np.arange(70), columns[:, corner]), column_weights[:, corner])
    expected = np.einsum("yh,chw,xw->cyx", matrix_rows, x, matrix_columns)
    plan = native.Plan()
    source, _ = new_tensor(plan, 8, 33, 17)
    y, mask = new_tensor(plan, 16, 70, 17)
    plan.add_resize("resize", source, y, mask, rows, row_weights, columns, column_weights)
    check_active(plan, {source: x}, y, mask, expected)


def test_gather_picks_channels_and_copies():
    x = picture(7, 12, 5, 66)
    for indices in (np.array([11, 0, 5, 5, 2], np.int32), None):
        expected = x if indices is None else x[indices]
        plan = native.Plan()
        source, _ = new_tensor(plan, 5, 66, 12)
        y, mask = new_tensor(plan, 5, 66, len(expected))
        plan.add_gather("gather", source, y, mask, indices)
        check_active(plan, {source: x}, y, mask, expected, tolerance=0)


def test_space_to_depth_orders_channels_as_onnx():
    x = picture(8, 3, 6, 68)
    expected = x.reshape(3, 3, 2, 34, 2).transpose(2, 4, 0, 1, 3).reshape(12, 3, 34)
    plan = native.Plan()
    source, _ = new_tensor(plan, 6, 68, 3)
    y, mask = new_tensor(plan, 3, 34, 12)
    plan.add_space_to_depth("s2d", source, y, mask, 2)
    check_active(plan, {source: x}, y, mask, expected, tolerance=0)


@pytest.mark.parametrize("column_row_depth", [False, True])
def test_depth_to_space_orders_channels_as_onnx(column_row_depth: bool):
    x = picture(9, 12, 3, 34)
    if column_row_depth:
        expected = x.reshape(3, 2, 2, 3, 34).transpose(0, 3, 1, 4, 2)
    else:
        expected = x.reshape(2, 2, 3, 3, 34).transpose(2, 3, 0, 4, 1)
    plan = native.Plan()
    source, _ = new_tensor(plan, 3, 34, 12)
    y, mask = new_tensor(plan, 6, 68, 3)
    plan.add_depth_to_space("d2s", source, y, mask, 2, column_row_depth)
    check_active(plan, {source: x}, y, mask, expected.reshape(3, 6, 68), tolerance=0)


@pytest.mark.parametrize(("offset", "step"), [((0, 1), (2, 2)), ((-1, -2), (1, 1)), ((5, 33), (-1, -1))])
def test_window_reads_value_outside(offset, step):
    x = picture(10, 18, 6, 34)
    expected = np.full((18, 7, 40), 7.5)
    for row in range(7):
        for column in range(40):
            r, c = row * step[0] + offset[0], column * step[1] + offset[1]
            if 0 <= r < 6 and 0 <= c < 34:
                expected[:, row, column] = x[:, r, c]
    plan = native.Plan()
    source, _ = new_tensor(plan, 6, 34, 18)
    y, mask = new_tensor(plan, 7, 40, 18)
    plan.add_window("window", source, y, mask, list(offset), list(step), 7.5)
    check_active(plan, {source: x}, y, mask, expected, tolerance=0)


def test_ops_on_one_mask_follow_its_changes_within_a_frame():
    """The list of active pixels is kept between ops on one mask: it must not outlive the mask."""
    plan = native.Plan()
    source, first = new_tensor(plan, 4, 66, 8)
    y, mask = new_tensor(plan, 4, 66, 8)
    z = plan.add_tensor(plan.add_buffer(4, 66, 8), 0, 8)
    plan.add_mask_union("one", [first], mask)
    plan.add_gather("copy", source, y, mask, None)
    plan.add_mask_pool("grow", first, mask, [1, 3], [1, 1], [0, 1, 0, 1], [1, 1])
    plan.add_gather("copy_more", source, z, mask, None)
    stream = native.Engine(plan).new_stream()
    stream.write(source, picture(11, 8, 4, 66))
    value = np.zeros((4, 66), np.uint8)
    value[2, 64] = 1
    for column in (64, 10):
        value[:] = 0
        value[2, column] = 1
        stream.write_mask(first, value)
        stream.run(0, 4)
        assert stream.active_pixels().tolist() == [0, 1, 0, 3]
    assert (~np.isnan(stream.read(y)[0])).sum() == 2
    assert (~np.isnan(stream.read(z)[0])).sum() == 6


def test_channel_views_share_a_buffer():
    """Pooling from one range of channels into another is how SPP's concat is written in place."""
    plan = native.Plan()
    buffer = plan.add_buffer(9, 10, 32)
    x, y = plan.add_tensor(buffer, 0, 16), plan.add_tensor(buffer, 16, 16)
    mask = plan.add_mask(9, 10)
    plan.add_pool("pool", "max", x, y, mask, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], False)
    stream = native.Engine(plan).new_stream()
    values = picture(12, 16, 9, 10)
    stream.write(x, values)
    stream.write_mask(mask, ones((9, 10)))
    stream.run(0, 1)
    expected = naive_pool(values, "max", (9, 10), (3, 3), [1, 1], [1, 1, 1, 1], [1, 1], False)
    np.testing.assert_array_equal(stream.read(y), expected.astype(np.float32))
    whole = plan.add_tensor(buffer, 0, 32)
    stream = native.Engine(plan).new_stream()
    stream.write(whole, np.concatenate([values, values]))
    np.testing.assert_array_equal(stream.read(y), values)
