"""What is to be said about a skip model: its layers, gates, thresholds, memory, and what runs it."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeskip.core.errors import EdgeskipError

if TYPE_CHECKING:
    from edgeskip.backends.base import LayerInfo
    from edgeskip.graph.skip_model import SkipModel

_FLOAT_BYTES = 4


def model_facts(model: SkipModel, backend_name: str = "auto", threads: int = 1) -> dict[str, Any]:
    """Everything `inspect` shows, as plain values.

    Raises:
        BackendError: `backend_name` is unknown or can't run here.
    """
    from edgeskip.backends.registry import choose
    from edgeskip.evaluate.machine import native_bf16

    backend, passed_over = choose(backend_name, model, at_once=True)
    runner = backend.create_runner(model, threads=threads)
    with runner:
        layers, backend_state = runner.layers, runner.state_bytes
        level = getattr(runner, "level", None)
    state, maps = state_bytes(model), feature_map_bytes(model)
    return {
        "model": model.file,
        "contract": model.metadata.contract,
        "inputs": {name: _input_facts(model, name) for name in model.frame_inputs},
        "outputs": {name: list(model.graph.shape(name) or ()) for name in model.outputs},
        "task": {"name": model.metadata.task.name, "labels": list(model.metadata.task.labels)},
        "dense_macs": model.dense_macs,
        "states": len(model.state_pairs),
        "state_bytes": state,
        "feature_map_bytes": maps,
        "state_ratio": state / maps if maps else None,
        "ops": dict(Counter(node.op_type for node in model.graph.nodes)),
        "backend": {
            "name": backend.name,
            "why": f"passed over: {passed_over}" if passed_over else "chosen with --backend"
            if backend_name != "auto" else "the fastest that can run here",
            "level": level,
            "bf16": native_bf16() if backend.name == "cpu" else [],
            "state_bytes": backend_state,
            "state_ratio": backend_state / maps if maps else None,
            "ops": dict(Counter(layer.where for layer in layers)),
        },
        "backends": [_backend_facts(name) for name in _backend_names()],
        "gates": gate_facts(model),
        "layers": [_layer_facts(model, layer) for layer in layers],
    }  # fmt: skip


def state_bytes(model: SkipModel) -> int:
    """Memory of one stream's states as the contract has them, in bytes."""
    return sum(_FLOAT_BYTES * prod(model.state_shape(pair, 1)) for pair in model.state_pairs)


def feature_map_bytes(model: SkipModel) -> int:
    """Sum of all float32 tensors that the dense network computes for one picture, in bytes."""
    total = 0
    for node in model.graph.nodes:
        if node.op_type == "SkipGate":
            continue  # a copy of what it gates
        # the first output is the tensor; masks and pending states are not the dense network's
        info = model.graph.info.get(node.output(0))
        if info is not None and info.dtype == "float32" and len(info.shape) > 1:
            total += _FLOAT_BYTES * prod(size if isinstance(size, int) else 1 for size in info.shape[1:])
    return total


def gate_facts(model: SkipModel) -> list[dict[str, Any]]:
    """The frame gates and vector gates, with what they let pass."""
    from edgeskip.graph.skip_model import is_op

    return [
        {
            "tensor": model.dense_name(node.output(0)),
            "threshold": node.attributes["threshold"],
            "threshold_signed": node.attributes["threshold_signed"],
            "norm": node.attributes["norm"],
            "window": node.attributes["window"],
            "shape": list(model.graph.shape(node.output(0)) or ()),
        }
        for node in model.graph.nodes
        if is_op(node, "SkipGate")
    ]


def _input_facts(model: SkipModel, name: str) -> dict[str, Any]:
    from dataclasses import asdict

    preparation = model.metadata.inputs.get(name)
    return {"shape": list(model.frame_shape(name)), "preparation": asdict(preparation) if preparation else None}


def _layer_facts(model: SkipModel, layer: LayerInfo) -> dict[str, Any]:
    threshold = model.metadata.thresholds.get(layer.tensor)
    return {
        "name": layer.name,
        "op": layer.op,
        "tensor": layer.tensor,
        "shape": list(layer.shape),
        "macs": layer.macs,
        "where": layer.where,
        "reason": layer.reason,
        "mask": layer.mask,
        "threshold": None if threshold is None else vars(threshold),
    }


def _backend_names() -> list[str]:
    from edgeskip.backends.registry import names

    return names()


def _backend_facts(name: str) -> dict[str, Any]:
    from edgeskip.backends.registry import get_backend

    try:
        reason = get_backend(name).unavailable_reason()
    except (ImportError, EdgeskipError) as error:
        reason = str(error)
    return {"name": name, "available": reason is None, "reason": reason or ""}


def source_name(model: SkipModel) -> str:
    """A short name for people: the file's, without its endings."""
    name = Path(model.file).name or "network"
    for ending in (".onnx", ".skip"):
        name = name.removesuffix(ending)
    return name
