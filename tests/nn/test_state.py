"""The temporal state: kept, saved, loaded, left aside; clips through a network; compiled and in mixed precision."""

from __future__ import annotations

import copy

import pytest
from support.torch_clips import clip, dense_outputs, small_network, torch

from edgeskip.core.errors import InputError, ModelError
from edgeskip.nn import (
    Policy,
    convert,
    dense_mode,
    detach_state,
    gate_loss,
    load_temporal_state,
    mac_statistics,
    reset_state,
    run_clip,
    skip_layers,
    temporal_state_dict,
)

POLICIES = {
    "input": Policy("norm", {"on": "input", "tolerance": 0.3}),
    "output": Policy("norm", {"on": "output", "tolerance": 0.1}),
    "gumbel": Policy("gumbel", {"block": 2, "initial_bias": -0.05}),
    "residual": Policy("gumbel", {"block": 2, "initial_bias": -0.05}, mode="residual"),
}
EXAMPLE = torch.zeros(1, 3, 13, 18)


def network(policy: str, seed: int = 0):
    torch.manual_seed(9)
    return convert(small_network(seed), POLICIES[policy], fold_batch_norms=True, example=EXAMPLE)


def walk(model, frames):
    with torch.no_grad():
        return torch.stack([model(frame) for frame in frames.unbind(1)], 1)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_saved_state_continues_in_another_copy(policy: str) -> None:
    model, frames = network(policy), clip(8)
    first = walk(model, frames[:, :4])
    state = {key: value.clone() for key, value in temporal_state_dict(model).items()}
    twin = copy.deepcopy(model)
    load_temporal_state(twin, state)
    assert torch.equal(walk(twin, frames[:, 4:]), walk(model, frames[:, 4:]))
    load_temporal_state(twin, {})
    assert torch.equal(walk(twin, frames[:, :4]), first)
    with pytest.raises(ModelError, match=r"no layer has '7\.0\.y'"):
        load_temporal_state(twin, {"7.0.y": torch.zeros(1)})


@pytest.mark.parametrize("policy", POLICIES)
def test_run_clip_is_frame_by_frame_and_leaves_the_state_alone(policy: str) -> None:
    model, frames = network(policy), clip(6)
    walk(model, frames[:, :2])
    before = {key: value.clone() for key, value in temporal_state_dict(model).items()}
    with torch.no_grad():
        outputs = run_clip(model, frames)
    after = temporal_state_dict(model)
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    reset_state(model)
    assert torch.equal(walk(model, frames), outputs)


def test_a_window_begins_with_a_dense_frame_and_must_fit_the_clip() -> None:
    model, frames = network("output"), clip(6)
    with torch.no_grad():
        outputs, dense = run_clip(model, frames, window=3), run_clip(model, frames, window=1)
    assert torch.equal(outputs[:, 3], dense[:, 3])
    assert not torch.equal(outputs[:, 4], dense[:, 4])
    with pytest.raises(InputError, match="the clip has 6 frames, the window 8"):
        run_clip(model, frames, window=8)
    with pytest.raises(InputError, match=r"a clip is \[N, T, C, H, W\]"):
        run_clip(model, frames[:, 0])


def test_outputs_of_any_structure_are_stacked() -> None:
    class Many(torch.nn.Module):
        def forward(self, x):
            return {"a": [x, (x + 1, x * 2)]}

    frames = clip(3)
    outputs = run_clip(Many(), frames)
    assert torch.equal(outputs["a"][1][0], frames + 1)
    assert isinstance(outputs["a"][1], tuple)


def test_activations_that_work_in_place_do_not_reach_the_state() -> None:
    dense = small_network()
    dense[2].inplace = dense[4].inplace = True
    model = convert(copy.deepcopy(dense), fold_batch_norms=True, example=EXAMPLE)
    frames = clip()
    torch.testing.assert_close(walk(model, frames), dense_outputs(dense, frames), atol=3e-6, rtol=0)


def test_dense_mode_is_the_teacher() -> None:
    model, dense, frames = network("gumbel"), small_network(), clip(4)
    walk(model, frames[:, :2])
    before = temporal_state_dict(model)
    with dense_mode(model), torch.no_grad():
        torch.testing.assert_close(model(frames[:, 3]), dense(frames[:, 3]), atol=3e-6, rtol=0)
    assert temporal_state_dict(model).keys() == before.keys()
    assert all(layer.skipping for layer in skip_layers(model).values())


def test_gradients_flow_through_time_until_the_state_is_detached() -> None:
    frames = clip(3).requires_grad_()
    model = network("input").train()
    run_clip(model, frames)[:, 2].sum().backward()
    assert frames.grad[:, 0].abs().sum() > 0
    frames = clip(3).requires_grad_()
    model(frames[:, 0])
    detach_state(model)
    model(frames[:, 1]).sum().backward()
    assert frames.grad[:, 0].abs().sum() == 0


def test_a_stream_that_is_not_there_can_not_be_reset() -> None:
    model = network("output")
    model(EXAMPLE)
    with pytest.raises(InputError, match=r"holds 1 streams, and \[1\] are to be reset"):
        reset_state(model, [1])


@pytest.mark.parametrize("policy", ["input", "gumbel", "residual"])
def test_compiled_network_equals_the_eager_one_without_graph_breaks(policy: str) -> None:
    torch._dynamo.reset()
    model, frames = network(policy), clip(5)
    wanted = walk(copy.deepcopy(model), frames)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(walk(compiled, frames), wanted, atol=1e-6, rtol=0)
    assert mac_statistics(model).frames == 4


def test_compiled_training_step_has_the_gradients_of_the_eager_one() -> None:
    torch._dynamo.reset()
    eager, frames = network("gumbel"), clip(3)
    for layer in skip_layers(eager).values():
        layer.gate.relaxed = True  # without noise, which differs from run to run
    compiled = copy.deepcopy(eager)
    for model, run in ((eager, eager), (compiled, torch.compile(compiled, backend="aot_eager"))):
        outputs = [run(frame) for frame in frames.unbind(1)]
        (sum(output.square().sum() for output in outputs) + gate_loss(model)).backward()
    for first, second in zip(eager.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(first.grad, second.grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("policy", POLICIES)
def test_mixed_precision_keeps_gates_in_float32_and_learns(policy: str) -> None:
    model, frames = network(policy).train(), clip(4)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = run_clip(model, frames)
    exact = run_clip(network(policy).eval(), frames)
    outputs.float().sum().backward()
    assert all(value.grad is None or torch.isfinite(value.grad).all() for value in model.parameters())
    assert (outputs.float() - exact).abs().mean() < 0.2 * exact.abs().mean()
    with torch.no_grad():  # from mixed precision to full, with the same state
        with torch.autocast("cpu", torch.bfloat16):
            model(frames[:, 0])
        assert model(frames[:, 1]).dtype == torch.float32
