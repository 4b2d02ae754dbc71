"""P2 and P3: what is stored stays within the threshold of what would be computed, and changes only under its mask."""

from __future__ import annotations

import numpy as np
import pytest
from support.random_skip import random_skip

from edgeskip.backends.cpu.loader import CpuBackend
from edgeskip.backends.cpu.runner import CpuRunner
from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Node
from edgeskip.graph.reference.activations import channel_norm
from edgeskip.graph.reference.convolution import fused
from edgeskip.graph.skip_model import SkipModel

pytestmark = pytest.mark.skipif(
    CpuBackend().unavailable_reason() is not None, reason=f"{CpuBackend().unavailable_reason()}"
)
ROUNDING = 2e-5  # of float32 sums against the reference's float64


def excess(runner: CpuRunner, node: Node, model: SkipModel) -> float:
    """By how much the largest norm of (stored - computed now) of a convolution exceeds its threshold."""
    given = dict(zip(SKIP_CONV.inputs, node.inputs, strict=False))
    constants = model.graph.constants
    value = {
        name: constants[tensor] if tensor in constants else runner.tensor(tensor)
        for name, tensor in given.items()
        if tensor and name in ("x", "w", "b", "z")
    }
    computed = fused(node, value["x"], value["w"], value.get("b"), value.get("z"))
    change = channel_norm(runner.tensor(node.outputs[0]).astype(np.float64) - computed, node.attributes["norm"])
    return float(change.max() - node.attributes["threshold"])


def convolutions(runner: CpuRunner, model: SkipModel) -> list[Node]:
    """The convolutions that feed an output."""
    return [info.node for info in model.convolutions if info.node.outputs[0] in runner.plan.slots]


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
def test_p2_every_layer_is_within_its_threshold_at_frame_10_and_at_frame_1000(norm: str):
    network = random_skip(7, tolerance=0.15, frame_threshold=0.1, norm=norm, height=16, width=20, blocks=4)
    thresholds = [info.node.attributes["threshold"] for info in network.model.convolutions]
    assert max(thresholds) > 0
    skipped = 0
    with CpuBackend().create_runner(network.model) as runner:
        for frame, picture in enumerate(network.video(1001)):
            skipped += runner.infer(picture).active_mac_fraction < 1
            if frame in (1, 10, 1000):
                for node in convolutions(runner, network.model):
                    assert excess(runner, node, network.model) <= ROUNDING, f"frame {frame}, {node.outputs[0]}"
    assert skipped > 900


@pytest.mark.parametrize("seed", range(40, 52))
def test_p2_holds_in_any_network(seed: int):
    network = random_skip(seed, tolerance=0.1, frame_threshold=0.05)
    with CpuBackend().create_runner(network.model) as runner:
        for picture in network.video(12):
            runner.infer(picture)
        for node in convolutions(runner, network.model):
            assert excess(runner, node, network.model) <= ROUNDING, f"seed {seed}, {node.outputs[0]}"


@pytest.mark.parametrize("tolerance", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(60, 68))
def test_p3_a_tensor_changes_only_under_its_mask(seed: int, tolerance: float):
    network = random_skip(seed, tolerance=tolerance)
    with CpuBackend().create_runner(network.model) as runner:
        masks = network.model.metadata.masks
        # a frame as it came has the mask of what its gate publishes, which is another tensor
        known = runner.plan.slots.keys() - set(network.model.frame_inputs)
        tensors = [name for name, mask in masks.items() if name in known and mask in runner.plan.masks]
        assert len(tensors) > 5
        before: dict[str, np.ndarray] = {}
        for frame, picture in enumerate(network.video(8)):
            runner.infer(picture)
            for name in tensors:
                now, mask = runner.tensor(name), runner.mask(name)
                if frame:
                    same = (now == before[name]).all(axis=1)
                    assert (same | mask).all(), f"seed {seed}, frame {frame}: {name} changed outside its mask"
                before[name] = now
