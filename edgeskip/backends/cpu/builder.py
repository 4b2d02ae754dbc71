"""Adds native ops to a plan: tensors, masks and buffers come into being when an op first names them."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeskip.backends.base import LayerInfo
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.layout import Layout
from edgeskip.backends.cpu.plan import NO_MASK, ConvolutionCost, CpuPlan, Slot
from edgeskip.backends.cpu.products import Products
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import dense_name


class Builder:
    """What lowerings write into. `native` is a `_native.Plan`, `titles` the names of layers that don't have that of
    the tensor they write."""

    def __init__(self, native: Any, facts: Facts, layout: Layout, titles: dict[str, str] | None = None) -> None:
        self.native = native
        self.facts = facts
        self.layout = layout
        self._titles = titles or {}
        self.plan = CpuPlan(native)
        self.products: Products = {}
        self.activations: dict[str, tuple[Node, ...]] = {}  # of convolutions that write them too
        self.chain_gates: dict[str, list[Node]] = {}  # of chains that decide them too
        self.ops = 0
        self._buffers: dict[str, int] = {}
        self._layer = ""

    def begin_layer(self, node: Node, pixels: int, macs: int = 0) -> None:
        """Ops that are added from now on belong to `node`."""
        tensor = node.outputs[0]
        self._layer = dense_name(self._titles.get(tensor, tensor))
        shape = tuple(dim if isinstance(dim, int) else 1 for dim in self.facts.graph.shape(tensor) or ())
        mask = "" if node.op_type == "SkipMask" else self.facts.mask_of(tensor) or ""
        if node.op_type != "SkipMask":
            self.plan.layers.append(LayerInfo(self._layer, node.op_type, self._layer, shape, macs, pixels, mask=mask))

    def fused_layer(self, node: Node) -> None:
        """`node` is computed within the op of another node: a layer without ops of its own."""
        size = self.facts.size(node.outputs[0])
        assert size is not None, f"{node.outputs[0]} is no picture"
        self.begin_layer(node, size[1] * size[2])

    def added(self, op: int) -> int:
        """Note that native op `op` was added; every `add_*` call goes through here."""
        assert op == self.ops, f"native op {op} out of order, {self.ops} expected"
        self.plan.op_layers[op] = self._layer
        self.ops += 1
        return op

    def convolution(self, op: int, macs: int, pixels: int) -> None:
        """Native op `op` is a convolution that costs `macs` when all `pixels` are active."""
        self.plan.costs.append(ConvolutionCost(self._layer, macs, pixels, op=op))

    def slot(self, tensor: str) -> Slot:
        """Where `tensor` lies in the engine."""
        if tensor not in self.plan.slots:
            self.plan.slots[tensor] = self._new_slot(tensor)
        return self.plan.slots[tensor]

    def tensor(self, name: str) -> int:
        """Native id of a picture tensor; a constant is written once per stream."""
        return self.slot(name).tensor

    def part(self, name: str, first: int, channels: int) -> int:
        """Native id of `channels` channels of `name` from `first`."""
        place = self.layout.place(name)
        return self.native.add_tensor(self._buffer(place.root), place.offset + first, channels)

    def constant_vector(self, vector: np.ndarray) -> int:
        """Native id of a 1x1 tensor that holds one constant per channel."""
        return self._constant_slot(vector.reshape(-1, 1, 1)).tensor

    def mask(self, tensor: str) -> int:
        """Native mask of `tensor`; it must have one."""
        name = self.facts.mask_of(tensor)
        assert name is not None, f"{tensor} has no mask"
        return self.mask_named(name)

    def mask_named(self, name: str) -> int:
        """Native mask for a mask of the file, or one that the engine derives (added here when first named)."""
        masks = self.plan.masks
        if name not in masks:
            masks[name] = self.native.add_mask(*self.facts.mask_size(name))
            if name in self.facts.derived:
                self._add_derived(name, masks[name])
        return masks[name]

    def new_mask(self, height: int, width: int) -> int:
        """A native mask that the file does not name."""
        return self.native.add_mask(height, width)

    def _add_derived(self, name: str, output: int) -> None:
        derived = self.facts.derived[name]
        inputs = [self.mask_named(mask) for mask in derived.inputs]
        if derived.kind == "union":
            self.added(self.native.add_mask_union(name, inputs, output))
            return
        assert derived.kind == "reduce"
        assert len(inputs) == 1
        self.added(self.native.add_mask_reduce(name, inputs[0], output))

    def _new_slot(self, name: str) -> Slot:
        value = self.facts.constant(name)
        if value is not None:
            return self._constant_slot(value)
        size = self.facts.size(name)
        assert size is not None, f"{name} is no picture"
        place = self.layout.place(name)
        tensor = self.native.add_tensor(self._buffer(place.root), place.offset, size[0])
        mask = NO_MASK if self.facts.mask_of(name) is None else self.mask(name)
        return Slot(tensor, *size, mask)

    def _constant_slot(self, value: np.ndarray) -> Slot:
        picture = np.ascontiguousarray(value.reshape((1,) * (4 - value.ndim) + value.shape)[0], np.float32)
        channels, height, width = picture.shape
        tensor = self.native.add_tensor(self.native.add_buffer(height, width, channels), 0, channels)
        self.plan.constants.append((tensor, picture))
        return Slot(tensor, channels, height, width)

    def _buffer(self, root: str) -> int:
        if root not in self._buffers:
            size = self.facts.size(root)
            assert size is not None, f"{root} is no picture"
            channels, height, width = size
            self._buffers[root] = self.native.add_buffer(height, width, channels)
        return self._buffers[root]
