"""Random convolutional networks as ONNX, for property tests: every pattern that exporters write, in any mix.

`random_network(seed)` is a function of its arguments alone. Weights are scaled so that activations
stay of the order of one, whatever the depth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from support.network_blocks import BLOCKS
from support.network_builder import NetworkBuilder


def random_network(
    seed: int,
    opset: int = 17,
    height: int = 32,
    width: int = 40,
    batch: int | str = 1,
    blocks: int = 7,
    only: tuple[str, ...] | None = None,
) -> onnx.ModelProto:
    """A network with input `picture` [batch,3,height,width] and one or two outputs.

    Args:
        seed: chooses blocks, geometry and weights.
        batch: a number, or the name of a symbolic dimension.
        blocks: how many blocks follow the stem.
        only: names of `BLOCKS` to choose from; all by default.
    """
    builder = NetworkBuilder(seed, opset, batch)
    tensor = builder.input("picture", 3, height, width)
    tensor = builder.stem(tensor)
    names = sorted(only or BLOCKS)
    skip = tensor
    for index in range(blocks):
        name = names[int(builder.random.integers(len(names)))]
        tensor = BLOCKS[name](builder, tensor)
        if index == blocks // 2:
            skip = tensor
    builder.output(tensor)
    if builder.random.random() < 0.5 and skip != tensor:
        builder.output(builder.conv(skip, builder.channels(skip), kernel=1))
    return builder.build()


def network_of(
    body: Callable[[NetworkBuilder, str], str],
    shape: tuple[int, int, int] = (4, 8, 10),
    opset: int = 17,
    batch: int | str = 1,
    seed: int = 0,
) -> onnx.ModelProto:
    """A network whose one output is `body(builder, picture)`; `shape` is the picture's [C,H,W]."""
    builder = NetworkBuilder(seed, opset, batch)
    builder.output(body(builder, builder.input("picture", *shape)))
    return builder.build()


def random_picture(model: onnx.ModelProto, seed: int, batch: int = 1) -> np.ndarray:
    """A normally distributed picture for the network's first input; a symbolic batch becomes `batch`."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    shape = [dim.dim_value or batch for dim in dims]
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
