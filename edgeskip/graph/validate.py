"""The rules of the contract, checked once at the door: every message names the file, the tensor and the rule."""

from __future__ import annotations

import re
from typing import NoReturn

import numpy as np

from edgeskip.core.contract import CONTRACT_VERSION, DOMAIN, METADATA_KEY, StatePair, state_output
from edgeskip.core.errors import ContractError
from edgeskip.graph.ir import Graph
from edgeskip.graph.skip_model import SkipModel, is_op
from edgeskip.graph.validate_ops import validate_node

_STATE_INPUT = re.compile(r"state\.(?P<index>\d+)\.(?P<tensor>.+)")
_STARTS = {"nan": np.dtype(np.float32), "one": np.dtype(np.int32)}
EXPORT_AGAIN = "export the model again: edgeskip export MODEL -o model.skip.onnx"


def validate(model: SkipModel) -> None:
    """Check `model` against the contract.

    Raises:
        ContractError: the first rule that is broken, with the tensor that breaks it.
    """
    if model.metadata.contract != CONTRACT_VERSION:
        _fail(model, METADATA_KEY, f"contract version {model.metadata.contract}, not {CONTRACT_VERSION}")
    _validate_states(model)
    known = _known_tensors(model)
    masks = {name for node in model.graph.nodes if is_op(node) for name in node.outputs[_first_mask(node.op_type) :]}
    pairs = {pair.input: pair.output for pair in model.metadata.states}
    for node in model.graph.nodes:
        if node.domain == DOMAIN:
            validate_node(model, node, masks, pairs)
    _validate_masks(model, known, masks)
    _validate_frames(model)


def _validate_states(model: SkipModel) -> None:
    graph, seen = model.graph, set()
    for pair in model.metadata.states:
        match = _STATE_INPUT.fullmatch(pair.input)
        if match is None or pair.output != state_output(int(match["index"]), match["tensor"]):
            _fail(model, pair.input, f"its name must be state.<k>.<tensor>, with the output .next: {pair.output}")
        if pair.input not in graph.inputs:
            _fail(model, pair.input, "this state has no input in the graph")
        if pair.output not in graph.outputs:
            _fail(model, pair.output, "this state has no output in the graph")
        if match["index"] in seen:
            _fail(model, pair.input, f"state number {match['index']} is used twice")
        seen.add(match["index"])
        _validate_state_type(model, pair)
    declared = {pair.input for pair in model.metadata.states} | {pair.output for pair in model.metadata.states}
    for name in (*graph.inputs, *graph.outputs):
        if _STATE_INPUT.fullmatch(name) and name not in declared:
            _fail(model, name, "this state is in no pair of the metadata: its other half is missing")


def _validate_state_type(model: SkipModel, pair: StatePair) -> None:
    before, after = model.graph.info.get(pair.input), model.graph.info.get(pair.output)
    if pair.start not in _STARTS:
        _fail(model, pair.input, f"its start value is {pair.start!r}, not one of {', '.join(_STARTS)}")
    if before is None or after is None:
        _fail(model, pair.input, "its shape is not known")
    if before.dtype != _STARTS[pair.start] or after.dtype != before.dtype:
        wanted = _STARTS[pair.start]
        _fail(model, pair.input, f"a state that starts as {pair.start} is {wanted}, not {before.dtype}, {after.dtype}")
    if before.shape[1:] != after.shape[1:] or len(before.shape) != 4:
        _fail(model, pair.input, f"its shape {list(before.shape)} is not that of its output, {list(after.shape)}")
    if not all(isinstance(size, int) for size in before.shape[1:]):
        _fail(model, pair.input, f"only the batch of a state may be symbolic: {list(before.shape)}")


def _validate_masks(model: SkipModel, known: set[str], masks: set[str]) -> None:
    dense_states = {model.dense_name(pair.output) for pair in model.metadata.states}
    for tensor, mask in model.metadata.masks.items():
        if mask not in masks:
            _fail(model, tensor, f"its mask {mask} is written by no node")
        if mask not in model.graph.outputs:
            _fail(model, tensor, f"its mask {mask} is no output of the graph")
        if tensor not in known and tensor not in dense_states:
            _fail(model, tensor, f"mask {mask} belongs to a tensor that does not exist")


def _validate_frames(model: SkipModel) -> None:
    if not model.frame_inputs:
        _fail(model, "frame", "the graph has no input that is not a state")
    for name in model.frame_inputs:
        info = model.graph.info.get(name)
        if info is None or info.dtype != np.float32 or len(info.shape) != 4:
            _fail(model, name, "a frame is float32 [N, C, H, W]")
        if not all(isinstance(size, int) for size in info.shape[1:]):
            _fail(model, name, f"channels, height and width of a frame are fixed: {list(info.shape)}")
    for name, preparation in model.metadata.inputs.items():
        if name not in model.frame_inputs:
            _fail(model, name, "this input has a preparation but is no frame input of the graph")
        expected = (preparation.channels, preparation.size[1], preparation.size[0])
        if model.frame_shape(name)[1:] != expected:
            _fail(model, name, f"its preparation makes {list(expected)}, it reads {list(model.frame_shape(name)[1:])}")


def _known_tensors(model: SkipModel) -> set[str]:
    """Every tensor of the graph; fails where a node or output names one that nothing writes."""
    graph: Graph = model.graph
    known = {"", *graph.inputs, *graph.constants}
    for node in graph.nodes:
        for name in node.inputs:
            if name not in known:
                _fail(model, name, f"{node.op_type} {node.name or node.outputs[0]} reads it, no node before writes it")
        known.update(node.outputs)
    for name in graph.outputs:
        if name not in known:
            _fail(model, name, "this output of the graph is written by no node")
    return known


def _first_mask(op_type: str) -> int:
    return 0 if op_type == "SkipMask" else 1


def _fail(model: SkipModel, tensor: str, rule: str) -> NoReturn:
    raise ContractError(f"{model.file or 'skip model'}: {tensor}: {rule}", hint=EXPORT_AGAIN)
