"""What a chain of Reshape, Transpose, Slice, Gather, Split and Concat does to a picture, found by running it.

A picture whose values are their own positions goes through the chain. Where the result is a
choice of channels, or of channels and pixels of each block, the chain can be written as one op,
whichever of the many ways an exporter chose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from edgeskip.graph.ir import Dim, Graph, Node
from edgeskip.graph.passes.evaluate import evaluate_node
from edgeskip.graph.passes.links import Links

LARGEST_PICTURE = 1 << 25  # elements followed at most: 256 MB of positions
LONGEST_CHAIN = 16
_MOVES = {
    "Reshape", "Transpose", "Slice", "Gather", "Split", "Squeeze", "Unsqueeze", "Flatten", "Concat",
    "SpaceToDepth", "DepthToSpace", "Identity",
}  # fmt: skip

Shape4 = tuple[int, int, int, int]


def moves_only(graph: Graph, node: Node | None) -> bool:
    """Whether `node` only moves values of its data inputs, by constant rules."""
    if node is None or node.domain or node.op_type not in _MOVES:
        return False
    data = set(data_inputs(node))
    return all(name in graph.constants for name in node.inputs if name and name not in data)


def is_end(graph: Graph, links: Links, tensor: str) -> bool:
    """Whether a chain may end in `tensor`: something other than a move of this tensor alone reads it."""
    readers = links.readers(tensor)
    return links.is_output(tensor) or any(
        reader.op_type == "Concat" or not moves_only(graph, reader) for reader in readers
    )


def data_inputs(node: Node) -> list[str]:
    """The inputs that hold values, not shapes or indices."""
    return node.inputs if node.op_type == "Concat" else node.inputs[:1]


def picture_shape(graph: Graph, tensor: str) -> Shape4 | None:
    """Shape of a picture with 2 for a symbolic batch; None for other tensors and unknown sizes."""
    shape = graph.shape(tensor)
    if shape is None or len(shape) != 4 or tensor in graph.constants:
        return None
    concrete: tuple[Dim, ...] = (shape[0] if isinstance(shape[0], int) else 2, *shape[1:])
    return concrete if all(isinstance(size, int) and size > 0 for size in concrete) else None


class Tracer:
    """Positions of one graph's tensors relative to a picture before them; remembers what it computed."""

    def __init__(self, graph: Graph, links: Links) -> None:
        self.graph = graph
        self.links = links
        self._positions: dict[tuple[str, str], np.ndarray | None] = {}

    def roots(self, tensor: str) -> Iterator[tuple[str, Shape4]]:
        """Pictures that `tensor` may be a rearrangement of, the farthest first."""
        found, current = [], tensor
        for _ in range(LONGEST_CHAIN):
            node = self.links.producers.get(current)
            if not moves_only(self.graph, node):
                break
            current = node.inputs[0]
            shape = picture_shape(self.graph, current)
            if shape is not None and math.prod(shape) <= LARGEST_PICTURE:
                found.append((current, shape))
        return reversed(found)

    def positions(self, tensor: str, root: str, shape: Shape4) -> np.ndarray | None:
        """For each value of `tensor` its position in `root`; None where other tensors have a part in it."""
        if tensor == root:
            return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
        key = (tensor, root)
        if key not in self._positions:
            self._positions[key] = None
            self._follow(tensor, root, shape)
        return self._positions[key]

    def _follow(self, tensor: str, root: str, shape: Shape4) -> None:
        node = self.links.producers.get(tensor)
        if not moves_only(self.graph, node):
            return
        values = []
        for name in dict.fromkeys(name for name in node.inputs if name):
            constant = self.graph.constant(name)
            value = self.positions(name, root, shape) if constant is None else constant
            if value is None:
                return
            values.append(value)
        for name, value in zip(node.outputs, evaluate_node(node, values, self.graph.opset) or [], strict=False):
            self._positions[(name, root)] = value


def channels_of(positions: np.ndarray, shape: Shape4) -> np.ndarray | None:
    """Channel of the root for each channel of a rearrangement that keeps every pixel in place, else None."""
    batch, channels, height, width = shape
    if positions.ndim != 4 or positions.shape[0] != batch or positions.shape[2:] != (height, width):
        return None
    chosen = positions[0, :, 0, 0] // (height * width)
    whole = np.arange(math.prod(shape)).reshape(shape)
    return chosen if np.array_equal(positions, whole[:, chosen % channels]) else None


def block_places(positions: np.ndarray, shape: Shape4) -> tuple[int, np.ndarray] | None:
    """Block size b and for each channel (channel, row, column) of the root, where output pixel (y, x)
    is root pixel (b * y + row, b * x + column); else None."""
    batch, _, height, width = shape
    if positions.ndim != 4 or positions.shape[0] != batch or 0 in positions.shape:
        return None
    block = height // positions.shape[2]
    if block < 2 or (positions.shape[2] * block, positions.shape[3] * block) != (height, width):
        return None
    channel, row, column = np.unravel_index(positions[0, :, 0, 0], shape)[1:]
    if (row >= block).any() or (column >= block).any():
        return None
    whole = np.arange(math.prod(shape)).reshape(shape)
    expected = [whole[:, c, y::block, x::block] for c, y, x in zip(channel, row, column, strict=True)]
    matches = np.array_equal(positions, np.stack(expected, axis=1))
    return (block, np.stack([channel, row, column], axis=1)) if matches else None
