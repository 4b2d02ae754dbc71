"""Gates decide as their formulas say, and their gradients are those of the relaxed gate."""

from __future__ import annotations

import pytest
from support.torch_clips import clip, noisy_clip, torch

from edgeskip.core.errors import ModelError
from edgeskip.nn import Decision, Gate, GumbelGate, NormGate, SkipConv2d, create_gate, gate_names, register_gate
from edgeskip.nn.gates import base


def gated(gate: Gate, mode: str = "refresh", dtype=torch.float32) -> SkipConv2d:
    torch.manual_seed(4)
    return SkipConv2d(2, 3, 3, padding=1, gate=gate, mode=mode).to(dtype)


@pytest.mark.parametrize("mode", ["refresh", "residual"])
@pytest.mark.parametrize(
    "gate",
    [
        lambda: NormGate(0.3, on="input", trainable=True, temperature=0.3),
        lambda: NormGate(0.3, on="output", trainable=True, temperature=0.3),
        lambda: NormGate(0.3, on="output", norm="l1", trainable=True, temperature=0.3),
        lambda: NormGate(0.3, on="input", norm="linf", trainable=True, temperature=0.3),
        lambda: NormGate(0.3, on="input", window=3, trainable=True, temperature=0.3),
        lambda: GumbelGate(1),
        lambda: GumbelGate(2, change="magnitude", channels=2, initial_bias=-0.2),
        lambda: GumbelGate(4),
    ],
    ids=["l2 input", "l2 output", "l1 output", "linf input", "window", "gumbel 1", "gumbel 2 magnitude", "gumbel 4"],
)
def test_gradients_agree_with_finite_differences_through_the_relaxed_gate(gate, mode: str) -> None:
    layer = gated(gate(), mode, torch.float64).eval()
    layer.gate.relaxed = True
    # every pixel changes: at an exactly unchanged one the layer has a kink, since it is no candidate
    frames = noisy_clip(3, 2, (5, 6), seed=7, step=0.5).double().requires_grad_()
    names = list(dict(layer.named_parameters()))

    def outputs(x, *values):
        layer.sites[0].record.clear()
        y = torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))
        return y, layer.sites[0].record.amount

    assert torch.autograd.gradcheck(outputs, (frames, *layer.parameters()), eps=1e-6, atol=1e-5, fast_mode=True)


def test_hard_gate_has_the_gradient_of_the_relaxed_blend_at_its_own_decision() -> None:
    new, old = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    soft = torch.rand(2, 1, 4, 5, requires_grad=True)
    y = Decision(soft > 0.5, soft).blend(new, old)
    assert torch.equal(y, torch.where(soft > 0.5, new, old))
    y.sum().backward()
    torch.testing.assert_close(soft.grad, (new - old).sum(1, keepdim=True))


@pytest.mark.parametrize("block", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (8, 8), (9, 17), (3, 20)])
def test_pixels_of_a_block_open_together_on_any_map(block: int, size: tuple[int, int]) -> None:
    layer = gated(GumbelGate(block, initial_bias=-0.5)).eval()
    change = torch.randn(2, 1, *size)
    opened = layer.gate.decide(change).open
    assert opened.shape == change.shape
    for top in range(0, size[0], block):
        for left in range(0, size[1], block):
            window = (slice(None), slice(None), slice(top, top + block), slice(left, left + block))
            wanted = (change[window] > 0.5).flatten(1).any(1)
            assert torch.equal(opened[window].flatten(1).all(1), wanted)
            assert torch.equal(opened[window].flatten(1).any(1), wanted)


@pytest.mark.parametrize(
    ("size", "fitting"), [((6, 8), 1), ((8, 6), 1), ((12, 16), 2), ((24, 32), 4), ((31, 99), 4), ((48, 64), 8)]
)
def test_blocks_are_smaller_where_too_few_would_lie_on_the_map(size: tuple[int, int], fitting: int) -> None:
    gates = [GumbelGate(8, least_blocks=4, initial_bias=-0.5), GumbelGate(fitting, initial_bias=-0.5)]
    change = torch.randn(2, 1, *size)
    first, second = (gated(gate).eval().gate.decide(change).open for gate in gates)
    assert torch.equal(first, second)
    logit, other = (gate.block_logit(change) for gate in gates)
    torch.testing.assert_close(logit, other)


def test_noise_in_training_only_and_its_rate_follows_the_logit() -> None:
    layer = gated(GumbelGate(initial_bias=1.0))
    change = torch.zeros(4, 1, 50, 50)
    torch.manual_seed(0)
    rate = layer.train().gate.decide(change).open.float().mean().item()
    assert abs(rate - torch.sigmoid(torch.tensor(1.0)).item()) < 0.02  # logistic noise: P(open) = sigmoid(logit)
    assert layer.eval().gate.decide(change).open.all()
    assert layer.gate.decide(change).soft is None


def test_temperature_hardens_the_relaxed_gate() -> None:
    layer = gated(GumbelGate(initial_bias=1.0))
    layer.gate.relaxed = True
    warm = layer.gate.decide(torch.zeros(1, 1, 2, 2)).soft.mean()
    layer.gate.temperature.fill_(0.1)
    assert layer.gate.decide(torch.zeros(1, 1, 2, 2)).soft.mean() > warm


@pytest.mark.parametrize("mode", ["refresh", "residual"])
@pytest.mark.parametrize("gate", [GumbelGate(2), NormGate(0.3, trainable=True)], ids=["gumbel", "norm"])
def test_every_parameter_of_a_gate_learns_from_the_output(gate: Gate, mode: str) -> None:
    layer = gated(gate, mode).train()
    layer(clip(4, 2, (9, 10), seed=3)).square().sum().backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in layer.parameters())


def test_norms_are_means_over_channels() -> None:
    change = torch.tensor([3.0, -4.0, 0.0, 0.0]).view(1, 4, 1, 1)
    for norm, value in (("l2", 2.5), ("l1", 1.75), ("linf", 4.0)):
        below, above = (NormGate(value + shift, norm=norm).decide(change).open.item() for shift in (1e-4, -1e-4))
        assert (below, above) == (False, True)


def test_scale_makes_the_tolerance_relative() -> None:
    gate = NormGate(0.5)
    gate.scale.fill_(4.0)
    assert gate.threshold.item() == 2.0
    assert gate.decide(torch.full((1, 1, 1, 2), 2.0)).open.tolist() == [[[[False, False]]]]


def test_a_window_averages_noise_away_and_sees_texture() -> None:
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(1, 3, 24, 24, generator=generator)
    moved = noise.clone()
    moved[..., 8:16, 8:16] += 1.5
    chess = 4.0 * ((torch.arange(24)[:, None] + torch.arange(24)) % 2 * 2 - 1).expand(1, 3, 24, 24)
    opened = {window: [NormGate(0.8, on="input", window=window).decide(change).open.float().mean().item()
                       for change in (noise, moved, chess)] for window in (1, 5)}  # fmt: skip
    assert opened[1][0] > 0.5
    assert opened[5][0] < 0.01
    assert 0.08 < opened[5][1] < 0.2, "64 of 576 pixels, and their neighbours"
    assert opened[5][2] == 1, "without the mean of magnitudes a texture of zero mean would go unseen"


def test_another_gate_is_one_class() -> None:
    @register_gate
    class Checkered(Gate):
        name = "checkered"
        watches = "output"

        def decide(self, change):
            rows, columns = torch.meshgrid(*(torch.arange(n) for n in change.shape[2:]), indexing="ij")
            return Decision((((rows + columns) % 2) == 0).expand(len(change), 1, -1, -1))

        def macs_per_pixel(self) -> int:
            return 0

    try:
        assert "checkered" in gate_names()
        layer = gated(create_gate("checkered")).eval()
        x = torch.rand(1, 2, 2, 2, 4, 4)[0]
        y, dense = layer(x), layer.convolve(x[:, 1])
        assert torch.equal(y[:, 1, :, 0, 0], dense[:, :, 0, 0])
        assert torch.equal(y[:, 1, :, 0, 1], y[:, 0, :, 0, 1])
    finally:
        del base._GATES["checkered"]


def test_bad_options_name_the_rule() -> None:
    with pytest.raises(ModelError, match="unknown gate 'gumble'") as caught:
        create_gate("gumble")
    assert "gumbel, norm" in caught.value.hint
    with pytest.raises(ModelError, match="does not take these options"):
        create_gate("norm", block=2)
    for wrong in ({"block": 3}, {"change": "cubic"}, {"channels": 2}, {"temperature": 0}, {"least_blocks": -1}):
        with pytest.raises(ModelError, match="Gumbel gate"):
            GumbelGate(**wrong)
    for wrong in ({"tolerance": -1}, {"on": "side"}, {"norm": "l3"}, {"temperature": 0}, {"window": 3},
                  {"on": "input", "window": 4}):  # fmt: skip
        with pytest.raises(ModelError, match="norm gate"):
            NormGate(**wrong)
