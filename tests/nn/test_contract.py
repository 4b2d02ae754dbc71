"""Mode "refresh" is docs/contract.md: frame by frame the same as the numpy oracles of SkipGate and SkipConv."""

from __future__ import annotations

import numpy as np
import pytest
from support.torch_clips import noisy_clip, torch

from edgeskip.core.contract import TEXTURE_FACTOR
from edgeskip.graph.ir import Node
from edgeskip.graph.reference.skip_ops import skip_conv, skip_gate
from edgeskip.nn import GumbelGate, NormGate, SkipConv2d

FRAMES, SIZE = 12, (11, 14)
GEOMETRY = {"kernel_size": 3, "stride": 2, "padding": 1, "groups": 2}
ATTRIBUTES = {
    "kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "dilations": [1, 1], "group": 2, "transposed": 0,
    "output_padding": [0, 0], "activation": "none", "alpha": [], "beta": 0.0, "norm": "l2", "block": 1,
}  # fmt: skip


def node(threshold: float) -> Node:
    return Node("SkipConv", [], [], attributes={**ATTRIBUTES, "threshold": threshold}, name="conv")


def walk():
    """A random walk of which half of the pixels stand still."""
    frames = noisy_clip(FRAMES, 4, SIZE, streams=2, seed=5, step=0.2)
    frames[..., : SIZE[1] // 2] = frames[:, :1, ..., : SIZE[1] // 2]
    return frames


def layer(gate) -> SkipConv2d:
    torch.manual_seed(2)
    return SkipConv2d(4, 6, **GEOMETRY, gate=gate).eval()


def oracle(skip: SkipConv2d, inputs: dict, threshold: float, gate=None) -> list[np.ndarray]:
    given = [inputs["x"], inputs["mask"], skip.weight.detach().numpy(), skip.bias.detach().numpy(), None, None]
    return skip_conv(node(threshold), [*given, gate, None, inputs["y"], inputs.get("pending")])


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
def test_norm_gate_on_the_output(norm: str) -> None:
    skip, y, before = layer(NormGate(0.15, on="output", norm=norm)), None, None
    skipped = 0
    for frame in walk().unbind(1):
        with torch.no_grad():
            got = skip(frame).numpy()
        x = frame.numpy()
        mask = np.ones_like(x[:, :1], np.int32) if before is None else (x != before).any(1, keepdims=True)
        y = np.full_like(got, np.nan) if y is None else y
        operation = node(0.15)
        operation.attributes["norm"] = norm
        given = [x, mask.astype(np.int32), skip.weight.detach().numpy(), skip.bias.detach().numpy()]
        y, changed = skip_conv(operation, [*given, None, None, None, None, y, None])
        np.testing.assert_allclose(got, y, atol=1e-5)
        before, skipped = x, skipped + (changed == 0).sum()
    assert skipped


def test_norm_gate_on_the_input_is_a_gate_before_an_exact_convolution() -> None:
    skip, y, reference = layer(NormGate(0.2, on="input")), None, None
    gate = Node(
        "SkipGate", [], [], attributes={"threshold": 0.2, "threshold_signed": np.inf, "norm": "l2", "window": 1}
    )
    for frame in walk().unbind(1):
        with torch.no_grad():
            got = skip(frame).numpy()
        x = frame.numpy()
        reference, mask = skip_gate(gate, [x, np.full_like(x, np.nan) if reference is None else reference])
        y = np.full_like(got, np.nan) if y is None else y
        y, changed = oracle(skip, {"x": reference.astype(np.float32), "mask": mask, "y": y}, 0.0)
        np.testing.assert_allclose(got, y, atol=1e-5)
        assert np.array_equal(skip.sites[0].record.mask.numpy(), changed != 0)
    assert 0 < changed.mean() < 1


def test_a_window_on_the_input_is_the_frame_gate() -> None:
    skip, reference = layer(NormGate(0.1, on="input", window=3)), None
    attributes = {"threshold": TEXTURE_FACTOR * 0.1, "threshold_signed": 0.1, "norm": "l2", "window": 3}
    operation = Node("SkipGate", [], [], attributes=attributes, name="gate")
    kept = 0
    for frame in walk().unbind(1):
        with torch.no_grad():
            got = skip(frame)
        x = frame.numpy()
        reference, mask = skip_gate(operation, [x, np.full_like(x, np.nan) if reference is None else reference])
        kept += (mask == 0).sum()
        with torch.no_grad():
            wanted = skip.convolve(torch.from_numpy(reference.astype(np.float32)))
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert 0 < kept < FRAMES * x[:, 0].size


@pytest.mark.parametrize(("block", "change"), [(1, "signed"), (2, "magnitude"), (4, "signed"), (8, "magnitude")])
def test_gumbel_gate_with_its_pending_pixels(block: int, change: str) -> None:
    skip = layer(GumbelGate(block, change=change, initial_bias=-0.3))
    y = pending = u_ref = before = None
    waited = 0
    for frame in walk().unbind(1):
        with torch.no_grad():
            got = skip(frame).numpy()
            u = skip.gate.signal(frame).numpy()
        x = frame.numpy()
        mask = np.ones_like(x[:, :1]) if before is None else (x != before).any(1, keepdims=True)
        y = np.full_like(got, np.nan) if y is None else y
        pending = np.ones_like(u, np.int32) if pending is None else pending
        moved = u - (np.zeros_like(u) if u_ref is None else u_ref)
        gate = in_blocks((np.abs(moved) if change == "magnitude" else moved) - 0.3, block) > 0
        given = {"x": x, "mask": mask.astype(np.int32), "y": y, "pending": pending}
        y, _, pending = oracle(skip, given, -1.0, gate.astype(np.int32))
        u_ref = np.where(pending != 0, np.nan if u_ref is None else u_ref, u)
        np.testing.assert_allclose(got, y, atol=1e-5)
        assert np.array_equal(skip.sites[0].state["pending"].numpy(), pending != 0)
        before, waited = x, waited + pending.sum()
    assert waited


def in_blocks(logit: np.ndarray, block: int) -> np.ndarray:
    """Largest value of each block, at all of its pixels; blocks at the border are clipped."""
    result = np.empty_like(logit)
    for top in range(0, logit.shape[2], block):
        for left in range(0, logit.shape[3], block):
            part = logit[:, :, top : top + block, left : left + block]
            result[:, :, top : top + block, left : left + block] = part.max((2, 3), keepdims=True)
    return result
