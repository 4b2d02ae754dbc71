"""Trains the bundled network: `python -m edgeskip.demos.train --steps 6000 --out out/tiny`.

Stop it at any time; the same command goes on from the last checkpoint. `edgeskip.demos.train.export`
writes the ONNX file.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch
from torch import nn

from edgeskip.demos.train.data import batches
from edgeskip.demos.train.loss import detection_loss
from edgeskip.demos.train.network import Detector
from edgeskip.video.synthetic import CLASS_NAMES

EMA_DECAY = 0.998


class Training:
    """Network, running average of its weights, optimiser and step, all in one checkpoint."""

    def __init__(self, steps: int, rate: float) -> None:
        self.network, self.average = Detector(len(CLASS_NAMES)), Detector(len(CLASS_NAMES))
        self.network.to(memory_format=torch.channels_last)
        self.average.load_state_dict(self.network.state_dict())
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=rate)
        self.step, self.steps, self.rate = 0, steps, rate

    def advance(self, inputs: torch.Tensor, boxes: torch.Tensor, class_ids: torch.Tensor) -> dict[str, float]:
        """One step; the rate warms up for 100 steps and falls along a cosine."""
        share = self.step / self.steps
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
        rate = self.rate * min(1.0, (self.step + 1) / 100) * (0.02 + 0.98 * cosine)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        parts = detection_loss(self.network(inputs.contiguous(memory_format=torch.channels_last)), boxes, class_ids)
        self.optimizer.zero_grad(set_to_none=True)
        sum(parts.values()).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 20.0)
        self.optimizer.step()
        self.step += 1
        self._average()
        return {name: float(value.detach()) for name, value in parts.items()}

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(EMA_DECAY, self.step / (self.step + 20))
        for kept, value in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(value, 1 - decay)
            else:
                kept.copy_(value)

    def save(self, file: Path, options: dict) -> None:
        """Write the checkpoint, whole or not at all; `options` are kept for the record."""
        state = {"network": self.network.state_dict(), "average": self.average.state_dict(), "step": self.step,
                 "options": options, "optimizer": self.optimizer.state_dict()}  # fmt: skip
        torch.save(state, file.with_suffix(".tmp"))
        file.with_suffix(".tmp").replace(file)

    def load(self, file: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(file, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def main() -> None:
    """Train until `--steps`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/tiny"), help="folder of the checkpoint and the log")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    training, checkpoint = Training(options.steps, options.rate), options.out / "checkpoint.pt"
    if checkpoint.exists():
        training.load(checkpoint)
    start, log = time.monotonic(), (options.out / "log.jsonl").open("a")
    kept = {"batch": options.batch, "seed": options.seed, "rate": options.rate}
    source = batches(options.seed * 1000 + training.step, options.batch)
    while training.step < options.steps:
        inputs, boxes, class_ids = (torch.from_numpy(array) for array in next(source))
        parts = training.advance(inputs, boxes, class_ids)
        if training.step % 20 == 0:
            row = {"step": training.step, "seconds": round(time.monotonic() - start, 1), **parts}
            print(json.dumps(row), file=log, flush=True)
        if training.step % 100 == 0:
            training.save(checkpoint, kept)
    training.save(checkpoint, kept)


if __name__ == "__main__":
    main()
