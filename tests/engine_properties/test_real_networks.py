"""The shared networks on the shared videos: exact at tolerance 0, bounded above it, the same however they are run."""

from __future__ import annotations

import itertools

import numpy as np
import onnxruntime
import pytest
from support.real import NETWORKS, VIDEOS, network_file, pictures, require_engine, skip_model

from edgeskip.backends.cpu.loader import CpuBackend
from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Node
from edgeskip.graph.reference.activations import channel_norm
from edgeskip.graph.reference.convolution import fused

FRAMES = 100


@pytest.fixture(autouse=True)
def engine() -> None:
    require_engine()


def dense_session(network: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(network_file(network)), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("network", NETWORKS)
def test_every_convolution_is_in_the_engine(network: str):
    layers = CpuBackend().create_runner(skip_model(network)).layers
    convolutions = [layer for layer in layers if "Conv" in layer.op]
    assert len(convolutions) > 50
    assert [layer for layer in convolutions if layer.where != "engine" or layer.op != "SkipConv"] == []


@pytest.mark.parametrize(("network", "video"), list(itertools.product(NETWORKS, VIDEOS)))
def test_p1_at_tolerance_0_every_frame_equals_dense_onnx_runtime(network: str, video: str):
    """Within 1e-4 of the largest value that the output has in that frame."""
    session = dense_session(network)
    names, (source,) = [output.name for output in session.get_outputs()], session.get_inputs()
    count = 0
    with CpuBackend().create_runner(skip_model(network)) as runner:
        for count, picture in enumerate(pictures(network, video, FRAMES), 1):
            ours = runner.infer(picture).outputs
            for name, dense in zip(names, session.run(names, {source.name: picture}), strict=True):
                error = np.abs(ours[name] - dense).max() / np.abs(dense).max()
                assert error <= 1e-4, f"frame {count - 1}, {name}: error {error} of the largest value"
    assert count >= 38


def excess(tensors: dict[str, np.ndarray], node: Node) -> float:
    """By how much the norm of (stored - computed now) of a convolution exceeds its threshold, in parts of it."""
    given = {role: tensors[name] for role, name in zip(SKIP_CONV.inputs, node.inputs, strict=False) if name in tensors}
    computed = fused(node, given["x"], given["w"], given.get("b"), given.get("z"))
    change = channel_norm(tensors[node.outputs[0]].astype(np.float64) - computed, node.attributes["norm"])
    rounding = 1e-5 * np.abs(computed).max()
    return float(change.max() - node.attributes["threshold"] - rounding)


def test_p2_every_layer_is_within_its_threshold_at_frame_10_and_at_frame_1000():
    model = skip_model("fastestdet_352x352", tolerance=0.06)
    convolutions = [info.node for info in model.convolutions]
    computed = []
    with CpuBackend().create_runner(model) as runner:
        for frame, picture in enumerate(pictures("fastestdet_352x352", "highway.avi", 1001)):
            computed.append(runner.infer(picture).active_mac_fraction)
            if frame not in (10, 1000):
                continue
            tensors = {name: runner.tensor(name) for name in runner.plan.slots} | model.graph.constants
            for node in convolutions:
                assert excess(tensors, node) <= 0, f"frame {frame}, {node.outputs[0]}"
    assert len(computed) == 1001
    assert 0.02 < np.mean(computed[1:]) < 0.5, "the bound means nothing where nothing, or everything, is computed"


@pytest.mark.parametrize("network", NETWORKS)
def test_p4_results_are_bit_identical_whatever_the_grain(network: str):
    model = skip_model(network, tolerance=0.06)
    video = list(pictures(network, "highway.avi", 5))[::2]
    ways = [{}, {"block": 8}, {"threads": 2, "block": 2}, {"panel_rows": 5}]
    results = []
    for way in ways:
        with CpuBackend().create_runner(model, **way) as runner:
            frames = [runner.infer(picture) for picture in video]
            assert 0 < frames[-1].active_mac_fraction < 1
            results.append([frame.outputs for frame in frames])
    for way, result in zip(ways[1:], results[1:], strict=True):
        for frame, (ours, expected) in enumerate(zip(result, results[0], strict=True)):
            for name, value in expected.items():
                np.testing.assert_array_equal(ours[name], value, err_msg=f"{way}, frame {frame}, {name}")
