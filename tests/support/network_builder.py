"""Builds ONNX networks node by node, with weights that keep activations of the order of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class NetworkBuilder:
    """Adds nodes and remembers each tensor's [C,H,W]; names are `<op>_<number>`."""

    def __init__(self, seed: int, opset: int = 17, batch: int | str = 1) -> None:
        self.random = np.random.default_rng(seed)
        self.opset = opset
        self.batch = batch
        self.shapes: dict[str, tuple[int, int, int]] = {}
        self._seed = seed
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, channels: int, height: int, width: int) -> str:
        """A float32 input [batch, channels, height, width]."""
        shape = [self.batch, channels, height, width]
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.shapes[name] = (channels, height, width)
        return name

    def output(self, tensor: str) -> None:
        """Make `tensor` an output of the network."""
        shape = [self.batch, *self.shapes[tensor]] if tensor in self.shapes else None
        self._outputs.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape))

    def channels(self, tensor: str) -> int:
        """Channels of `tensor`."""
        return self.shapes[tensor][0]

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """A weight of the network."""
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def integers(self, *values: int) -> str:
        """A vector of int64."""
        return self.constant(values, np.int64)

    def node(
        self, op_type: str, *inputs: str, shape: tuple[int, int, int] | None = None, domain: str = "", **attributes: Any
    ) -> str:
        """One node with one output; `shape` [C,H,W] is that of the first known input unless given."""
        return self.nodes(op_type, *inputs, shapes=[shape], domain=domain, **attributes)[0]

    def nodes(
        self, op_type: str, *inputs: str, shapes: list[tuple[int, int, int] | None], domain: str = "", **attributes: Any
    ) -> list[str]:
        """One node with as many outputs as `shapes`."""
        number = len(self._nodes)
        names = [f"{op_type}_{number}" + (f"_{k}" if k else "") for k in range(len(shapes))]
        self._nodes.append(helper.make_node(op_type, list(inputs), names, domain=domain, **attributes))
        for name, shape in zip(names, shapes, strict=True):
            known = shape or next((self.shapes[name] for name in inputs if name in self.shapes), None)
            if known is not None:
                self.shapes[name] = known
        return names

    def stem(self, tensor: str, channels: int = 8) -> str:
        """A first convolution with an activation."""
        return self.node("Relu", self.conv(tensor, channels, kernel=3))

    def conv(
        self,
        tensor: str,
        channels: int,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        group: int = 1,
        pads: tuple[int, int, int, int] | None = None,
        bias: bool = True,
        auto_pad: str = "",
    ) -> str:
        """A convolution; `pads` (top, left, bottom, right) keep the size unless given."""
        inputs, height, width = self.shapes[tensor]
        scale = 1.4 / np.sqrt(inputs // group * kernel * kernel)
        weights = [self.constant(self.random.standard_normal((channels, inputs // group, kernel, kernel)) * scale)]
        if bias:
            weights.append(self.constant(self.random.standard_normal(channels) * 0.3))
        extent = dilation * (kernel - 1) + 1
        pads = pads if pads is not None else (extent // 2,) * 4
        sizes = [
            -(-size // stride) if auto_pad else (size + pads[axis] + pads[axis + 2] - extent) // stride + 1
            for axis, size in enumerate((height, width))
        ]
        padding: dict[str, Any] = {"auto_pad": auto_pad} if auto_pad else {"pads": list(pads)}
        return self.node(
            "Conv", tensor, *weights, shape=(channels, *sizes), kernel_shape=[kernel, kernel],
            strides=[stride, stride], dilations=[dilation, dilation], group=group, **padding,
        )  # fmt: skip

    def conv_transpose(
        self, tensor: str, channels: int, kernel: int, stride: int, pad: int, output_padding: int = 0, group: int = 1
    ) -> str:
        """A transposed convolution with equal pads."""
        inputs, height, width = self.shapes[tensor]
        scale = 1.4 * stride / np.sqrt(inputs // group * kernel * kernel)
        weight = self.random.standard_normal((inputs, channels // group, kernel, kernel)) * scale
        sizes = [stride * (size - 1) + output_padding + kernel - 2 * pad for size in (height, width)]
        return self.node(
            "ConvTranspose", tensor, self.constant(weight), self.constant(self.random.standard_normal(channels) * 0.3),
            shape=(channels, *sizes), kernel_shape=[kernel, kernel], strides=[stride, stride],
            pads=[pad] * 4, output_padding=[output_padding] * 2, group=group,
        )  # fmt: skip

    def batch_norm(self, tensor: str) -> str:
        """A BatchNormalization with statistics near (0, 1)."""
        channels = self.channels(tensor)
        values = (
            self.random.uniform(0.6, 1.4, channels), self.random.standard_normal(channels) * 0.2,
            self.random.standard_normal(channels) * 0.2, self.random.uniform(0.5, 1.5, channels),
        )  # fmt: skip
        return self.node("BatchNormalization", tensor, *(self.constant(value) for value in values), epsilon=1e-3)

    def slice(self, tensor: str, axis: int, start: int, end: int, step: int = 1) -> str:
        """A Slice over one axis of [N,C,H,W]."""
        shape = list(self.shapes[tensor])
        shape[axis - 1] = len(range(*slice(start, end, step).indices(shape[axis - 1])))
        bounds = [self.integers(value) for value in (start, end, axis, step)]
        return self.node("Slice", tensor, *bounds, shape=tuple(shape))

    def concat(self, *tensors: str) -> str:
        """A Concat over channels."""
        _, height, width = self.shapes[tensors[0]]
        channels = sum(self.channels(tensor) for tensor in tensors)
        return self.node("Concat", *tensors, shape=(channels, height, width), axis=1)

    def split(self, tensor: str, *sizes: int) -> list[str]:
        """A Split over channels."""
        shapes = [(size, *self.shapes[tensor][1:]) for size in sizes]
        if self.opset >= 13:
            return self.nodes("Split", tensor, self.integers(*sizes), shapes=shapes, axis=1)
        return self.nodes("Split", tensor, shapes=shapes, axis=1, split=list(sizes))

    def build(self) -> onnx.ModelProto:
        """The checked model."""
        graph = helper.make_graph(self._nodes, f"random_{self._seed}", self._inputs, self._outputs, self._weights)
        imports = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=min(10, 6 + self.opset // 5))
        onnx.checker.check_model(model)
        return model
