"""A skip model without its weights, as plain values: kept beside an engine, so that a device needs no ONNX.

Layers, shapes, masks, costs and the contract stay; constants keep their shape only, so nothing can be computed from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeskip.core.contract import Metadata
from edgeskip.core.errors import ContractError
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.skip_model import SkipModel

_SMALL = 64  # attributes that are arrays of more elements are dropped: no rule of the contract reads them


def outline(model: SkipModel) -> dict[str, Any]:
    """The record of `model`, for JSON."""
    graph = model.graph
    constants = {name: TensorInfo(value.dtype, value.shape) for name, value in graph.constants.items()}
    return {
        "file": model.file,
        "contract": model.metadata.to_json(),
        "opset": graph.opset,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "tensors": {name: [info.dtype.name, list(info.shape)] for name, info in {**graph.info, **constants}.items()},
        "nodes": [_node_record(node) for node in graph.nodes],
    }


def model_of_outline(record: dict[str, Any], file: str) -> SkipModel:
    """The model that `record` outlines; `file` is where it was found, for messages.

    Raises:
        ContractError: the record is broken, or of another contract version.
    """
    try:
        info = {name: TensorInfo(np.dtype(kind), tuple(shape)) for name, (kind, shape) in record["tensors"].items()}
        nodes = [Node(**node) for node in record["nodes"]]
        graph = Graph(nodes, list(record["inputs"]), list(record["outputs"]), {}, info, record["opset"])
        contract = record["contract"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(
            f"{file}: the outline of the model is broken: {error}", hint="build the engine again: edgeskip build MODEL"
        ) from error
    return SkipModel(graph, Metadata.from_json(contract, file), file)


def _node_record(node: Node) -> dict[str, Any]:
    attributes = {name: _plain(value) for name, value in node.attributes.items()}
    return {
        "op_type": node.op_type,
        "inputs": node.inputs,
        "outputs": node.outputs,
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        "domain": node.domain,
        "name": node.name,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= _SMALL else None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) else None
