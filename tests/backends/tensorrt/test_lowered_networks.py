"""A lowered network computes what the reference computes, frame by frame, whatever layout, precision and policy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.lowered import LoweredRun
from support.networks import network_of
from support.random_skip import RandomSkip, random_skip
from support.small_skip import Oracle, dense_graph, skipping

from edgeskip.backends.tensorrt.choice import OWN, LayerChoice
from edgeskip.backends.tensorrt.lowering import MASK, LoweringOptions, lower
from edgeskip.backends.tensorrt.lowering.plugin_ops import LARGEST_UNION
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import SkipModel

FRAMES = 4


def every(model: SkipModel, step: int = 1) -> dict[str, LayerChoice]:
    """Each `step`th convolution stays TensorRT's."""
    return {info.name: LayerChoice(OWN, "test") for index, info in enumerate(model.convolutions) if index % step == 0}


def compare(skip: RandomSkip, options: LoweringOptions, tolerance: float, masks: float) -> None:
    """Outputs within `tolerance` of the largest value, masks alike but for a share of `masks`."""
    model = skip.model
    oracle, run = Oracle(model), LoweredRun(lower(model, options))
    differing, pixels = 0, 0
    for frame in skip.video(FRAMES):
        wanted, found = oracle.step(frame), run.step(frame)
        for name in model.outputs:
            error = np.abs(found[name] - wanted[name]).max() / max(np.abs(wanted[name]).max(), 1e-6)
            assert error <= tolerance, f"seed {skip.seed}, {name}: {error}"
        for name in set(model.metadata.masks.values()):
            differing += np.count_nonzero(found[name] != wanted[name])
            pixels += wanted[name].size
    assert differing <= masks * pixels, f"seed {skip.seed}: {differing} of {pixels} mask pixels differ"


@pytest.mark.parametrize("seed", range(24))
def test_random_networks_with_every_block_in_channels_last(seed: int) -> None:
    compare(random_skip(seed, tolerance=0.1 * (seed % 2)), LoweringOptions(), 1e-5, 1e-4 if seed % 2 == 0 else 1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_channels_first(seed: int) -> None:
    compare(random_skip(seed, tolerance=0.05), LoweringOptions(channels_last=False), 1e-5, 1e-3)


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_layers_that_stay_tensorrts_have_the_same_masks(seed: int, step: int) -> None:
    """At threshold 0 rounding alone may set a pixel apart; above it, values at the threshold may."""
    skip = random_skip(seed, tolerance=0.1)
    compare(skip, LoweringOptions(choices=every(skip.model, step)), 1e-4, 5e-3)


@pytest.mark.parametrize("seed", range(6))
def test_float16_at_tolerance_0_is_the_network_in_float16(seed: int) -> None:
    """Masks of a lower precision hold fewer pixels: a change below its last digit is none."""
    skip = random_skip(seed)
    compare(skip, LoweringOptions("fp16", choices=every(skip.model, 3)), 2e-2, 1.0)


def test_streams_of_a_batch_are_independent() -> None:
    skip = random_skip(3, batch="N")
    lowered = lower(skip.model, LoweringOptions())
    assert lowered.fixed_streams is None
    both, alone = LoweredRun(lowered, streams=2), LoweredRun(lowered)
    frames = list(skip.video(3))
    for index, frame in enumerate(frames):
        pair = np.concatenate([frame, frames[-1 - index]])
        together, single = both.step(pair), alone.step(frame)
        for name in skip.model.outputs:
            np.testing.assert_allclose(together[name][:1], single[name], atol=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_networks_exported_for_one_picture_take_several(seed: int) -> None:
    """Every op treats each picture by itself; two streams in a batch are what each is alone."""
    skip = random_skip(seed, tolerance=0.05)
    assert skip.model.frame_shape(skip.model.frame_inputs[0])[0] == 1
    lowered = lower(skip.model)
    assert lowered.fixed_streams is None
    both, alone = LoweredRun(lowered, streams=2), Oracle(skip.model)
    frames = list(skip.video(3))
    for index, frame in enumerate(frames):
        together, single = both.step(np.concatenate([frame, frames[-1 - index]])), alone.step(frame)
        for name in skip.model.outputs:
            np.testing.assert_allclose(together[name][:1], single[name], atol=1e-4)


def test_a_batch_that_can_not_be_opened_is_told() -> None:
    """Here pictures would be added up."""
    nodes = [
        Node("Conv", ["x", "w"], ["c"], {"kernel_shape": [1, 1]}),
        Node("ReduceMax", ["c"], ["y"], {"axes": [0], "keepdims": 1}),
    ]
    graph = dense_graph(nodes, {"w": np.ones((2, 4, 1, 1), np.float32)}, opset=17)
    assert lower(skipping(graph)).fixed_streams == 1


@pytest.mark.parametrize("count", [32, 33, 70])
def test_a_concat_of_more_layers_than_a_mask_plugin_takes(count: int) -> None:
    """As a dense block of DenseNet-201 has it."""
    random = np.random.default_rng(0)
    parts = [f"part{index}" for index in range(count)]
    constants = {f"{part}.w": random.normal(size=(1, 4, 1, 1)).astype(np.float32) for part in parts}
    constants["w"] = random.normal(size=(2, count, 1, 1)).astype(np.float32)
    nodes = [Node("Conv", ["x", f"{part}.w"], [part], {"kernel_shape": [1, 1]}) for part in parts]
    nodes += [
        Node("Concat", parts, ["all"], {"axis": 1}),
        Node("Conv", ["all", "w"], ["y"], {"kernel_shape": [1, 1]}),
    ]
    model = skipping(dense_graph(nodes, constants, shape=(1, 4, 9, 11)))
    lowered = lower(model)
    unions = [node for node in lowered.graph.nodes if node.op_type == MASK]
    assert unions
    assert max(len(node.inputs) for node in unions) <= LARGEST_UNION
    oracle, run = Oracle(model), LoweredRun(lowered)
    frame = random.normal(size=(1, 4, 9, 11)).astype(np.float32)
    for index in range(3):
        frame = frame.copy()
        frame[..., index : index + 2, 3] += 1
        wanted, found = oracle.step(frame), run.step(frame)
        for name in {*model.outputs, *model.metadata.masks.values()}:
            np.testing.assert_allclose(found[name], wanted[name], atol=1e-5, err_msg=name)


def test_the_largest_union_is_that_of_the_kernels() -> None:
    header = (Path(__file__).parents[3] / "plugins/cuda/include/edgeskip/mask.h").read_text()
    assert f"kLargestUnion = {LARGEST_UNION};" in header


def test_a_head_that_names_the_batch_is_rewritten() -> None:
    nodes = [
        Node("Conv", ["x", "w"], ["c"], {"kernel_shape": [1, 1]}),
        Node("Reshape", ["c", "shape"], ["y"]),
    ]
    constants = {"w": np.ones((2, 4, 1, 1), np.float32), "shape": np.array([1, -1, 11], np.int64)}
    model = skipping(dense_graph(nodes, constants))
    values = LoweredRun(lower(model), streams=3).step(np.ones((3, 4, 9, 11), np.float32))
    assert values["y"].shape == (3, 18, 11)


def test_a_head_that_wants_channels_last_gets_no_transpose() -> None:
    """Detectors end with Transpose(0, 2, 3, 1) and Reshape: behind the plugin that order is there already."""
    from edgeskip.graph.onnx_io import graph_of
    from edgeskip.graph.passes.pipeline import simplify
    from edgeskip.graph.passes.place_gates import GateOptions, place_gates

    def body(builder, x):
        y = builder.conv(x, 6, kernel=3)
        return builder.node("Transpose", y, perm=[0, 2, 3, 1])

    graph = simplify(graph_of(network_of(body), "head"))
    model = place_gates(graph, GateOptions(tolerance=0.0))
    lowered = lower(model)
    kinds = [node.op_type for node in lowered.graph.nodes]
    permuted = [node.attributes["perm"] for node in lowered.graph.nodes if node.op_type == "Transpose"]
    assert permuted == [[0, 2, 3, 1]], kinds  # the picture on its way to the gate, and no other
