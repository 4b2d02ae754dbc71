"""The gates of a network as the groups that a search closes and opens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn

from edgeskip.nn import GumbelGate, NormGate, SkipConv2d, mac_statistics, skip_layers
from edgeskip.training.allocation import Measure, Trial
from edgeskip.training.progress import Evaluation
from edgeskip.training.tuning import START_TOLERANCE

# share of the dense MACs from which on a layer is a group of its own
LARGE = 0.01
# a Gumbel gate that is open whatever happens has no bias that could be multiplied
SMALLEST_BIAS = 0.02


class GateGroups:
    """Norm gates by their tolerance, Gumbel gates by their negative bias; gates that are exact (tolerance 0) stay so,
    unless all are: then all begin at `START_TOLERANCE`.

    `groups`: name to layers; `learned`: those with Gumbel gates. `shares`: of the dense MACs, by layer.
    """

    def __init__(self, model: nn.Module, shares: Mapping[str, float]) -> None:
        layers = skip_layers(model)
        self._gates = {name: layer.gate for name, layer in layers.items()}
        self._values = {name: value for name, layer in layers.items() if (value := _strength(layer)) > 0}
        if not self._values:
            norms = [name for name, gate in self._gates.items() if isinstance(gate, NormGate)]
            self._values = dict.fromkeys(norms, START_TOLERANCE)
        self.groups = grouped(self._values, shares)
        self.learned = [
            group for group, names in self.groups.items() if any(isinstance(self._gates[n], GumbelGate) for n in names)
        ]

    @torch.no_grad()
    def set(self, factors: Mapping[str, float]) -> None:
        """Multiply each group by its factor, as seen from where the gates were at first."""
        for group, factor in factors.items():
            for name in self.groups[group]:
                gate, value = self._gates[name], self._values[name] * factor
                if isinstance(gate, NormGate):
                    gate.tolerance.fill_(value)
                else:
                    gate.bias.fill_(-value)


def measure_in_torch(model: nn.Module, groups: GateGroups, evaluate: Callable[[nn.Module], Evaluation]) -> Measure:
    """Factors to a trial; the metric of `evaluate` is the loss."""

    def measure(factors: Mapping[str, float]) -> Trial:
        groups.set(factors)
        found = evaluate(model)
        return Trial(found.metric, found.mac_fraction)

    return measure


def mac_shares(model: nn.Module) -> dict[str, float]:
    """Share of the dense MACs of each layer; frames must have been counted."""
    report = mac_statistics(model)
    return {layer.name: layer.dense / report.dense for layer in report.layers}


def grouped(layers: Iterable[str], shares: Mapping[str, float]) -> dict[str, list[str]]:
    """Layers that move together: the small ones of one parent module."""
    groups: dict[str, list[str]] = {}
    for name in layers:
        parent = name.rpartition(".")[0]
        alone = not parent or shares.get(name, 0.0) > LARGE
        groups.setdefault(name if alone else f"{parent}.*", []).append(name)
    return groups


def _strength(layer: SkipConv2d) -> float:
    """What is multiplied; 0 for a gate that is not to be moved."""
    if isinstance(layer.gate, NormGate):
        return float(layer.gate.tolerance.detach())
    return max(-float(layer.gate.bias.detach()), SMALLEST_BIAS) if isinstance(layer.gate, GumbelGate) else 0.0
