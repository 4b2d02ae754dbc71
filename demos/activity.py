"""Which pixels each resolution of a network computed in the last frame, from a runner's masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.backends.base import FrameResult, LayerInfo, Runner
from edgeskip.core.errors import EdgeskipError
from edgeskip.graph.ir import Node


@dataclass(frozen=True)
class Stage:
    """One resolution of the network.

    `reduction`: input pixels per pixel (8 for a map of an eighth of the picture's size). `heat` float32
    [h, w]: share of this resolution's multiply-accumulates that were computed at the pixel; None where it was
    not asked for. The mean of `heat` is the active MAC fraction.
    """

    reduction: int
    active_macs: float
    dense_macs: float
    heat: np.ndarray | None = None

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
        self._mask_of = _MaskReader(runner)
        groups: dict[tuple[int, int], list[LayerInfo]] = {}
        for layer in runner.layers:
            if layer.macs > 0 and len(layer.shape) == 4:
                groups.setdefault((int(layer.shape[2]), int(layer.shape[3])), []).append(layer)
        # a 1x1 map (squeeze-excite) has no place in the picture
        self._groups = {size: groups[size] for size in sorted(groups, reverse=True) if size != (1, 1)}

    def read(self, frame: FrameResult, heats: bool = True) -> list[Stage]:
        """Stages of `frame`, which must be the runner's last; with `heats` also where they computed."""
        return [self._stage(size, layers, frame, heats) for size, layers in self._groups.items()]

    def _stage(self, size: tuple[int, int], layers: list[LayerInfo], frame: FrameResult, heats: bool) -> Stage:
        active = sum(layer.macs * frame.active_pixels.get(layer.name, layer.pixels) / layer.pixels for layer in layers)
        dense = float(sum(layer.macs for layer in layers))
        reduction = max(1, round(self._input_height / size[0]))
        return Stage(reduction, active, dense, self._heat(size, layers) if heats else None)

    def _heat(self, size: tuple[int, int], layers: list[LayerInfo]) -> np.ndarray:
        heat = np.zeros(size, np.float32)
        for layer in layers:
            heat += np.float32(layer.macs) * self._mask_of(layer, self._stream)
        return heat / np.float32(sum(layer.macs for layer in layers))


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
        assert mask.shape == size, (mask.shape, size)
        return mask | runner.mask(self.residual_tensor)[stream] if self.residual_tensor else mask


class _MaskReader:
    """bool [h, w] of the pixels that a layer computed."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        tensors: dict[str, str] = {}
        for tensor, mask in runner.model.metadata.masks.items():
            tensors.setdefault(mask, tensor)
        self._sources: dict[str, _Candidates] = {}
        nodes = {node.output(1): node for node in runner.model.graph.nodes if node.op_type == "SkipConv"}
        for layer in runner.layers:
            node = nodes.get(layer.mask)
            candidates = _candidates(node, tensors) if node is not None else None
            if candidates is not None:
                self._sources[layer.name] = candidates

    def __call__(self, layer: LayerInfo, stream: int) -> np.ndarray:
        size = (int(layer.shape[2]), int(layer.shape[3]))
        try:
            if layer.name in self._sources:
                return self._sources[layer.name].read(self._runner, stream, size)
            # transposed, or decided by a learned gate: what changed stands for what was computed
            return self._runner.mask(layer.tensor)[stream] if layer.mask else np.ones(size, bool)
        except EdgeskipError:
            # a mask that this backend does not keep
            if self._sources.pop(layer.name, None) is None:
                return np.ones(size, bool)
            return self(layer, stream)


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
    if kernel == 1 and stride == 1 and pads == (0, 0):
        return mask
    padded = np.zeros((mask.shape[0] + sum(pads), mask.shape[1]), bool)
    padded[pads[0] : pads[0] + mask.shape[0]] = mask
    size = (padded.shape[0] - dilation * (kernel - 1) - 1) // stride + 1
    result = padded[: stride * (size - 1) + 1 : stride].copy()
    for tap in range(1, kernel):
        begin = tap * dilation
        result |= padded[begin : begin + stride * (size - 1) + 1 : stride]
    return result
