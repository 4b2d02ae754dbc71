"""What a network does with an example: how often each convolution is used, and which batch norm reads it alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from edgeskip.core.errors import ModelError
from edgeskip.nn.fold import can_fold


@dataclass
class Probe:
    """`outputs`: sizes (height, width) of each convolution's outputs, one per use in a frame. `norms`: the batch norm
    that alone reads a convolution."""

    outputs: dict[nn.Module, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    norms: dict[nn.Module, nn.Module] = field(default_factory=dict)

    def macs(self, conv: nn.Conv2d) -> int:
        """MACs of a convolution per frame and stream, all its uses together."""
        return conv.weight.numel() * sum(height * width for height, width in self.outputs.get(conv, []))


def probe(model: nn.Module, example: Any) -> Probe:
    """Run `model` once on `example` (a tensor, or a tuple of arguments), in eval mode and without gradients.

    Raises:
        ModelError: the network can't run on the example.
    """
    arguments = example if isinstance(example, tuple) else (example,)
    watch = _Watch()
    with _evaluating(model), watch.hooks(model), torch.no_grad():
        try:
            with watch:
                model(*arguments)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ModelError(f"the network does not run on the example input: {error}") from error
    return watch.result()


class _Watch(TorchFunctionMode):
    """Counts how many functions read each convolution's output, by the tensor's identity."""

    def __init__(self) -> None:
        super().__init__()
        self.probe = Probe()
        self.made: dict[int, tuple[nn.Module, Tensor]] = {}
        self.uses: Counter[int] = Counter()
        self.reads: dict[nn.Module, list[int]] = defaultdict(list)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if _tensors(result):
            # only of tensors that are kept alive: the ids of others are given away again
            self.uses.update(id(tensor) for tensor in _tensors((args, kwargs)) if id(tensor) in self.made)
        return result

    @contextmanager
    def hooks(self, model: nn.Module) -> Iterator[None]:
        """Watch every convolution and batch norm of `model`."""
        handles = []
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                handles.append(module.register_forward_hook(self._after_conv))
            elif can_fold(module):
                handles.append(module.register_forward_pre_hook(self._before_norm))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def result(self) -> Probe:
        """After the run."""
        for norm, ids in self.reads.items():
            if len(ids) == 1 and ids[0] in self.made and self.uses[ids[0]] == 1:
                conv = self.made[ids[0]][0]
                if len(self.probe.outputs[conv]) == 1:
                    self.probe.norms[conv] = norm
        return self.probe

    def _after_conv(self, conv: nn.Module, args: Any, output: Tensor) -> None:
        self.made[id(output)] = (conv, output)
        self.probe.outputs[conv].append((output.shape[-2], output.shape[-1]))

    def _before_norm(self, norm: nn.Module, args: tuple[Any, ...]) -> None:
        self.reads[norm].append(id(args[0]))


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return []


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, before in training:
            module.training = before
