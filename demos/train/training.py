"""A training that can be stopped: network, running average of its weights, optimiser and step in one checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgeskip.core.files import atomic_path


class Training:
    """AdamW; the rate warms up for 100 steps and falls along a cosine to `least_rate` of its highest.

    `loss(network)` gives the function of outputs and targets, whose parts are summed. `average_decay` is that of the
    running average of the weights, `largest_gradient` the norm that gradients are clipped to.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        loss: Callable[[nn.Module], Callable[..., dict[str, Tensor]]],
        steps: int,
        rate: float,
        *,
        average_decay: float,
        largest_gradient: float = 10.0,
        least_rate: float = 0.01,
        bfloat16: bool = False,
    ) -> None:
        self.network, self.average = build().train(), build().eval()
        self._loss = loss(self.network)
        self.network.to(memory_format=torch.channels_last)
        self.average.load_state_dict(self.network.state_dict())
        self.steps, self.rate, self.step = steps, rate, 0
        self.average_decay, self.largest_gradient, self.least_rate = average_decay, largest_gradient, least_rate
        self.bfloat16 = bfloat16
        self.optimizer = torch.optim.AdamW(self._groups(), lr=rate)

    def _groups(self) -> list[dict[str, Any]]:
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        return [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]

    def advance(self, inputs: Tensor, *targets: Tensor) -> dict[str, float]:
        """One step; the parts of the loss."""
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / self.steps)))
        fall = self.least_rate + (1 - self.least_rate) * cosine
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * min(1.0, (self.step + 1) / 100) * fall
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            outputs = self.network(inputs.contiguous(memory_format=torch.channels_last))
        parts = self._loss(outputs, *targets)
        self.optimizer.zero_grad(set_to_none=True)
        sum(parts.values()).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.largest_gradient)
        self.optimizer.step()
        self.step += 1
        self._average()
        return {name: round(float(value.detach()), 5) for name, value in parts.items()}

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.average_decay, self.step / (self.step + 20))
        for kept, value in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(value, 1 - decay)
            else:
                kept.copy_(value)

    def save(self, file: Path, options: dict[str, Any]) -> None:
        """Write the checkpoint, whole or not at all; `options` are kept for the record."""
        state = {"average": self.average.state_dict(), "network": self.network.state_dict(), "step": self.step,
                 "options": options, "optimizer": self.optimizer.state_dict()}  # fmt: skip
        with atomic_path(file) as temporary:
            torch.save(state, temporary)

    def load(self, file: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(file, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
