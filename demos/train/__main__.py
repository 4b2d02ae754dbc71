"""Trains the bundled network: `python -m edgeskip.demos.train --steps 6000 --out out/tiny`.

Stop it at any time; the same command goes on from the last checkpoint. `edgeskip.demos.train.export`
writes the ONNX file.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch

from edgeskip.demos.train.data import batches
from edgeskip.demos.train.loss import detection_loss
from edgeskip.demos.train.network import Detector
from edgeskip.demos.train.training import Training
from edgeskip.video.synthetic import CLASS_NAMES


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
    training = Training(
        partial(Detector, len(CLASS_NAMES)), lambda _: detection_loss, options.steps, options.rate,
        average_decay=0.998, largest_gradient=20.0, least_rate=0.02,
    )  # fmt: skip
    checkpoint = options.out / "checkpoint.pt"
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
