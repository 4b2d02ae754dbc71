"""What the lowered file says of itself: `metadata_props["edgeskip"]` is the contract's JSON with `lowering` in it."""

from __future__ import annotations

from typing import Any

from edgeskip.backends.tensorrt.lowering.names import CONV, GATE, is_plugin
from edgeskip.core.contract import StatePair
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.skip_model import SkipModel

LOWERING_VERSION = 1


def lowering_record(
    model: SkipModel, graph: Graph, layouts: dict[str, str], precision: str, choices: dict[str, Any], notes: list[str]
) -> dict[str, Any]:
    """Everything that whoever binds the network's tensors has to know."""
    return {
        "version": LOWERING_VERSION,
        "precision": precision,
        "channels_last": bool(layouts),
        "inputs": [_tensor(graph, name) for name in model.frame_inputs],
        "outputs": [_tensor(graph, name) for name in model.outputs],
        "masks": [_tensor(graph, name) for name in dict.fromkeys(model.metadata.masks.values())],
        "states": [_state(graph, pair, layouts) for pair in model.state_pairs],
        "layers": list(choices.values()),
        "notes": notes,
    }


def _tensor(graph: Graph, name: str) -> dict[str, Any]:
    info = graph.info[name]
    return {"name": name, "shape": list(info.shape), "dtype": info.dtype.name}


def _state(graph: Graph, pair: StatePair, layouts: dict[str, str]) -> dict[str, Any]:
    info = graph.info[pair.input]
    layout = layouts.get(pair.input, "NCHW")
    return {
        "input": pair.input,
        "output": pair.output,
        "start": pair.start,
        "shape": list(info.shape),
        "dtype": info.dtype.name,
        "layout": layout,
        "in_place": _may_be_in_place(graph, pair),
    }


def _may_be_in_place(graph: Graph, pair: StatePair) -> bool:
    """Whether one buffer may be read and written: nothing but the plugin that writes the state reads the old one.

    Pending pixels are counted behind the frame from what was pending before it and what is after it.
    """
    if pair.start == "one":
        return False
    readers: list[Node] = graph.consumers().get(pair.input, [])
    return len(readers) == 1 and pair.output in readers[0].outputs and _is_stateful(readers[0])


def _is_stateful(node: Node) -> bool:
    return is_plugin(node, CONV) or is_plugin(node, GATE)
