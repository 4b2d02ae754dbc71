"""The blocks that random networks are made of: (builder, tensor) -> tensor, each named for its pattern."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from support.network_builder import NetworkBuilder

SMALLEST_SIZE = 6  # pixels: below it blocks do not shrink the picture further
LARGEST_CHANNELS = 24

Block = Callable[[NetworkBuilder, str], str]


def _pick(builder: NetworkBuilder, *choices: object) -> object:
    return choices[int(builder.random.integers(len(choices)))]


def _is_large(builder: NetworkBuilder, tensor: str) -> bool:
    return min(builder.shapes[tensor][1:]) >= 2 * SMALLEST_SIZE


def _hard_swish(form: int) -> Block:
    def body(builder: NetworkBuilder, tensor: str) -> str:
        ramp = builder.node(
            "Clip", builder.node("Add", tensor, builder.constant(3.0)), builder.constant(0.0), builder.constant(6.0)
        )
        if form == 0:
            return builder.node("Div", builder.node("Mul", tensor, ramp), builder.constant(6.0))
        if form == 1:
            return builder.node("Mul", tensor, builder.node("Mul", ramp, builder.constant(1 / 6)))
        return builder.node("Mul", builder.node("Div", tensor, builder.constant(6.0)), ramp)

    return body


def _hard_swish_by_hard_sigmoid(builder: NetworkBuilder, tensor: str) -> str:
    return builder.node("Mul", builder.node("HardSigmoid", tensor, alpha=1 / 6, beta=0.5), tensor)


def _hard_swish_op(builder: NetworkBuilder, tensor: str) -> str:
    return builder.node("HardSwish", tensor) if builder.opset >= 14 else _hard_swish(0)(builder, tensor)


def _prelu(builder: NetworkBuilder, tensor: str) -> str:
    slope = builder.random.uniform(0.05, 0.4, (builder.channels(tensor), 1, 1))
    return builder.node("PRelu", tensor, builder.constant(slope))


ACTIVATIONS: dict[str, Block] = {
    "none": lambda b, t: t,
    "relu": lambda b, t: b.node("Relu", t),
    "clip": lambda b, t: b.node("Clip", t, b.constant(0.0), b.constant(6.0)),
    "clip_relu": lambda b, t: b.node("Relu", b.node("Clip", t, b.constant(0.0), b.constant(6.0))),
    "clip_low": lambda b, t: b.node("Clip", t, b.constant(-0.5)),
    "min_max": lambda b, t: b.node("Min", b.node("Max", t, b.constant(-1.0)), b.constant(1.0)),
    "leaky_relu": lambda b, t: b.node("LeakyRelu", t, alpha=0.1),
    "leaky_max": lambda b, t: b.node("Max", t, b.node("Mul", t, b.constant(0.1))),
    "prelu": _prelu,
    "silu": lambda b, t: b.node("Mul", t, b.node("Sigmoid", t)),
    "hard_swish": _hard_swish_op,
    "hard_swish_hard_sigmoid": _hard_swish_by_hard_sigmoid,
    "hard_swish_after": _hard_swish(0),
    "hard_swish_gate": _hard_swish(1),
    "hard_swish_before": _hard_swish(2),
    "hard_sigmoid": lambda b, t: b.node("HardSigmoid", t),
    "sigmoid": lambda b, t: b.node("Sigmoid", t),
    "tanh": lambda b, t: b.node("Tanh", t),
    "elu": lambda b, t: b.node("Elu", t),
}


def activate(builder: NetworkBuilder, tensor: str) -> str:
    """Any activation."""
    return ACTIVATIONS[str(_pick(builder, *ACTIVATIONS))](builder, tensor)


def plain(builder: NetworkBuilder, tensor: str) -> str:
    """Conv, perhaps BatchNormalization, activation; stride, dilation and asymmetric pads at random."""
    stride = int(_pick(builder, 1, 1, 2)) if _is_large(builder, tensor) else 1
    kernel = int(_pick(builder, 1, 3, 3, 5))
    dilation = int(_pick(builder, 1, 1, 2)) if kernel == 3 else 1
    pads = (0, 1, 2, 1) if kernel == 3 and dilation == 1 and builder.random.random() < 0.3 else None
    channels = int(_pick(builder, 8, 12, 16, LARGEST_CHANNELS))
    with_norm = builder.random.random() < 0.5
    out = builder.conv(tensor, channels, kernel, stride, dilation, pads=pads, bias=not with_norm)
    return activate(builder, builder.batch_norm(out) if with_norm else out)


def separable(builder: NetworkBuilder, tensor: str) -> str:
    """Depthwise then pointwise, each with its activation."""
    channels, size = builder.channels(tensor), int(_pick(builder, 3, 5))
    stride = 2 if _is_large(builder, tensor) and builder.random.random() < 0.3 else 1
    out = activate(builder, builder.batch_norm(builder.conv(tensor, channels, size, stride, group=channels)))
    return activate(builder, builder.conv(out, int(_pick(builder, 8, 16)), kernel=1))


def grouped(builder: NetworkBuilder, tensor: str) -> str:
    """Two groups, where the channels allow it."""
    group = 2 if builder.channels(tensor) % 2 == 0 else 1
    return activate(builder, builder.conv(tensor, 12, group=group))


def transposed(builder: NetworkBuilder, tensor: str) -> str:
    """A transposed convolution by 2, then one that brings the size back."""
    kernel, output_padding = (4, 0) if builder.random.random() < 0.5 else (3, 1)
    group = 2 if builder.channels(tensor) % 2 == 0 and builder.random.random() < 0.5 else 1
    out = builder.conv_transpose(tensor, 8, kernel, 2, 1, output_padding, group)
    out = activate(builder, builder.batch_norm(out) if builder.random.random() < 0.5 else out)
    return activate(builder, builder.conv(out, 8, stride=2))


def same_padded(builder: NetworkBuilder, tensor: str) -> str:
    """auto_pad, or a Pad node before the convolution or the pooling."""
    stride = 2 if _is_large(builder, tensor) else 1
    if builder.random.random() < 0.5:
        return activate(
            builder, builder.conv(tensor, 8, 3, stride, auto_pad=str(_pick(builder, "SAME_UPPER", "SAME_LOWER")))
        )
    channels, height, width = builder.shapes[tensor]
    padded = builder.node(
        "Pad",
        tensor,
        builder.integers(0, 0, 0, 0, 0, 0, 1, 1),
        builder.constant(0.0),
        shape=(channels, height + 1, width + 1),
    )
    return activate(builder, builder.conv(padded, 8, 3, stride, pads=(1, 1, 1, 1)))


def residual(builder: NetworkBuilder, tensor: str) -> str:
    """A residual block, activated after the Add or not at all."""
    channels = builder.channels(tensor)
    inner = builder.conv(activate(builder, builder.conv(tensor, channels)), channels, kernel=1)
    operands = [inner, tensor] if builder.random.random() < 0.5 else [tensor, inner]
    return activate(builder, builder.node("Add", *operands))


def projected_residual(builder: NetworkBuilder, tensor: str) -> str:
    """Both branches end in a convolution."""
    out = builder.node("Add", builder.conv(tensor, 8), builder.batch_norm(builder.conv(tensor, 8, kernel=1)))
    return activate(builder, out)


def activated_residual(builder: NetworkBuilder, tensor: str) -> str:
    """The convolution is activated before the Add, which therefore stays."""
    return builder.node("Add", builder.node("Relu", builder.conv(tensor, builder.channels(tensor))), tensor)


def pre_activated(builder: NetworkBuilder, tensor: str) -> str:
    """BatchNormalization and activation before the convolution (DenseNet)."""
    out = activate(builder, builder.batch_norm(tensor))
    return builder.concat(builder.conv(out, 6), builder.conv(tensor, 6, kernel=1))


def csp(builder: NetworkBuilder, tensor: str) -> str:
    """Split in halves, one of them processed, concatenated."""
    half = builder.channels(tensor) // 2
    first, second = builder.split(tensor, half, builder.channels(tensor) - half)
    return activate(builder, builder.conv(builder.concat(activate(builder, builder.conv(first, half)), second), 12, 1))


def shuffle(builder: NetworkBuilder, tensor: str) -> str:
    """Channel shuffle by Reshape, Transpose, Reshape, then half of the channels by Slice."""
    tensor = builder.conv(tensor, 12, kernel=1)
    channels, height, width = builder.shapes[tensor]
    merged = builder.random.random() < 0.5
    inner = [2, channels // 2, height * width] if merged else [2, channels // 2, height, width]
    out = builder.node("Reshape", tensor, builder.integers(0 if builder.batch == 1 else -1, *inner))
    out = builder.node("Transpose", out, perm=[0, 2, 1, 3] if merged else [0, 2, 1, 3, 4])
    out = builder.node("Reshape", out, builder.integers(-1, channels, height, width), shape=(channels, height, width))
    processed = activate(builder, builder.conv(builder.slice(out, 1, 0, channels // 2), 6))
    return builder.concat(processed, builder.slice(out, 1, channels // 2, channels))


def focus(builder: NetworkBuilder, tensor: str) -> str:
    """The four pixels of each 2x2 block as channels, by strided Slices, then a convolution."""
    if not _is_large(builder, tensor) or any(size % 2 for size in builder.shapes[tensor][1:]):
        return plain(builder, tensor)
    last = np.iinfo(np.int64).max
    parts = [
        builder.slice(builder.slice(tensor, 2, row, last, 2), 3, column, last, 2)
        for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))
    ]
    return activate(builder, builder.conv(builder.concat(*parts), 8))


def space_to_depth(builder: NetworkBuilder, tensor: str) -> str:
    """SpaceToDepth, with or without a convolution right behind."""
    if not _is_large(builder, tensor) or any(size % 2 for size in builder.shapes[tensor][1:]):
        return plain(builder, tensor)
    channels, height, width = builder.shapes[tensor]
    out = builder.node("SpaceToDepth", tensor, shape=(channels * 4, height // 2, width // 2), blocksize=2)
    return builder.conv(builder.node("Tanh", out) if builder.random.random() < 0.5 else out, 8)


def pooled(builder: NetworkBuilder, tensor: str) -> str:
    """Max or average pooling; stride 2 where the picture is large."""
    channels, height, width = builder.shapes[tensor]
    stride = 2 if _is_large(builder, tensor) else 1
    shape = (channels, (height - 1) // stride + 1, (width - 1) // stride + 1)
    geometry = {"kernel_shape": [3, 3], "strides": [stride] * 2, "pads": [1] * 4}
    if builder.random.random() < 0.5:
        return builder.node("MaxPool", tensor, shape=shape, **geometry)
    return builder.node("AveragePool", tensor, shape=shape, count_include_pad=int(_pick(builder, 0, 1)), **geometry)


def spatial_pyramid(builder: NetworkBuilder, tensor: str) -> str:
    """Max pools of several sizes side by side (SPP)."""
    tensor = builder.conv(tensor, 6, kernel=1)
    pools = [
        builder.node("MaxPool", tensor, kernel_shape=[size] * 2, strides=[1, 1], pads=[size // 2] * 4)
        for size in (3, 5)
    ]
    return activate(builder, builder.conv(builder.concat(tensor, *pools), 8, kernel=1))


def resized(builder: NetworkBuilder, tensor: str) -> str:
    """Down by 2 and up again, nearest or linear, added to the input of the same size."""
    channels, height, width = builder.shapes[tensor]
    if height % 2 or width % 2:
        return plain(builder, tensor)
    down = builder.conv(tensor, channels, 3, 2)
    mode = str(_pick(builder, "nearest", "linear"))
    rounding = {"nearest_mode": "floor"} if mode == "nearest" else {}
    region = "" if builder.opset >= 13 else builder.constant([])
    up = builder.node(
        "Resize", down, region, builder.constant([1, 1, 2, 2]), shape=(channels, height, width), mode=mode,
        coordinate_transformation_mode=str(_pick(builder, "asymmetric", "half_pixel")), **rounding,
    )  # fmt: skip
    return builder.node("Add", up, builder.conv(tensor, channels, kernel=1))


def squeeze_excite(builder: NetworkBuilder, tensor: str) -> str:
    """Global mean, two pointwise convolutions, a gate on each channel (Hu et al. 2018)."""
    channels = builder.channels(tensor)
    if builder.random.random() < 0.5:
        mean = builder.node("GlobalAveragePool", tensor, shape=(channels, 1, 1))
    elif builder.opset >= 18:
        mean = builder.node("ReduceMean", tensor, builder.integers(2, 3), shape=(channels, 1, 1), keepdims=1)
    else:
        mean = builder.node("ReduceMean", tensor, shape=(channels, 1, 1), axes=[-2, -1], keepdims=1)
    inner = activate(builder, builder.conv(mean, 4, kernel=1))
    gate = builder.node(str(_pick(builder, "Sigmoid", "HardSigmoid")), builder.conv(inner, channels, kernel=1))
    return builder.node("Mul", tensor, gate)


def scaled(builder: NetworkBuilder, tensor: str) -> str:
    """Constants per channel after a convolution, by Mul and Add."""
    out = builder.conv(tensor, 8, kernel=1)
    out = builder.node("Mul", out, builder.constant(builder.random.uniform(0.5, 1.5, (1, 8, 1, 1))))
    return activate(builder, builder.node("Add", builder.constant(builder.random.standard_normal((8, 1, 1))), out))


def weighted_sum(builder: NetworkBuilder, tensor: str) -> str:
    """BiFPN's fusion: maps weighed by constants, divided by their sum (Tan et al. 2020), then swish."""
    parts = [builder.conv(tensor, 8), builder.conv(tensor, 8, kernel=1)]
    weighed = [
        builder.node("Mul", part, builder.constant(weight)) for part, weight in zip(parts, (0.7, 0.4), strict=True)
    ]
    out = builder.node("Div", builder.node("Add", *weighed), builder.constant(1.1))
    return builder.conv(builder.node("Mul", out, builder.node("Sigmoid", out)), 8)


def dropped(builder: NetworkBuilder, tensor: str) -> str:
    """Identity and Dropout, as exporters leave them."""
    out = builder.conv(tensor, 8, kernel=1)
    return activate(builder, builder.node("Identity", builder.node("Dropout", builder.node("Identity", out))))


BLOCKS: dict[str, Block] = {
    block.__name__: block
    for block in (
        plain, separable, grouped, transposed, same_padded, residual, projected_residual, activated_residual,
        pre_activated, csp, shuffle, focus, space_to_depth, pooled, spatial_pyramid, resized, squeeze_excite, scaled,
        weighted_sum, dropped,
    )
}  # fmt: skip
