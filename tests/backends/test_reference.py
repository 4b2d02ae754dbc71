"""The oracle as a backend: it agrees with stock ONNX Runtime, also where a learned gate puts pixels off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from support.networks import random_network
from support.stock import StockSkip, export_network, moving_square, relative_error

from edgeskip.backends.registry import get_backend
from edgeskip.core.contract import DOMAIN, Metadata, StatePair
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.skip_model import SkipModel, fill_defaults
from edgeskip.graph.validate import validate

FLOAT, INT = np.dtype(np.float32), np.dtype(np.int32)


@pytest.mark.parametrize("seed", range(20, 24))
def test_agrees_with_stock_onnxruntime(seed: int, tmp_path: Path) -> None:
    """Each frame starts from the same states, so that a value at its threshold can't set the two apart."""
    path = tmp_path / "net.onnx"
    onnx.save(random_network(seed, height=24, width=32), path)
    model = export_network(path, list(moving_square(seed, 3)), 0.1, frame_threshold=0.05)
    stock, differing, pixels = StockSkip(model), 0, 0
    with get_backend("reference").create_runner(model) as runner:
        for index, frame in enumerate(moving_square(seed, 4, noise=0.02)):
            runner._states = stock.states
            result, wanted = runner.infer(frame), stock.run(frame)
            for name in model.outputs:
                if index == 0:
                    assert relative_error(result.outputs[name], wanted[name]) < 1e-4, f"seed {seed}, {name}"
            for mask in set(model.metadata.masks.values()):
                differing += np.count_nonzero(runner._masks[mask] != wanted[mask])
                pixels += wanted[mask].size
    assert differing <= 1e-3 * pixels, f"seed {seed}: {differing} of {pixels} mask pixels differ"


def gated_model() -> SkipModel:
    """x [N,2,6,6] -> frame gate; a 1x1 network decides from x where the 3x3 convolution may run."""
    random = np.random.default_rng(0)
    info = {name: TensorInfo(FLOAT, ("N", 2, 6, 6)) for name in ("x", "state.0.x", "state.0.x.next")}
    info |= {name: TensorInfo(FLOAT, ("N", 3, 6, 6)) for name in ("state.1.y", "state.1.y.next")}
    masks = ("state.2.y.pending", "state.2.y.pending.next", "mask.x", "mask.y", "decision")
    info |= {name: TensorInfo(INT, ("N", 1, 6, 6)) for name in masks}
    constants = {
        "w": random.normal(size=(3, 2, 3, 3)).astype(np.float32),
        "axes": np.array([1]),
        "limit": np.float32(0.0),
    }
    gate = {"threshold": 0.0, "threshold_signed": 0.0}
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "threshold": 0.0, "activation": "relu"}
    states = ["state.1.y", "state.2.y.pending"]
    nodes = [
        Node("SkipGate", ["x", "state.0.x"], ["state.0.x.next", "mask.x"], gate, DOMAIN),
        Node("ReduceSum", ["state.0.x.next", "axes"], ["total"], {"keepdims": 1}),
        Node("Greater", ["total", "limit"], ["positive"]),
        Node("Cast", ["positive"], ["decision"], {"to": int(onnx.TensorProto.INT32)}),
        Node(
            "SkipConv",
            ["state.0.x.next", "mask.x", "w", "", "", "", "decision", "", *states],
            ["state.1.y.next", "mask.y", "state.2.y.pending.next"],
            conv,
            DOMAIN,
        ),
        Node("Identity", ["state.1.y.next"], ["y"]),
    ]
    info["y"] = info["state.1.y"]
    pairs = [
        StatePair("state.0.x", "state.0.x.next"),
        StatePair("state.1.y", "state.1.y.next"),
        StatePair("state.2.y.pending", "state.2.y.pending.next", "one"),
    ]
    metadata = Metadata(pairs, {"x": "mask.x", "y": "mask.y"})
    outputs = ["y", *(pair.output for pair in pairs), "mask.x", "mask.y"]
    graph = Graph(nodes, ["x", *(pair.input for pair in pairs)], outputs, constants, info, 17)
    fill_defaults(nodes)
    model = SkipModel(graph, metadata, "gated.skip.onnx")
    validate(model)
    return model


def test_a_learned_gate_puts_pixels_off_and_makes_up_for_them() -> None:
    model = gated_model()
    still = np.random.default_rng(1).normal(size=(1, 2, 6, 6)).astype(np.float32)
    shut, opened = -np.abs(still), np.abs(still)
    with get_backend("reference").create_runner(model) as runner, get_backend("onnxruntime").create_runner(model) as b:
        dense = {}
        for index, frame in enumerate([shut, 0.5 * shut, 0.5 * shut, opened, opened]):
            found, other = runner.infer(frame), b.infer(frame)
            np.testing.assert_allclose(found.outputs["y"], other.outputs["y"], atol=1e-5)
            assert found.active_pixels == other.active_pixels
            for state in runner._states:
                np.testing.assert_allclose(runner._states[state], b._states[state], atol=1e-5)
            dense[index] = found.outputs["y"].copy()
            pending = runner._states["state.2.y.pending"]
            # unknown pixels are computed whatever the gate says, so nothing is left unset
            assert np.isfinite(found.outputs["y"]).all()
            assert found.active_pixels == {"y": [36, 0, 0, 36, 0][index]}
            assert pending.sum() == [0, 36, 36, 0, 0][index]
        assert np.array_equal(dense[1], dense[0])
        assert not np.array_equal(dense[3], dense[2])


def test_streams_of_a_learned_gate_are_independent() -> None:
    model = gated_model()
    random = np.random.default_rng(2)
    videos = random.normal(size=(2, 5, 1, 2, 6, 6)).astype(np.float32)
    with get_backend("reference").create_runner(model, streams=2) as pair, \
            get_backend("reference").create_runner(model) as alone:  # fmt: skip
        for frame in range(5):
            result = pair.infer(videos[:, frame, 0])
        for stream in (0, 1):
            alone.reset()
            for frame in range(5):
                single = alone.infer(videos[stream, frame])
            np.testing.assert_allclose(result.outputs["y"][stream], single.outputs["y"][0], atol=1e-6)
