"""The rules of the contract that belong to one node: its attributes, inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from edgeskip.core.contract import ACTIVATIONS, BLOCKS, MASK_KINDS, NORMS, OPS, REQUIRED, OpSpec
from edgeskip.core.errors import ContractError
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import SkipModel

_HINT = "export the model again with this version: edgeskip export MODEL -o model.skip.onnx"
_CHOICES: dict[str, tuple[Any, ...]] = {
    "norm": NORMS,
    "block": BLOCKS,
    "activation": ACTIVATIONS,
    "kind": MASK_KINDS,
    "transposed": (0, 1),
    "ceil_mode": (0, 1),
    "mode": ("nearest", "linear"),
}
_LENGTHS = {"kernel_shape": 2, "strides": 2, "pads": 4, "dilations": 2, "output_padding": 2, "starts": 2, "steps": 2}
_ALPHAS = {"clip": 1, "leaky_relu": 1, "hard_sigmoid": 1}


def validate_node(model: SkipModel, node: Node, masks: set[str], pairs: Mapping[str, str]) -> None:
    """Check one node of the domain. `masks`: every mask of the graph, `pairs`: state input to output.

    Raises:
        ContractError: the rule it breaks.
    """
    check = _Check(model, node, masks, pairs)
    if node.op_type not in OPS:
        check.fail(f"op {node.op_type} is not of the contract, which has {', '.join(OPS)}")
    check.attributes(OPS[node.op_type])
    check.signature(OPS[node.op_type])
    _BY_OP[node.op_type](check)


class _Check:
    def __init__(self, model: SkipModel, node: Node, masks: set[str], pairs: Mapping[str, str]) -> None:
        self.model, self.node, self.masks, self.pairs = model, node, masks, pairs

    def fail(self, rule: str) -> NoReturn:
        tensor = self.node.output(0) or self.node.name
        raise ContractError(f"{self.model.file or 'skip model'}: {self.node.op_type} of {tensor}: {rule}", hint=_HINT)

    def attributes(self, spec: OpSpec) -> None:
        values = self.node.attributes
        for name in values:
            if name not in spec.attributes:
                self.fail(f"unknown attribute {name}")
        for name, default in spec.attributes.items():
            if name not in values:
                self.fail(f"attribute {name} is missing")
            expected = _REQUIRED_TYPES[name] if default is REQUIRED else type(default)
            # a float attribute may have been set to a whole number in Python
            if not isinstance(values[name], (int, float) if expected is float else expected):
                self.fail(f"attribute {name} is {values[name]!r}, not {expected.__name__}")
            if name in _CHOICES and values[name] not in _CHOICES[name]:
                self.fail(f"unknown {name} {values[name]!r}, not one of {', '.join(map(str, _CHOICES[name]))}")
            if name in _LENGTHS and len(values[name]) != _LENGTHS[name]:
                self.fail(f"attribute {name} is {values[name]}, not {_LENGTHS[name]} values")
        for name in ("threshold", "threshold_signed"):
            if name in values and not values[name] >= 0:
                self.fail(f"{name} is {values[name]}; a threshold is 0 or more")

    def signature(self, spec: OpSpec) -> None:
        inputs, outputs = self.node.inputs, self.node.outputs
        if (not spec.variadic and len(inputs) > len(spec.inputs)) or len(outputs) > len(spec.outputs):
            self.fail(f"{len(inputs)} inputs and {len(outputs)} outputs, more than the op has")
        for kind, names, read in (("input", spec.inputs, self.node.input), ("output", spec.outputs, self.node.output)):
            for index, name in enumerate(names):
                if not read(index) and name not in spec.optional:
                    self.fail(f"{kind} {name} is missing")

    def given(self, name: str) -> str:
        return self.node.input(OPS[self.node.op_type].inputs.index(name))

    def mask(self, tensor: str) -> None:
        info = self.model.graph.info.get(tensor)
        if tensor not in self.masks:
            self.fail(f"{tensor} is read as a mask, but no op of the contract writes it as one")
        if info is not None and info.dtype != np.int32:
            self.fail(f"mask {tensor} is {info.dtype}, not int32")

    def state(self, before: str, after: str) -> None:
        if before not in self.pairs:
            self.fail(f"{before} is read as state, but is in no state pair")
        if self.pairs[before] != after:
            self.fail(f"state {before} continues as {self.pairs[before]}, but {after} is written")


def _gate(check: _Check) -> None:
    window = check.node.attributes["window"]
    if window < 1 or window % 2 == 0:
        check.fail(f"window is {window}, not an odd number")
    check.state(check.given("ref"), check.node.output(0))


def _conv(check: _Check) -> None:
    node, graph = check.node, check.model.graph
    weight = graph.constant(check.given("w"))
    if weight is None or weight.ndim != 4 or list(weight.shape[2:]) != list(node.attributes["kernel_shape"]):
        check.fail(f"w must be a constant whose kernel is kernel_shape {node.attributes['kernel_shape']}")
    _alpha(check, weight)
    check.mask(check.given("mask_x"))
    check.state(check.given("y_prev"), node.output(0))
    if check.given("mask_z"):
        if not check.given("z"):
            check.fail("mask_z without z")
        check.mask(check.given("mask_z"))
    elif check.given("z") and graph.constant(check.given("z")) is None:
        check.fail(f"z {check.given('z')} changes from frame to frame, so it needs mask_z")
    present = [bool(name) for name in (check.given("gate"), check.given("pending"), node.output(2))]
    if any(present) != all(present):
        check.fail("gate, pending and pending_next come together")
    if all(present):
        check.state(check.given("pending"), node.output(2))


def _alpha(check: _Check, weight: np.ndarray) -> None:
    attributes = check.node.attributes
    channels = weight.shape[1] * attributes["group"] if attributes["transposed"] else weight.shape[0]
    kind = attributes["activation"]
    expected = channels if kind == "prelu" else _ALPHAS.get(kind)
    if expected is not None and len(attributes["alpha"]) != expected:
        check.fail(f"activation {kind} takes {expected} values of alpha, not {len(attributes['alpha'])}")


def _mask(check: _Check) -> None:
    if not check.node.inputs:
        check.fail("no mask is given")
    if len(check.node.inputs) > 1 and check.node.attributes["kind"] != "union":
        check.fail(f"kind {check.node.attributes['kind']} takes one mask")
    for name in check.node.inputs:
        check.mask(name)
    attributes = check.node.attributes
    if attributes["kind"] == "resize" and len(attributes["sizes"]) != 2:
        check.fail(f"sizes are {attributes['sizes']}, not height and width")
    if attributes["kind"] == "slice" and len(attributes["ends"]) != 2:
        check.fail(f"ends are {attributes['ends']}, not of height and width")


_REQUIRED_TYPES: dict[str, type] = {"threshold": float, "kernel_shape": list, "kind": str}
_BY_OP: dict[str, Callable[[_Check], None]] = {"SkipGate": _gate, "SkipConv": _conv, "SkipMask": _mask}
