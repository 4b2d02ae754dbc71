"""A function body under construction: nodes of standard ops with generated tensor names."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import AttributeProto, FunctionProto, NodeProto, helper

from edgeskip.core.contract import DOMAIN, REQUIRED, OpSpec

# the attribute types of the contract; "kind" and the like are strings
_TYPES = {int: AttributeProto.INT, float: AttributeProto.FLOAT, str: AttributeProto.STRING}
_REQUIRED_TYPES = {
    "threshold": AttributeProto.FLOAT,
    "kernel_shape": AttributeProto.INTS,
    "kind": AttributeProto.STRING,
}
_FLOAT_LISTS = frozenset({"alpha", "scales"})


def attribute_type(spec: OpSpec, name: str) -> int:
    """The AttributeProto type of attribute `name` of an op of the contract."""
    default = spec.attributes[name]
    if default is REQUIRED:
        return _REQUIRED_TYPES[name]
    if isinstance(default, list):
        return AttributeProto.FLOATS if name in _FLOAT_LISTS else AttributeProto.INTS
    return _TYPES[type(default)]


class Body:
    """Collects the nodes of one function. `ref` attributes take the value of the calling node's attribute."""

    def __init__(self, op_type: str, spec: OpSpec, opset: int) -> None:
        self.op_type, self.spec, self.opset = op_type, spec, opset
        self.nodes: list[NodeProto] = []

    def op(self, op_type: str, *inputs: str, output: str = "", refs: tuple[str, ...] = (), **attributes: Any) -> str:
        """Append a node; returns its output, named `output` or a fresh name. `refs` are taken from the caller."""
        output = output or f"t{len(self.nodes)}"
        node = helper.make_node(op_type, list(inputs), [output], **attributes)
        node.attribute.extend(self._reference(name, name) for name in refs)
        self.nodes.append(node)
        return output

    def constant(self, value: Any) -> str:
        """A float, an int or a list of ints as a tensor."""
        key = "value_ints" if isinstance(value, list) else "value_float" if isinstance(value, float) else "value_int"
        return self.op("Constant", **{key: value})

    def attribute(self, name: str) -> str:
        """The caller's attribute `name` as a tensor (scalar, or 1-D for a list)."""
        kind = attribute_type(self.spec, name)
        key = {AttributeProto.FLOAT: "value_float", AttributeProto.INT: "value_int"}.get(kind)
        key = key or ("value_floats" if kind == AttributeProto.FLOATS else "value_ints")
        output = self.op("Constant")
        self.nodes[-1].attribute.append(self._reference(key, name))
        return output

    def to_float(self, tensor: str) -> str:
        """A mask as float32, for ops that know no integers."""
        return self.op("Cast", tensor, to=onnx.TensorProto.FLOAT)

    def to_bool(self, tensor: str) -> str:
        """A mask as bool."""
        return self.op("Cast", tensor, to=onnx.TensorProto.BOOL)

    def to_mask(self, tensor: str, output: str) -> str:
        """A bool or float tensor as int32 mask `output`."""
        return self.op("Cast", tensor, to=onnx.TensorProto.INT32, output=output)

    def function(self, overload: str, inputs: list[str], outputs: list[str]) -> FunctionProto:
        """The finished FunctionProto, with all attributes of the contract declared."""
        required = [name for name, default in self.spec.attributes.items() if default is REQUIRED]
        function = helper.make_function(
            DOMAIN, self.op_type, inputs, outputs, self.nodes,
            [helper.make_opsetid("", self.opset)], required,
            [self._default(name) for name in self.spec.attributes if name not in required],
        )  # fmt: skip
        function.overload = overload
        return function

    def _reference(self, key: str, name: str) -> AttributeProto:
        return AttributeProto(name=key, ref_attr_name=name, type=attribute_type(self.spec, name))

    def _default(self, name: str) -> AttributeProto:
        value, kind = self.spec.attributes[name], attribute_type(self.spec, name)
        if isinstance(value, list) and not value:
            return AttributeProto(name=name, type=kind)
        return helper.make_attribute(name, value, attr_type=kind)
