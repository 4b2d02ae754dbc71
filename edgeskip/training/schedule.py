"""Learning rates, the gates' temperatures and the optimiser: all a function of the step."""

from __future__ import annotations

import math

import torch
from torch import nn

from edgeskip.core.errors import ConfigError
from edgeskip.nn import skip_layers
from edgeskip.training.config import TrainingConfig

RATE_END = 0.02


def rate_factor(training: TrainingConfig, step: int) -> float:
    """Share of the learning rates that step `step` takes: a warm-up, then a cosine down to `RATE_END`."""
    warm = min(1.0, (step + 1) / training.warm_up) if training.warm_up else 1.0
    if training.schedule == "constant":
        return warm
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(training.steps, 1))))
    return warm * (RATE_END + (1 - RATE_END) * cosine)


class Annealing:
    """Temperatures and noise of all gates.

    Temperatures go from each gate's own start to `temperature_end` times that, evenly in the logarithm. The factor of
    the noise goes from 1 straight to 0 over the first `noise` of the steps: from there on the gates decide as they
    will in the finished network, and learn from the decisions that count.
    """

    def __init__(self, model: nn.Module, training: TrainingConfig) -> None:
        gates = [layer.gate for layer in skip_layers(model).values()]
        self._starts = [(gate, float(gate.temperature)) for gate in gates if hasattr(gate, "temperature")]
        self._noisy = [gate for gate in gates if hasattr(gate, "noise")]
        self._training = training
        self._noise_steps = training.noise * training.steps

    def set(self, step: int) -> float:
        """Set them for `step`; returns the factor of the temperatures."""
        factor = self._training.temperature_end ** min(1.0, step / max(self._training.steps, 1))
        for gate, start in self._starts:
            gate.temperature.fill_(start * factor)
        noise = max(0.0, 1 - step / self._noise_steps) if self._noise_steps else 0.0
        for gate in self._noisy:
            gate.noise.fill_(noise)
        return factor


def make_optimizer(model: nn.Module, training: TrainingConfig) -> torch.optim.Optimizer:
    """An optimiser of the gates' parameters, and of the weights where they learn; all others are frozen.

    Each group keeps its own highest rate as `highest`.

    Raises:
        ConfigError: nothing to learn.
    """
    groups = [group for group in _groups(model, training) if group["params"]]
    learning = {id(parameter) for group in groups for parameter in group["params"]}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in learning)
    if not groups:
        raise ConfigError(
            "these gates have nothing to learn",
            hint="training.steps = 0 fits their tolerance to the budget; options = { trainable = true } lets it learn",
        )
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    extra = {"momentum": 0.9} if training.optimizer == "sgd" else {}
    return kinds[training.optimizer](groups, lr=training.rate, **extra)


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> float:
    """Set every group to `factor` of its highest rate; returns the first group's."""
    for group in optimizer.param_groups:
        group["lr"] = factor * group["highest"]
    return optimizer.param_groups[0]["lr"]


def _groups(model: nn.Module, training: TrainingConfig) -> list[dict]:
    gates = [parameter for layer in skip_layers(model).values() for parameter in layer.gate.named_parameters()]
    known = {id(parameter) for _, parameter in gates}
    weights = [parameter for parameter in model.parameters() if id(parameter) not in known]
    parts = (
        ([parameter for name, parameter in gates if name != "tolerance"], training.rate, 0.0),
        ([parameter for name, parameter in gates if name == "tolerance"], training.tolerance_rate, 0.0),
        (weights if training.weights_rate else [], training.weights_rate, training.weight_decay),
    )
    return [{"params": params, "highest": rate, "weight_decay": decay} for params, rate, decay in parts]
