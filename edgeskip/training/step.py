"""One pass of clips through the gated network, as a module, so that processes can share its gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from edgeskip.nn import dense_mode, gate_loss, reset_statistics, run_clip, skip_layers

Loss = Callable[[Any, tuple[Any, ...], Any], Tensor]


class ClipPass(nn.Module):
    """clip [N, T, C, H, W] -> (outputs [N, T, ...], expected MAC share with gradient)."""

    def __init__(self, model: nn.Module, window: int, layer_weights: dict[str, float]) -> None:
        super().__init__()
        self.model, self.window, self.layer_weights = model, window, layer_weights

    def forward(self, clip: Tensor) -> tuple[Any, Tensor]:
        """Run the clip, a reference every `window` frames."""
        reset_statistics(self.model)
        outputs = run_clip(self.model, clip, self.window)
        return outputs, gate_loss(self.model, self.layer_weights)


class Teacher:
    """The dense network: the same weights where they are frozen, else a copy from before the training."""

    def __init__(self, model: nn.Module, copied: bool) -> None:
        self._model = deepcopy(model).requires_grad_(False) if copied else model

    @torch.no_grad()
    def __call__(self, clip: Tensor) -> Any:
        """Dense outputs [N, T, ...] of clip [N, T, C, H, W]."""
        with dense_mode(self._model):
            return run_clip(self._model, clip)


@contextmanager
def learning(model: nn.Module):
    """Inside, the gates are noisy and differentiable. Batch norms and dropout stay as in the finished network."""
    _train_gates(model, True)
    try:
        yield
    finally:
        _train_gates(model, False)


@contextmanager
def noiseless(model: nn.Module):
    """Inside, the gates decide as in the finished network."""
    before = {layer.gate: layer.gate.training for layer in skip_layers(model).values()}
    _train_gates(model, False)
    try:
        yield
    finally:
        for gate, training in before.items():
            gate.train(training)


def mixed_precision(device: torch.device, precision: str) -> Any:
    """Autocast to bfloat16 where asked for."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def _train_gates(model: nn.Module, training: bool) -> None:
    for layer in skip_layers(model).values():
        layer.gate.train(training)
