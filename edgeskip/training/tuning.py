"""One knob opens or closes all gates alike; a search finds the position that keeps a budget."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from edgeskip.core.errors import ConfigError, ModelError
from edgeskip.nn import Gate, GumbelGate, MacReport, NormGate, mac_statistics, skip_layers
from edgeskip.training.bisection import closest_within
from edgeskip.training.progress import Evaluation, Fit, Point

START_TOLERANCE = 0.06
FARTHEST = 12.0
# share of the budget that Gumbel gates must spend by themselves, where norm gates stay as they are
SPENT_ALONE = 0.9


class Knob:
    """All gates of a network: a position above 0 closes them, below 0 opens them, 0 is where they began.

    The tolerance of a norm gate is its own times exp(position), so that layers keep their ratios; where no tolerance
    was set, all begin at `START_TOLERANCE`. The bias of a Gumbel gate is its own minus the position.

    Args:
        learned: move Gumbel gates alone.

    Raises:
        ModelError: no gate that can be moved so.
    """

    def __init__(self, model: nn.Module, learned: bool = False) -> None:
        gates = [layer.gate for layer in skip_layers(model).values()]
        norms = [] if learned else [gate for gate in gates if isinstance(gate, NormGate)]
        self._before = [(value, value.detach().clone()) for gate in gates for value in _values(gate)]
        unset = not any(gate.tolerance.item() > 0 for gate in norms)
        self._norms = [(gate, START_TOLERANCE if unset else gate.tolerance.item()) for gate in norms]
        self._biases = [(gate, gate.bias.detach().clone()) for gate in gates if isinstance(gate, GumbelGate)]
        if not self._norms and not self._biases:
            raise ModelError("no norm or Gumbel gate to fit to a budget", hint="training.fit = false leaves it out")

    @torch.no_grad()
    def move(self, position: float) -> None:
        """Set all gates."""
        for gate, tolerance in self._norms:
            gate.tolerance.fill_(tolerance * math.exp(position))
        for gate, bias in self._biases:
            gate.bias.copy_(bias - position)

    @torch.no_grad()
    def restore(self) -> None:
        """All gates as they were, also where no tolerance was set."""
        for value, before in self._before:
            value.copy_(before)


def fit_budget(
    model: nn.Module, evaluate: Callable[[nn.Module], Evaluation], budget: float, probes: int = 8, near: float = 0.02
) -> Fit:
    """Move the gates of `model` so that it needs at most `budget` of the dense MACs, and hardly less.

    Where a network has both kinds, Gumbel gates are moved alone as long as they can keep the budget and spend it: a
    norm gate among them mostly keeps a camera's noise out, and its tolerance is not theirs. Else all are moved.

    The search doubles its way from the gates' own position to one on the other side of the budget, then halves the
    interval up to `probes` times, until the fraction is between (1 - `near`) x budget and budget. Each probe is one
    `evaluate(model)`.

    Raises:
        ModelError: no gate that can be moved.
        ConfigError: closed gates need more than the budget; they are as they were.
    """
    gates = [layer.gate for layer in skip_layers(model).values()]
    if all(any(isinstance(gate, kind) for gate in gates) for kind in (NormGate, GumbelGate)):
        alone = Knob(model, learned=True)
        try:
            fit = _fitted(model, alone, evaluate, budget, probes, near)
        except ConfigError:
            fit = None  # the others must help
        if fit is not None and fit.evaluation.mac_fraction >= SPENT_ALONE * budget:
            return fit
        alone.restore()
    return _fitted(model, Knob(model), evaluate, budget, probes, near)


def _fitted(
    model: nn.Module, knob: Knob, evaluate: Callable[[nn.Module], Evaluation], budget: float, probes: int, near: float
) -> Fit:
    tried: dict[float, Evaluation] = {}

    def fraction(position: float) -> float:
        knob.move(position)
        tried[position] = evaluate(model)
        return tried[position].mac_fraction

    # the most MACs that are allowed, not the best metric: that would choose on the noise of the clips
    best = closest_within(fraction, budget, step=0.5, farthest=FARTHEST, probes=probes, near=near)
    if best is None:
        knob.restore()
        raise unreachable(budget, min(found.mac_fraction for found in tried.values()))
    knob.move(best)
    return Fit(best, tried[best], tuple(Point(position, tried[position]) for position in sorted(tried)))


def check_reachable(model: nn.Module, fraction: Callable[[nn.Module], float], budget: float) -> None:
    """Raise ConfigError where the network needs more than `budget` with all of its gates closed.

    `fraction(model)` measures, on a clip or two.
    """
    knob = Knob(model)
    knob.move(FARTHEST)
    least, knob_report = fraction(model), mac_statistics(model)
    knob.restore()
    if least > budget:
        raise unreachable(budget, least, knob_report)


def unreachable(budget: float, least: float, report: MacReport | None = None) -> ConfigError:
    """The error, with the layers that need most."""
    costs = {} if report is None else {row.name: (row.active + row.gate) / report.dense for row in report.layers}
    largest = sorted(costs, key=lambda name: -costs[name])[:3]
    named = ": " + ", ".join(f"{name} {costs[name]:.3f}" for name in largest) if largest else ""
    return ConfigError(
        f"training.budget {budget} can't be reached: closed gates still need {least:.3f} of the MACs{named}",
        hint="gates on the output compute before they compare: give the first layers a gate on the input, and let the "
        "policies take what stays dense; or choose a larger budget",
    )


def _values(gate: Gate) -> list[torch.Tensor]:
    return [gate.tolerance] if isinstance(gate, NormGate) else [gate.bias] if isinstance(gate, GumbelGate) else []
