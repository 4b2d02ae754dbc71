"""Trains the small dense networks: `python -m edgeskip.demos.networks.train --network hrnet_pose_small`.

Stop it at any time; the same command goes on from the last checkpoint. It ends with the figures of the averaged
weights on unseen seeds, in `figures.json` beside the weights `<network>.pt`.
"""

from __future__ import annotations

import argparse
import json
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgeskip.core.files import atomic_path, write_bytes
from edgeskip.demos.networks.detection import DetectionLoss, detection_figures
from edgeskip.demos.networks.detection_data import detection_batches
from edgeskip.demos.networks.efficientdet import efficientdet_small
from edgeskip.demos.networks.hrnet_pose import hrnet_pose_small
from edgeskip.demos.networks.pose import pose_figures, pose_loss
from edgeskip.demos.networks.pose_data import pose_batches

SAVE_EVERY, LOG_EVERY = 50, 10


@dataclass(frozen=True)
class Recipe:
    """All that differs between the networks. `loss(network)` gives the function of outputs and targets;
    `figures(network, frames, split)` measures."""

    build: Callable[[], nn.Module]
    batches: Callable[[int, int], Iterator[tuple[np.ndarray, ...]]]
    loss: Callable[[nn.Module], Callable[..., dict[str, Tensor]]]
    figures: Callable[..., dict]
    steps: int
    batch: int
    rate: float
    average_decay: float  # of the running average of the weights


RECIPES: dict[str, Recipe] = {
    "hrnet_pose_small": Recipe(
        build=hrnet_pose_small,
        batches=pose_batches,
        loss=lambda _: pose_loss,
        figures=pose_figures,
        steps=2400, batch=8, rate=2e-3, average_decay=0.998,
    ),
    # batches of 16: below that, torch computes 1x1 convolutions on one thread by a slower way
    "efficientdet_small": Recipe(
        build=partial(efficientdet_small, levels_apart=False),
        batches=detection_batches,
        loss=DetectionLoss,
        figures=detection_figures,
        steps=1800, batch=16, rate=2e-3, average_decay=0.995,
    ),
}  # fmt: skip


class Training:
    """Network, running average of its weights, optimiser and step, all in one checkpoint."""

    def __init__(self, recipe: Recipe, steps: int, rate: float, bfloat16: bool) -> None:
        self.recipe, self.steps, self.rate, self.bfloat16 = recipe, steps, rate, bfloat16
        self.network, self.average = recipe.build().train(), recipe.build().eval()
        self._loss = recipe.loss(self.network)
        self.network.to(memory_format=torch.channels_last)
        self.average.load_state_dict(self.network.state_dict())
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=rate)
        self.step = 0

    def advance(self, inputs: Tensor, *targets: Tensor) -> dict[str, float]:
        """One step; the rate warms up for 100 steps and falls along a cosine."""
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / self.steps)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * min(1.0, (self.step + 1) / 100) * (0.01 + 0.99 * cosine)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            outputs = self.network(inputs.contiguous(memory_format=torch.channels_last))
        parts = self._loss(outputs, *targets)
        self.optimizer.zero_grad(set_to_none=True)
        sum(parts.values()).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimizer.step()
        self.step += 1
        self._average()
        return {name: round(float(value.detach()), 5) for name, value in parts.items()}

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.recipe.average_decay, self.step / (self.step + 20))
        for kept, value in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(value, 1 - decay)
            else:
                kept.copy_(value)

    def save(self, file: Path, options: dict) -> None:
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


def ahead(source: Iterator[tuple[np.ndarray, ...]]) -> Iterator[tuple[np.ndarray, ...]]:
    """The batches of the endless `source`, drawn by a thread, whose errors are raised here."""
    ready: queue.Queue = queue.Queue(maxsize=4)

    def work() -> None:
        try:
            for batch in source:
                ready.put(batch)
        except Exception as error:
            ready.put(error)

    threading.Thread(target=work, daemon=True).start()
    while True:
        batch = ready.get()
        if isinstance(batch, Exception):
            raise batch
        yield batch


def run(recipe: Recipe, name: str, options: argparse.Namespace) -> dict:
    """Train until `options.steps`, write weights and figures; returns the figures."""
    kept = {"network": name, "batch": options.batch, "seed": options.seed, "rate": options.rate,
            "steps": options.steps}  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    training = Training(recipe, options.steps, options.rate, options.bfloat16)
    checkpoint = options.out / "checkpoint.pt"
    if checkpoint.exists():
        training.load(checkpoint)
    source = ahead(recipe.batches(options.seed * 100_000 + training.step, options.batch))
    start = time.process_time()
    with (options.out / "log.jsonl").open("a") as log:
        while training.step < options.steps:
            parts = training.advance(*(torch.from_numpy(array) for array in next(source)))
            if training.step % LOG_EVERY == 0:
                row = {"step": training.step, "cpu_seconds": round(time.process_time() - start, 1), **parts}
                print(json.dumps(row), file=log, flush=True)
            if training.step % SAVE_EVERY == 0:
                training.save(checkpoint, kept)
    training.save(checkpoint, kept)
    return finish(training, name, kept, options)


def finish(training: Training, name: str, kept: dict, options: argparse.Namespace) -> dict:
    """Write the averaged weights as `<network>.pt`, and their figures on tuning and test seeds."""
    with atomic_path(options.out / f"{name}.pt") as temporary:
        torch.save(training.average.state_dict(), temporary)
    figures = {split: training.recipe.figures(training.average, options.frames, split) for split in ("tuning", "test")}
    record = {**kept, **figures}
    write_bytes(options.out / "figures.json", (json.dumps(record, indent=2) + "\n").encode())
    return record


def main() -> None:
    """Train one network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=sorted(RECIPES), required=True)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--rate", type=float, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--frames", type=int, default=400, help="frames of each evaluation")
    parser.add_argument("--bfloat16", action="store_true", help="compute in bfloat16, faster on CPUs that have it")
    parser.add_argument("--out", type=Path, help="folder of the checkpoint, the log and the weights (out/<network>)")
    options = parser.parse_args()
    recipe = RECIPES[options.network]
    for name in ("steps", "batch", "rate"):
        if getattr(options, name) is None:
            setattr(options, name, getattr(recipe, name))
    options.out = options.out or Path("out") / options.network
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    print(json.dumps(run(recipe, options.network, options), indent=2))


if __name__ == "__main__":
    main()
