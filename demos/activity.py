"""Which pixels each resolution of a network computed in the last frame, from a runner's masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.backends.base import FrameResult, LayerInfo, Runner
from edgeskip.graph.ir import Node


@dataclass(frozen=True)
class Stage:
    """One resolution of the network.

    `heat` float32 [h, w]: share of this resolution's convolutions that computed the pixel. `reduction`:
    input pixels per pixel (8 for a map of an eighth of the picture's size).
    """

    heat: np.ndarray
    reduction: int
    active_macs: float
    dense_macs: float

    @property
    def active_mac_fraction(self) -> float:
        """Share of this resolution's multiply-accumulates that were computed."""
        return self.active_macs / self.dense_macs if self.dense_macs else 0.0


class Activity:
    """Reads the stages of one stream of an active runner, finest resolution first."""

    def __init__(self, runner: Runner, stream: int = 0) -> None:
        self._runner = runner
        self._stream = stream
        self._input_height = int(runner.model.frame_shape(runner.model.frame_inputs[0])[2])
        self._mask_of = _mask_reader(runner)
        groups: dict[tuple[int, int], list[LayerInfo]] = {}
        for layer in runner.layers:
            if layer.macs > 0 and len(layer.shape) == 4:
                groups.setdefault((int(layer.shape[2]), int(layer.shape[3])), []).append(layer)
        # a 1x1 map (squeeze-excite) has no place in the picture
        self._groups = {size: groups[size] for size in sorted(groups, reverse=True) if size != (1, 1)}

    def read(self, frame: FrameResult) -> list[Stage]:
        """Stages of `frame`, which must be the runner's last."""
        return [self._stage(size, layers, frame) for size, layers in self._groups.items()]

    def _stage(self, size: tuple[int, int], layers: list[LayerInfo], frame: FrameResult) -> Stage:
        heat = np.zeros(size, np.float32)
        for layer in layers:
            heat += self._mask_of(layer, self._stream)
        active = sum(layer.macs * frame.active_pixels.get(layer.name, layer.pixels) / layer.pixels for layer in layers)
        dense = float(sum(layer.macs for layer in layers))
        return Stage(heat / len(layers), max(1, round(self._input_height / size[0])), active, dense)


@dataclass(frozen=True)
class _Candidates:
    """Where a skip convolution's candidates come from: masks of tensors, and its window."""

    input_tensor: str
    residual_tensor: str
    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilations: tuple[int, int]

    def read(self, runner: Runner, stream: int, size: tuple[int, int]) -> np.ndarray:
        mask = pool_mask(runner.mask(self.input_tensor)[stream], self.kernel, self.strides, self.pads, self.dilations)
        if mask.shape != size:
            raise ValueError(f"candidates {mask.shape}, output {size}")
        return mask | runner.mask(self.residual_tensor)[stream] if self.residual_tensor else mask


def _mask_reader(runner: Runner):
    """A function (layer, stream) -> bool [h, w] of the pixels that the layer computed."""
    tensors = {mask: tensor for tensor, mask in reversed(runner.model.metadata.masks.items())}
    nodes = {node.output(1): node for node in runner.model.graph.nodes if node.op_type == "SkipConv"}
    sources: dict[str, _Candidates] = {}
    for layer in runner.layers:
        node = nodes.get(layer.mask)
        candidates = _candidates(node, tensors) if node is not None else None
        if candidates is not None:
            sources[layer.name] = candidates

    def read(layer: LayerInfo, stream: int) -> np.ndarray:
        candidates = sources.get(layer.name)
        if candidates is not None:
            return candidates.read(runner, stream, (int(layer.shape[2]), int(layer.shape[3])))
        if layer.mask:
            return runner.mask(layer.tensor)[stream]
        return np.ones(layer.shape[2:], bool)  # no mask: dense

    return read


def _candidates(node: Node, tensors: dict[str, str]) -> _Candidates | None:
    """None where the layer's own mask has to do: transposed, or decided by a learned gate."""
    if node.attributes.get("transposed", 0) or node.input(6) or node.input(1) not in tensors:
        return None
    if node.input(5) and node.input(5) not in tensors:
        return None
    attributes = node.attributes
    return _Candidates(
        tensors[node.input(1)],
        tensors[node.input(5)] if node.input(5) else "",
        tuple(attributes["kernel_shape"]),
        tuple(attributes.get("strides", (1, 1))),
        tuple(attributes.get("pads", (0, 0, 0, 0))),
        tuple(attributes.get("dilations", (1, 1))),
    )


def pool_mask(
    mask: np.ndarray,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    pads: tuple[int, int, int, int],
    dilations: tuple[int, int],
) -> np.ndarray:
    """Candidates of a convolution: bool [out_h, out_w], true where its window holds a true pixel of `mask`."""
    rows = _pool_axis(mask, kernel[0], strides[0], (pads[0], pads[2]), dilations[0])
    return _pool_axis(rows.T, kernel[1], strides[1], (pads[1], pads[3]), dilations[1]).T


def _pool_axis(mask: np.ndarray, kernel: int, stride: int, pads: tuple[int, int], dilation: int) -> np.ndarray:
    padded = np.pad(mask, (pads, (0, 0)))
    size = (padded.shape[0] - dilation * (kernel - 1) - 1) // stride + 1
    result = np.zeros((size, mask.shape[1]), bool)
    for tap in range(kernel):
        begin = tap * dilation
        result |= padded[begin : begin + stride * (size - 1) + 1 : stride]
    return result
