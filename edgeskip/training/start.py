"""Where gates begin: scales of norm gates, and Gumbel gates that open where the layer would change most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgeskip.nn import GumbelGate, NormGate, SkipConv2d, calibrate_gates, run_clip, skip_layers

# logits of moving and still blocks lie about this far apart: as far as the noise of a gate in training reaches
REACH = 4.0
SMALLEST = 1e-6
MOST_VALUES = 100_000


def start_gates(model: nn.Module, clips: list[Tensor], window: int, share: float) -> None:
    """Set the gates of a converted network to where they can learn from.

    Norm gates get their scale (`calibrate_gates`). A Gumbel gate by magnitude watches the directions in which its layer
    responds most, the leading singular vectors of its weight: where changes come in all directions alike, no gate with
    as many channels sees more of the output's (Eckart and Young, 1936). Other gates keep their random weights. Then
    weights are scaled so that the logits of blocks that changed reach `REACH` at the 95th percentile, and biases set so
    that `share` of the blocks open; what is left to learn is which changes matter.

    Args:
        clips: [N, T, C, H, W].
    """
    layers = list(skip_layers(model).values())
    if any(isinstance(layer.gate, NormGate) for layer in layers):
        calibrate_gates(model, (clip[:, 0] for clip in clips))
    learned = [layer for layer in layers if isinstance(layer.gate, GumbelGate)] if share else []
    for layer in learned:
        _watch_strongest(layer)
    gumbel = [layer.gate for layer in learned]
    for gate, logits in zip(gumbel, _logits(model, gumbel, clips, window), strict=True):
        if logits.numel():
            _place(gate, logits, share)


@torch.no_grad()
def _watch_strongest(layer: SkipConv2d) -> None:
    """Directions of the input's windows, by their singular values. Of groups they would see but one."""
    gate = layer.gate
    if gate.change != "magnitude" or layer.groups > 1:
        return
    _, strengths, directions = torch.linalg.svd(layer.weight.float().flatten(1), full_matrices=False)
    found = (strengths[:, None] * directions)[: gate.channels]
    gate.weight[: len(found)] = found.reshape(-1, *gate.weight.shape[1:]).to(gate.weight.dtype)


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
    changed = logits[logits != 0].abs()
    reached = float(torch.quantile(changed, 0.95)) if len(changed) else 0.0
    if reached < SMALLEST:
        return  # nothing moves here: nothing to learn from
    factor = REACH / reached
    gate.weight.mul_(factor)
    gate.bias.fill_(-factor * float(torch.quantile(logits, 1 - share)))
