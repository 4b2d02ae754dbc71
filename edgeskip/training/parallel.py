"""Several processes, as `torchrun` starts them: each trains on its own clips, and they agree on the gradients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn

from edgeskip.core.errors import BackendError


@dataclass(frozen=True)
class Parallel:
    """This process is number `rank` of `world`, and computes on `device`."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process evaluates, writes and reports."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module`, with gradients averaged over the processes."""
        if self.world == 1:
            return module
        # a gate may be without a gradient in a step, and there are no buffers to agree on
        return nn.parallel.DistributedDataParallel(module, broadcast_buffers=False, find_unused_parameters=True)

    def mean(self, value: float) -> float:
        """The mean of `value` over the processes."""
        if self.world == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return float(total) / self.world

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            distributed.barrier()


@contextmanager
def processes(device: str) -> Iterator[Parallel]:
    """The group that torchrun's environment describes; alone without it.

    Raises:
        BackendError: no such device.
    """
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    chosen = _device(device)
    if world == 1:
        yield Parallel(0, 1, chosen)
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    began = not distributed.is_initialized()
    if began:
        distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Parallel(rank, world, chosen)
    finally:
        if began:
            distributed.destroy_process_group()


def _device(name: str) -> torch.device:
    if name == "auto":
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise BackendError(f"training.device {name!r}: {reason}", hint="auto, cpu or cuda") from error
