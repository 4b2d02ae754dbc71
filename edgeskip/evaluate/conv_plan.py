"""One convolution: in the native engine, fed by hand, and as a dense ONNX network for the peers."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeskip.backends.cpu.loader import native, require_precision
from edgeskip.core.errors import BackendError
from edgeskip.evaluate.conv_shapes import ACTIVATIONS, ConvShape
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.onnx_io import to_proto
from edgeskip.graph.passes import expand_fused
from edgeskip.graph.passes.fused_conv import DOMAIN, OP_TYPE

OPSET = 17


def random_weights(shape: ConvShape, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Weight [out, in/group, kh, kw] that keeps values near one, and bias [out]."""
    taps = shape.macs_per_pixel / shape.out_channels
    weight = random.standard_normal(shape.weight_shape, np.float32) / np.float32(np.sqrt(taps))
    return weight, random.standard_normal(shape.out_channels, np.float32)


def chosen_levels(level: str, precision: str = "f32") -> list[str]:
    """Instruction set levels for "auto" (the best one here), "all" that have `precision`, or names separated by commas.

    Raises:
        BackendError: this CPU and build have no such level, it lacks the precision, or the native engine is missing.
    """
    require_precision(precision)
    here = [name for name in native().levels() if precision == "f32" or native().bf16_kernels(name)]
    if level == "auto":
        return here[:1]
    if level == "all":
        return list(here)
    names = list(dict.fromkeys(name.strip() for name in level.split(",")))
    for name in names:
        if name not in here:
            raise BackendError(
                f"this CPU and build have no level {name!r}" + (" with bf16" if precision == "bf16" else ""),
                hint=f"choose: auto, all, {', '.join(here)}",
            )
    return names


class EngineConv:
    """A plan of one skip convolution with threshold 0, for each of `levels`; every output is known after the start."""

    def __init__(
        self, shape: ConvShape, weight: np.ndarray, bias: np.ndarray, levels: list[str], threads: int,
        precision: str = "f32",
    ) -> None:  # fmt: skip
        module = native()
        plan = module.Plan()
        self._x, self._mask_x = _tensor(plan, shape.in_channels, shape.height, shape.width)
        self._y, mask_y = _tensor(plan, shape.out_channels, *shape.output)
        kind, alpha, beta = ACTIVATIONS[shape.activation]
        plan.add_conv(
            "conv", self._x, self._mask_x, self._y, mask_y, weight, bias, list(shape.stride), list(shape.pad),
            list(shape.dilation), shape.group, False, kind, np.array(alpha, np.float32), beta, 0.0, "l2", 1,
        )  # fmt: skip
        self._engines = {level: module.Engine(plan, threads, level, precision=precision) for level in levels}
        self._streams = {level: self._started(engine, shape) for level, engine in self._engines.items()}

    def run(self, level: str, picture: np.ndarray, mask: np.ndarray) -> tuple[float, int]:
        """One frame: `picture` [C, H, W], of which `mask` [H, W] changed. Returns milliseconds and pixels computed.

        The time is by the engine's clock and holds all that the layer does: candidates, list, gather, arithmetic,
        comparison, store and mask.
        """
        stream = self._streams[level]
        stream.write(self._x, picture)
        stream.write_mask(self._mask_x, mask)
        stream.run(0, 1)
        return float(stream.op_times_ns()[0]) * 1e-6, int(stream.active_pixels()[0])

    def output(self, level: str) -> np.ndarray:
        """float32 [out_channels, height, width]: what the layer publishes."""
        return self._streams[level].read(self._y)

    def _started(self, engine: Any, shape: ConvShape) -> Any:
        stream = engine.new_stream()
        stream.profile = True
        stream.reset()
        stream.write(self._x, np.zeros((shape.in_channels, shape.height, shape.width), np.float32))
        stream.write_mask(self._mask_x, np.ones((shape.height, shape.width), np.uint8))
        stream.run(0, 1)
        return stream


def dense_network(shape: ConvShape, weight: np.ndarray, bias: np.ndarray) -> bytes:
    """ONNX bytes of act(conv(x, w) + b), x [1, in_channels, height, width], y its only output."""
    kind, alpha, beta = ACTIVATIONS[shape.activation]
    attributes = {
        "kernel_shape": list(shape.kernel), "strides": list(shape.stride), "pads": list(shape.pad),
        "dilations": list(shape.dilation), "group": shape.group, "transposed": 0, "output_padding": [0, 0],
        "activation": kind, "alpha": list(alpha), "beta": beta,
    }  # fmt: skip
    info = {
        "x": TensorInfo(np.dtype(np.float32), (1, shape.in_channels, shape.height, shape.width)),
        "y": TensorInfo(np.dtype(np.float32), (1, shape.out_channels, *shape.output)),
    }
    node = Node(OP_TYPE, ["x", "w", "b"], ["y"], attributes, DOMAIN)
    graph = Graph([node], ["x"], ["y"], {"w": weight, "b": bias}, info, OPSET)
    return to_proto(expand_fused(graph)).SerializeToString()


def _tensor(plan: Any, channels: int, height: int, width: int) -> tuple[int, int]:
    return plan.add_tensor(plan.add_buffer(height, width, channels), 0, channels), plan.add_mask(height, width)
