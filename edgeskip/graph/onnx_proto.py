"""Between protobuf and `Graph`: one function each way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeskip.core.contract import DOMAIN, OPS
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Dim, Graph, Node, TensorInfo

if TYPE_CHECKING:
    from onnx import AttributeProto, ModelProto, NodeProto, ValueInfoProto

IR_VERSION = 10
# Graph keeps one opset, that of the standard ops; these are the versions written for other domains.
_DOMAIN_VERSIONS = {"ai.onnx.ml": 3}


def graph_from_proto(proto: ModelProto, file: str) -> Graph:
    """The graph of `proto`; Constant nodes become constants. `file` is named in errors.

    Raises:
        ModelError: control flow (If, Loop, Scan), sparse weights, or values that are not tensors.
    """
    from onnx import numpy_helper

    source = proto.graph
    if source.sparse_initializer:
        raise ModelError(f"{file}: sparse weights are not supported", hint="export the network with dense weights")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in source.initializer}
    graph = Graph(
        nodes=[],
        inputs=[value.name for value in source.input if value.name not in constants],
        outputs=[value.name for value in source.output],
        constants=constants,
        info={},
        opset=max(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")),
        name=source.name or "graph",
        metadata={entry.key: entry.value for entry in proto.metadata_props},
    )
    for value in (*source.input, *source.value_info, *source.output):
        if value.name not in constants:
            _add_info(graph, value, file)
    for record in source.node:
        _add_node(graph, record, file)
    return graph


def to_proto(graph: Graph, ir_version: int = IR_VERSION) -> ModelProto:
    """`graph` as an ONNX model; skip ops get their function bodies (which IR version 10 can say)."""
    from onnx import helper, numpy_helper

    nodes = [_node_proto(node, graph) for node in graph.nodes]
    known = [name for node in graph.nodes for name in node.outputs if name in graph.info]
    inner = [name for name in known if name not in graph.outputs and name not in graph.inputs]
    proto = helper.make_graph(
        nodes,
        graph.name,
        [_value_info(graph, name) for name in graph.inputs],
        [_value_info(graph, name) for name in graph.outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in graph.constants.items()],
        value_info=[_value_info(graph, name) for name in inner],
    )
    domains = dict.fromkeys(node.domain for node in graph.nodes if node.domain not in ("", "ai.onnx"))
    imports = [helper.make_opsetid("", graph.opset)]
    imports += [helper.make_opsetid(domain, _DOMAIN_VERSIONS.get(domain, 1)) for domain in domains]
    model = helper.make_model(proto, opset_imports=imports, ir_version=ir_version, functions=_functions(graph))
    helper.set_model_props(model, graph.metadata)
    return model


def _functions(graph: Graph) -> list[Any]:
    if not any(_has_body(node) for node in graph.nodes):
        return []
    from edgeskip.graph.functions import functions_for

    return functions_for(graph)


def _has_body(node: Node) -> bool:
    """Whether `node` is an op of the contract; the domain also has ops that only a backend's plugins know."""
    return node.domain == DOMAIN and node.op_type in OPS


def _add_node(graph: Graph, record: NodeProto, file: str) -> None:
    attributes = {item.name: _attribute(item, record, file) for item in record.attribute}
    outputs = list(record.output)
    if record.op_type == "Constant" and outputs[0] not in graph.outputs and "sparse_value" not in attributes:
        graph.constants[outputs[0]] = _constant(attributes)
        graph.info.pop(outputs[0], None)
        return
    domain = "" if record.domain == "ai.onnx" else record.domain
    graph.nodes.append(Node(record.op_type, list(record.input), outputs, attributes, domain, record.name))


def _constant(attributes: dict[str, Any]) -> np.ndarray:
    (name, value), *_ = attributes.items()
    if name == "value":
        return value
    kind = np.float32 if "float" in name else np.int64 if "int" in name else object
    return np.array(value, kind)


def _attribute(item: AttributeProto, record: NodeProto, file: str) -> Any:
    from onnx import AttributeProto, helper, numpy_helper

    if item.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
        raise ModelError(
            f"{file}: node {record.name or record.output[0]} is {record.op_type}; control flow can't be made to skip",
            hint="export the network with a fixed input size, so that no If, Loop or Scan is left",
        )
    value = helper.get_attribute_value(item)
    if item.type == AttributeProto.TENSOR:
        return numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [entry.decode("utf-8", "replace") if isinstance(entry, bytes) else entry for entry in value]
    return value


def _add_info(graph: Graph, value: ValueInfoProto, file: str) -> None:
    from onnx import helper

    if not value.type.HasField("tensor_type"):
        if value.name in graph.inputs or value.name in graph.outputs:
            raise ModelError(f"{file}: {value.name} is not a tensor", hint="export a network of tensors only")
        return
    tensor = value.type.tensor_type
    if not tensor.elem_type or not tensor.HasField("shape"):
        return
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    graph.info[value.name] = TensorInfo(dtype, tuple(_dim(dim) for dim in tensor.shape.dim))


def _dim(dim: Any) -> Dim:
    return dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None


def _value_info(graph: Graph, name: str) -> ValueInfoProto:
    from onnx import TensorProto, helper

    if name in graph.constants:
        value = graph.constants[name]
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
    info = graph.info.get(name)
    if info is None:  # the type of what an unknown op writes: float32 of any shape is the best guess
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(info.dtype), info.shape)


def _node_proto(node: Node, graph: Graph) -> NodeProto:
    from onnx import helper

    record = helper.make_node(node.op_type, node.inputs, node.outputs, node.name, domain=node.domain)
    for name, value in node.attributes.items():
        record.attribute.append(_attribute_proto(node, name, value))
    if _has_body(node):
        from edgeskip.graph.functions import overload_of

        record.overload = overload_of(node, graph)
    return record


def _attribute_proto(node: Node, name: str, value: Any) -> AttributeProto:
    from onnx import AttributeProto, helper, numpy_helper

    if isinstance(value, np.ndarray):
        return helper.make_attribute(name, numpy_helper.from_array(value))
    if isinstance(value, (list, tuple)) and not value:
        return helper.make_attribute(name, [], attr_type=_empty_list_type(node, name))
    if isinstance(value, (list, tuple)) and any(isinstance(entry, float) for entry in value):
        return helper.make_attribute(name, [float(entry) for entry in value], attr_type=AttributeProto.FLOATS)
    return helper.make_attribute(name, value)


def _empty_list_type(node: Node, name: str) -> int:
    """An empty list does not tell its type; floats are the lists that may be empty in our ops."""
    from onnx import AttributeProto

    return AttributeProto.FLOATS if name in ("alpha", "scales") else AttributeProto.INTS
