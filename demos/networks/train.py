"""Trains the small dense networks: `python -m edgeskip.demos.networks.train --network hrnet_pose_small`.

Stop it at any time; the same command goes on from the last checkpoint. It ends with the figures of the averaged
weights on unseen seeds, in `figures.json` beside the weights `<network>.pt`.
"""

from __future__ import annotations

import argparse
import json
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
from edgeskip.demos.train.training import Training

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
    training = Training(
        recipe.build, recipe.loss, options.steps, options.rate,
        average_decay=recipe.average_decay, bfloat16=options.bfloat16,
    )  # fmt: skip
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
    return finish(recipe, training, name, kept, options)


def finish(recipe: Recipe, training: Training, name: str, kept: dict, options: argparse.Namespace) -> dict:
    """Write the averaged weights as `<network>.pt`, and their figures on tuning and test seeds."""
    with atomic_path(options.out / f"{name}.pt") as temporary:
        torch.save(training.average.state_dict(), temporary)
    figures = {split: recipe.figures(training.average, options.frames, split) for split in ("tuning", "test")}
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
