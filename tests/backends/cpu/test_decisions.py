"""Gumbel gates in the planner: the standard ops that decide become native ones, or the file is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.trained import exact_frames, exact_network, export

from edgeskip.backends.cpu.decisions import DECISION, REFERENCE, fuse_decisions
from edgeskip.backends.registry import choose
from edgeskip.core.errors import ModelError
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.skip_model import SkipModel
from edgeskip.nn import Policy


def model_with(block: int = 4, change: str = "magnitude") -> SkipModel:
    channels = 2 if change == "magnitude" else 1
    options = {"block": block, "change": change, "channels": channels, "initial_bias": -2.1}
    return export(exact_network(Policy("gumbel", options)), exact_frames(2))


@pytest.mark.parametrize("block", [1, 2, 4, 8])
@pytest.mark.parametrize("change", ["signed", "magnitude"])
def test_every_way_of_writing_a_decision_is_found(block: int, change: str) -> None:
    model = model_with(block, change)
    graph = fuse_decisions(model)
    found = [node for node in graph.nodes if node.op_type == DECISION]
    assert [node.attributes["block"] for node in found] == [block] * 3
    assert [node.attributes["magnitude"] for node in found] == [change == "magnitude"] * 3
    assert all(node.attributes["bias"] == pytest.approx(-2.1) for node in found)
    assert {node.op_type for node in graph.nodes} == {"SkipGate", "SkipConv", DECISION, REFERENCE, "Identity"}


def run(model: SkipModel, frames: list[np.ndarray], **options) -> list[bytes]:
    threads = options.pop("threads", 1)
    with choose("cpu", model)[0].create_runner(model, threads=threads, **options) as runner:
        return [runner.infer(frame).outputs["output"].tobytes() for frame in frames]


@pytest.mark.parametrize("options", [{"threads": 3}, {"block": 8}, {"panel_rows": 3}, {"block": 4, "threads": 2}])
def test_results_are_bit_identical_over_threads_blocks_and_panels(options: dict) -> None:
    model, frames = model_with(), exact_frames(30)
    frames = [frame + np.float32(0.013) * np.sin(frame) for frame in frames]  # sums that are rounded
    assert run(model, frames, **options) == run(model, frames)


def test_streams_have_gates_of_their_own() -> None:
    model, frames, others = model_with(), exact_frames(12), exact_frames(12, seed=5)
    alone = run(model, frames)
    with choose("cpu", model)[0].create_runner(model, streams=2) as runner:
        pairs = zip(frames, others, strict=True)
        results = [runner.infer(np.concatenate(pair)).outputs["output"] for pair in pairs]
        assert [result[:1].tobytes() for result in results] == alone
        runner.reset(0)
        again = runner.infer(np.concatenate([frames[0], others[0]])).outputs["output"]
    assert again[:1].tobytes() == alone[0]


def test_a_gate_that_is_written_in_another_way_is_refused_and_not_run_wrongly() -> None:
    model = model_with()
    graph = copy_graph(model.graph)
    for node in graph.nodes:
        if node.op_type == "MaxPool":
            node.op_type = "AveragePool"
    changed = replace(model, graph=graph, file="other.onnx")
    assert not [node for node in fuse_decisions(changed).nodes if node.op_type == DECISION]
    with pytest.raises(ModelError, match=r"(?s)other.onnx: .* reads a state.*hint: run it with --backend onnxruntime"):
        choose("cpu", changed)[0].create_runner(changed)
