"""SkipConv2d is a drop-in convolution: exact at threshold 0, drift-free, one state per stream."""

from __future__ import annotations

import copy

import pytest
from support.torch_clips import clip, dense_outputs, noisy_clip, torch

from edgeskip.core.errors import InputError, ModelError
from edgeskip.nn import GumbelGate, NormGate, SkipConv2d, reset_state, temporal_state_dict
from edgeskip.nn.gates.norm import channel_norm
from edgeskip.nn.geometry import SAME_UPPER

GEOMETRIES = {
    "plain": {"kernel_size": 3, "padding": 1},
    "valid": {"kernel_size": (3, 2), "bias": False},
    "stride": {"kernel_size": 3, "stride": 2, "padding": 1},
    "stride of a pointwise": {"kernel_size": 1, "stride": 2},
    "wide padding": {"kernel_size": 3, "padding": (2, 3)},
    "dilation": {"kernel_size": 3, "dilation": (2, 1), "padding": 2},
    "groups": {"kernel_size": 3, "padding": 1, "groups": 2},
    "depthwise": {"kernel_size": 5, "padding": 2, "groups": 4},
    "same": {"kernel_size": (4, 3), "padding": "same"},
    "same of an odd size": {"kernel_size": 3, "stride": 2, "padding": SAME_UPPER},
    "reflect": {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
    "replicate": {"kernel_size": 5, "padding": (2, 1), "padding_mode": "replicate"},
    "circular": {"kernel_size": 3, "padding": 1, "padding_mode": "circular", "stride": (1, 2)},
}
# every gate, open for every change
GATES = {
    "input": lambda: NormGate(0, on="input"),
    "output": lambda: NormGate(0, on="output"),
    "gumbel": lambda: GumbelGate(2, initial_bias=1e6),
}


def layer(gate, mode: str = "refresh", **geometry) -> SkipConv2d:
    torch.manual_seed(1)
    return SkipConv2d(4, 4, **(geometry or GEOMETRIES["plain"]), gate=gate, mode=mode).eval()


def frame_by_frame(module, frames):
    with torch.no_grad():
        return torch.stack([module(frame) for frame in frames.unbind(1)], 1)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("mode", ["refresh", "residual"])
def test_equals_the_dense_convolution_where_gates_pass_everything(gate: str, geometry: str, mode: str) -> None:
    skip = layer(GATES[gate](), mode, **GEOMETRIES[geometry])
    frames = clip(channels=4)
    with torch.no_grad():
        dense = torch.stack([skip.convolve(frame) for frame in frames.unbind(1)], 1)
        torch.testing.assert_close(skip(frames), dense, atol=2e-6, rtol=0)
    torch.testing.assert_close(frame_by_frame(skip, frames), dense, atol=2e-6, rtol=0)


@pytest.mark.parametrize("geometry", [name for name in GEOMETRIES if name != "same of an odd size"])
def test_dense_convolution_is_that_of_torch(geometry: str) -> None:
    options = GEOMETRIES[geometry]
    torch.manual_seed(3)
    dense = torch.nn.Conv2d(4, 4, **options)
    skip = layer(NormGate(0), **options)
    skip.load_state_dict(dense.state_dict())
    frames = clip(channels=4)
    torch.testing.assert_close(skip(frames), dense_outputs(dense, frames), atol=2e-6, rtol=0)


@pytest.mark.parametrize("mode", ["refresh", "residual"])
@pytest.mark.parametrize("gate", ["input", "output", "signed", "magnitude"])
def test_stateful_frames_equal_the_stateless_clip(mode: str, gate: str) -> None:
    gates = {
        "input": lambda: NormGate(0.8, on="input"),
        "output": lambda: NormGate(0.1, on="output"),
        "signed": lambda: GumbelGate(2, initial_bias=-0.1),
        "magnitude": lambda: GumbelGate(4, change="magnitude", channels=2, initial_bias=-0.3),
    }
    skip = layer(gates[gate](), mode)
    frames = clip(channels=4)
    with torch.no_grad():
        whole = skip(frames)
    assert not temporal_state_dict(skip)
    assert torch.equal(frame_by_frame(skip, frames), whole)
    assert not torch.allclose(whole, skip.convolve(frames.flatten(0, 1)).unflatten(0, (2, 6)), atol=1e-3)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_error_stays_below_the_output_threshold_at_every_frame(norm: str) -> None:
    threshold = 0.1
    skip = layer(NormGate(threshold, on="output", norm=norm))
    errors = []
    with torch.no_grad():
        for frame in noisy_clip(300, 4, (9, 11)).unbind(1):
            errors.append(channel_norm(skip(frame) - skip.convolve(frame), norm).max().item())
    assert max(errors[150:]) <= threshold
    assert max(errors[:150]) <= threshold
    assert max(errors) > threshold / 2


def test_input_reference_stays_within_the_threshold_at_every_frame() -> None:
    skip = layer(NormGate(0.1, on="input", norm="linf"))
    bound = 0.1 * skip.weight.abs().sum((1, 2, 3)).max()
    with torch.no_grad():
        errors = [(skip(f) - skip.convolve(f)).abs().max() for f in noisy_clip(300, 4, (9, 11)).unbind(1)]
    assert max(errors) <= bound + 1e-5
    assert max(errors) > 0


def test_a_pixel_that_a_learned_gate_lets_through_is_current_and_pending_ones_wait() -> None:
    skip = layer(GumbelGate(1, change="magnitude", initial_bias=-0.15))
    worst = 0.0
    with torch.no_grad():
        for frame in noisy_clip(200, 4, (9, 11), step=0.02).unbind(1):
            y, state = skip(frame), skip.sites[0].state
            error = (y - skip.convolve(frame)).abs().amax(1, keepdim=True)
            assert (error[~state["pending"]] < 1e-5).all()
            gate_change = (skip.gate.signal(frame) - state["reference"]).abs()
            assert (gate_change[state["pending"]] <= 0.15 + 1e-6).all()
            worst = max(worst, error.max().item())
    assert worst > 0.01


def test_residual_drifts_and_counts_its_bias_once() -> None:
    gate = {"tolerance": 0.05, "on": "input"}
    skip, refresh = layer(NormGate(**gate), "residual"), layer(NormGate(**gate))
    torch.nn.init.constant_(skip.bias, 10.0)
    refresh.load_state_dict(skip.state_dict())
    errors = {"residual": [], "refresh": []}
    with torch.no_grad():
        for frame in noisy_clip(400, 4, (9, 11), step=0.04).unbind(1):
            dense = skip.convolve(frame)
            errors["residual"].append((skip(frame) - dense).abs().mean().item())
            errors["refresh"].append((refresh(frame) - dense).abs().mean().item())
    assert errors["residual"][-1] > 3 * errors["residual"][20]
    assert errors["refresh"][-1] < 1.5 * errors["refresh"][20]
    assert errors["residual"][1] < 1  # a bias that is added again would show as 10


@pytest.mark.parametrize("mode", ["refresh", "residual"])
@pytest.mark.parametrize("gate", ["input", "output", "gumbel"])
def test_streams_are_independent_and_one_can_be_reset_alone(mode: str, gate: str) -> None:
    gates = {
        "input": lambda: NormGate(0.2, on="input"),
        "output": lambda: NormGate(0.2, on="output"),
        "gumbel": lambda: GumbelGate(2, initial_bias=-0.1),
    }
    skip = layer(gates[gate](), mode)
    frames = clip(8, channels=4, streams=3)
    together = frame_by_frame(skip, frames[:, :4])
    for stream in range(3):
        alone = copy.deepcopy(skip)
        one = frames[stream : stream + 1]
        torch.testing.assert_close(frame_by_frame(alone, one[:, :4])[0], together[stream], atol=1e-6, rtol=0)
    reset_state(skip, streams=[1])
    after = frame_by_frame(skip, frames[:, 4:])
    dense = skip.convolve(frames[1:2, 4])
    torch.testing.assert_close(after[1:2, 0], dense, atol=1e-6, rtol=0)
    fresh = frame_by_frame(copy.deepcopy(skip), frames[1:2, 4:])
    torch.testing.assert_close(after[1], fresh[0], atol=1e-6, rtol=0)
    assert not torch.allclose(after[0:1, 0], skip.convolve(frames[0:1, 4]), atol=1e-4)


def test_reset_of_a_stream_leaves_no_unknown_value_in_gradients() -> None:
    skip = layer(GumbelGate(2)).train()
    frames = clip(3, channels=4)
    skip(frames[:, 0])
    reset_state(skip, streams=[0])
    (skip(frames[:, 1]).sum() + skip(frames[:, 2]).sum()).backward()
    assert all(torch.isfinite(value.grad).all() for value in skip.parameters())


def test_another_size_needs_a_reset() -> None:
    skip = layer(NormGate(0))
    skip(torch.zeros(1, 4, 8, 8))
    with pytest.raises(InputError, match=r"\[1, 4, 8, 9\] does not fit the state .* \[1, 4, 8, 8\]") as caught:
        skip(torch.zeros(1, 4, 8, 9))
    assert "reset_state" in caught.value.hint
    reset_state(skip)
    skip(torch.zeros(1, 4, 8, 9))


def test_copies_have_no_state_and_state_dicts_are_those_of_torch() -> None:
    skip = layer(NormGate(0))
    skip(torch.zeros(1, 4, 8, 8))  # with a gradient graph, which can't be copied
    twin = copy.deepcopy(skip)
    assert twin.sites[0].state is None
    assert skip.sites[0].state is not None
    assert set(skip.state_dict()) == {"weight", "bias", "gate.tolerance", "gate.scale"}


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ModelError, match="unknown mode 'redo'"):
        layer(NormGate(0), "redo")
    with pytest.raises(ModelError, match="change='inputs' does not work in mode 'refresh'"):
        layer(GumbelGate(change="inputs"))
    with pytest.raises(InputError, match="neither"):
        layer(NormGate(0))(torch.zeros(4, 8, 8))
    with pytest.raises(InputError, match="has no frame"):
        layer(NormGate(0))(torch.zeros(1, 0, 4, 8, 8))
