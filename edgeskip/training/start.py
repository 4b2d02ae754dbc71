"""Where gates begin: scales of norm gates, and Gumbel gates that open a share of their pixels already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgeskip.nn import GumbelGate, NormGate, calibrate_gates, run_clip, skip_layers

# logits of moving and still pixels lie about this far apart: as far as the noise of a gate in training reaches
SPREAD = 4.0
SMALLEST_SPREAD = 1e-6
MOST_VALUES = 100_000


def start_gates(model: nn.Module, clips: list[Tensor], window: int, share: float) -> None:
    """Set the gates of a converted network to where they can learn from.

    Norm gates get their scale (`calibrate_gates`). A Gumbel gate's weights are scaled so that the logits of its blocks
    spread over `SPREAD`, from the 5th to the 95th percentile, and its bias so that `share` of its blocks open. Random
    weights already see changes; what is left to learn is which of them matter.

    Args:
        clips: [N, T, C, H, W].
    """
    gates = [layer.gate for layer in skip_layers(model).values()]
    if any(isinstance(gate, NormGate) for gate in gates):
        calibrate_gates(model, (clip[:, 0] for clip in clips))
    gumbel = [gate for gate in gates if isinstance(gate, GumbelGate)] if share else []
    for gate, logits in zip(gumbel, _logits(model, gumbel, clips, window), strict=True):
        if logits.numel():
            _place(gate, logits, share)


@torch.no_grad()
def _logits(model: nn.Module, gates: list[GumbelGate], clips: Iterable[Tensor], window: int) -> list[Tensor]:
    """Logits without bias of each gate, in a network whose gates are all open."""
    if not gates:
        return []
    seen: list[list[Tensor]] = [[] for _ in gates]
    with _opened(gates, seen):
        for clip in clips:
            run_clip(model, clip, window)
    return [_thinned(values) for values in seen]


@contextmanager
def _opened(gates: list[GumbelGate], seen: list[list[Tensor]]) -> Iterator[None]:
    biases = [gate.bias.detach().clone() for gate in gates]
    for gate, values in zip(gates, seen, strict=True):
        gate.bias.zero_()
        decide = gate.decide

        def watch(change: Tensor, gate: GumbelGate = gate, values: list = values, decide=decide):
            values.append(gate.block_logit(change).flatten())
            decision = decide(change)
            return decision.opened(torch.ones_like(decision.open))

        gate.decide = watch
    try:
        yield
    finally:
        for gate, bias in zip(gates, biases, strict=True):
            del gate.decide
            gate.bias.copy_(bias)


def _thinned(values: list[Tensor]) -> Tensor:
    every = torch.cat(values) if values else torch.empty(0)
    return every[:: max(1, len(every) // MOST_VALUES)].float()


@torch.no_grad()
def _place(gate: GumbelGate, logits: Tensor, share: float) -> None:
    low, high, border = (float(torch.quantile(logits, q)) for q in (0.05, 0.95, 1 - share))
    if high - low < SMALLEST_SPREAD:
        return  # nothing moves here: nothing to learn from
    factor = SPREAD / (high - low)
    gate.weight.mul_(factor)
    gate.bias.fill_(-factor * border)
