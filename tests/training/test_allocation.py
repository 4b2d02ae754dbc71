"""The search moves thresholds to where MACs cost least, never past the budget, and never to a worse loss."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from support.torch_clips import small_network, torch

from edgeskip.core.errors import ConfigError
from edgeskip.nn import Policy, convert, skip_layers
from edgeskip.training.allocation import Trial, allocate, within_budget
from edgeskip.training.search import GateGroups, grouped

# harm of a threshold, and MACs of its layer
LAYERS = {"cheap": (4.0, 0.1), "large": (0.5, 0.7), "fragile": (40.0, 0.2)}


def measure(values: Mapping[str, float]) -> Trial:
    """A layer needs 1 / (1 + threshold) of its MACs, and does harm by the square of it."""
    loss = sum(LAYERS[name][0] * value**2 for name, value in values.items())
    return Trial(loss, sum(LAYERS[name][1] / (1 + value) for name, value in values.items()))


def test_thresholds_go_where_they_cost_least() -> None:
    start = dict.fromkeys(LAYERS, 0.1)
    uniform = within_budget(start, measure, 0.6)
    found = allocate(start, measure, 0.6, sweeps=6)
    assert 0.99 * 0.6 <= found.trial.mac_fraction <= 0.6
    assert found.trial.loss < 0.5 * uniform.trial.loss
    assert found.values["large"] > found.values["cheap"] > found.values["fragile"]
    losses = [trial.loss for trial in found.history]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == uniform.trial.loss
    assert len(losses) == 7


def test_a_sweep_that_makes_it_worse_is_taken_back() -> None:
    calls = 0

    def deceptive(values: Mapping[str, float]) -> Trial:
        """Every gate alone seems harmless, all that differs from equal thresholds is not."""
        nonlocal calls
        calls += 1
        found = measure(values)
        spread = max(values.values()) / min(values.values())
        return Trial(found.loss if spread <= 2 else 100 * found.loss, found.mac_fraction)

    start = dict.fromkeys(LAYERS, 0.1)
    found = allocate(start, deceptive, 0.6, sweeps=1)
    assert found.values == within_budget(start, measure, 0.6).values
    assert calls > len(LAYERS)


@pytest.mark.parametrize("budget", [0.9, 0.6, 0.3, 0.05])
def test_the_budget_is_kept_from_either_side(budget: float) -> None:
    for begin in (0.01, 5.0):
        found = within_budget(dict.fromkeys(LAYERS, begin), measure, budget)
        assert 0.98 * budget <= found.trial.mac_fraction <= budget
        assert len(set(found.values.values())) == 1, "one factor for all"


@pytest.mark.parametrize(("budget", "alone"), [(0.6, True), (0.15, False)])
def test_gates_that_learned_are_fitted_alone_where_that_is_enough(budget: float, alone: bool) -> None:
    start = dict.fromkeys(LAYERS, 0.1)
    found = allocate(start, measure, budget, sweeps=0, first=["large", "cheap"])
    assert 0.95 * budget <= found.trial.mac_fraction <= budget
    assert set(found.values) == set(LAYERS)
    assert (found.values["fragile"] == 0.1) == alone
    assert found.values["large"] == found.values["cheap"] > 0.1
    assert found.trial == measure(found.values)


def test_a_budget_out_of_reach_is_said() -> None:
    with pytest.raises(ConfigError, match=r"budget 0\.2 can't be reached: .* need 0\.5"):
        within_budget({"a": 0.1}, lambda values: Trial(1.0, 0.5 + 0.5 * math.exp(-values["a"])), 0.2)


def test_small_layers_of_one_parent_move_together() -> None:
    shares = {"stem": 0.001, "block.0.a": 0.002, "block.0.b": 0.003, "block.0.c": 0.2, "block.1.a": 0.001}
    assert grouped(shares, shares) == {
        "stem": ["stem"],
        "block.0.*": ["block.0.a", "block.0.b"],
        "block.0.c": ["block.0.c"],
        "block.1.*": ["block.1.a"],
    }


def test_groups_move_tolerances_and_biases_and_leave_exact_gates() -> None:
    network = small_network()
    names = [name for name, module in network.named_modules() if isinstance(module, torch.nn.Conv2d)]
    policies = [
        Policy("norm", {"tolerance": 0.0}, include=(names[0],)),
        Policy("norm", {"tolerance": 0.1}, include=(names[1],)),
        Policy("gumbel", {"initial_bias": -0.5}),
    ]
    model = convert(network, policies)
    gates = {name: layer.gate for name, layer in skip_layers(model).items()}
    groups = GateGroups(model, dict.fromkeys(names, 1.0))
    assert groups.learned == [names[2]]
    groups.set(dict.fromkeys(groups.groups, 3.0))
    assert gates[names[0]].tolerance.item() == 0
    assert gates[names[1]].tolerance.item() == pytest.approx(0.3)
    assert gates[names[2]].bias.item() == pytest.approx(-1.5)
    groups.set(dict.fromkeys(groups.groups, 1.0))
    assert gates[names[2]].bias.item() == pytest.approx(-0.5), "factors count from where the gates were at first"
