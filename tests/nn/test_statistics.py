"""MAC counts are those of the masks, the loss is their differentiable expectation, scales are means of norms."""

from __future__ import annotations

import pytest
from support.torch_clips import clip, small_network, torch

from edgeskip.core.errors import InputError, ModelError
from edgeskip.nn import (
    GumbelGate,
    NormGate,
    Policy,
    SkipConv2d,
    calibrate_gates,
    convert,
    gate_loss,
    mac_statistics,
    reset_statistics,
    run_clip,
    skip_layers,
)
from edgeskip.nn.statistics import last_masks

EXAMPLE = torch.zeros(1, 3, 13, 18)


def one_pixel_moves(layer: SkipConv2d) -> None:
    """Two streams; in the second one pixel in the middle changes by 1."""
    frames = torch.zeros(2, 2, 4, 9, 9)
    frames[1, 1, :, 4, 4] = 1.0
    with torch.no_grad():
        for frame in frames.unbind(1):
            layer(frame)


@pytest.mark.parametrize(
    ("gate", "computed", "gate_macs"),
    [
        (NormGate(0.5, on="input"), 25, 4),
        (NormGate(2.0, on="input"), 0, 4),
        (NormGate(100.0, on="output"), 25, 25 * 6),
        (GumbelGate(1, initial_bias=100.0), 25, 25 * 4 * 25),
        (GumbelGate(1, initial_bias=-100.0), 0, 25 * 4 * 25),
    ],
)
def test_counts_of_one_moved_pixel(gate, computed: int, gate_macs: int) -> None:
    layer = SkipConv2d(4, 6, 5, padding=2, gate=gate).eval()
    one_pixel_moves(layer)
    (row,) = mac_statistics(layer).layers
    assert row.dense == 81 * 4 * 6 * 25
    assert row.active == computed * 4 * 6 * 25 / 2  # mean of two streams
    assert row.gate == gate_macs / 2
    both = mac_statistics(layer, include_reference=True)
    assert both.frames == 2
    assert both.layers[0].active == (row.active + row.dense) / 2
    assert last_masks(layer)[""].sum((1, 2, 3)).tolist() == [0, computed]


def test_layers_left_dense_count_in_full() -> None:
    model = convert(small_network(), Policy(include=("0",)), example=EXAMPLE)
    with torch.no_grad():
        run_clip(model, EXAMPLE.unsqueeze(1).expand(-1, 3, -1, -1, -1))
    report = mac_statistics(model)
    dense = {"0": 3 * 8 * 9 * 13 * 18, "3": 4 * 8 * 9 * 63, "5": 8 * 4 * 63}
    assert {row.name: row.dense for row in report.layers} == dense
    assert report.active == dense["3"] + dense["5"]
    assert report.frames == 2


def test_nothing_counted_is_an_error() -> None:
    model = convert(small_network())
    with pytest.raises(ModelError, match="no frame was counted"):
        mac_statistics(model)
    model(EXAMPLE)
    with pytest.raises(ModelError, match="no gated frame"):
        gate_loss(model)
    model(EXAMPLE)
    assert mac_statistics(model).active == 0
    reset_statistics(model)
    with pytest.raises(ModelError, match="no frame was counted"):
        mac_statistics(model)


def test_loss_is_the_expected_share_of_macs_weighted_by_layer() -> None:
    model = convert(small_network(), Policy("gumbel", {"initial_bias": 0.7}))
    for layer in skip_layers(model).values():
        layer.gate.relaxed = True
        torch.nn.init.zeros_(layer.gate.weight)
    torch.nn.init.constant_(model[5].gate.bias, -0.7)
    frames = torch.rand(2, 3, 3, 13, 18)  # every pixel is a candidate
    run_clip(model, frames)
    macs = {"0": 3 * 8 * 9 * 13 * 18, "3": 4 * 8 * 9 * 63, "5": 8 * 4 * 63}
    rate = torch.sigmoid(torch.tensor(0.7) / model[0].gate.temperature)
    rates = {"0": rate, "3": rate, "5": 1 - rate}
    wanted = sum(macs[name] * rates[name] for name in macs) / sum(macs.values())
    torch.testing.assert_close(gate_loss(model), wanted, atol=1e-5, rtol=0)
    only_last = gate_loss(model, {"[03]": 0.0, "5": 2.0})
    torch.testing.assert_close(only_last, 1 - rate, atol=1e-5, rtol=0)
    gate_loss(model).backward()
    assert all(layer.gate.bias.grad > 0 for layer in skip_layers(model).values())


def test_descending_the_loss_lowers_the_macs() -> None:
    torch.manual_seed(0)
    model = convert(small_network(), Policy("gumbel", {"block": 2})).train()
    gates = [value for layer in skip_layers(model).values() for value in layer.gate.parameters()]
    optimizer = torch.optim.SGD(gates, 2.0)
    frames, shares = clip(3), []
    for _ in range(25):
        reset_statistics(model)
        run_clip(model, frames)
        loss = gate_loss(model)
        shares.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert shares[-1] < 0.5 * shares[0]


@pytest.mark.parametrize("on", ["input", "output"])
def test_scales_are_mean_norms_of_the_dense_network(on: str) -> None:
    model = convert(small_network(), Policy("norm", {"on": on, "tolerance": 0.5}))
    frames = list(clip(3).unbind(1))
    scales = calibrate_gates(model, frames)
    values = torch.stack(frames)
    watched = values if on == "input" else torch.stack([small_network()[0](frame) for frame in frames])
    wanted = watched.square().mean(2).sqrt().mean().item()
    assert scales["0"] == pytest.approx(wanted, rel=1e-5)
    assert model[0].gate.threshold.item() == pytest.approx(wanted / 2, rel=1e-5)
    assert skip_layers(model)["0"].sites[0].state is None
    with pytest.raises(InputError, match="no frames were given"):
        calibrate_gates(model, [])
