"""The network of a cell: its dense weights, and the gates that are trained or fitted to the budget."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn

from edgeskip.core.errors import EdgeskipError, InputError
from edgeskip.demos.networks.train import RECIPES
from edgeskip.demos.networks.train import run as train_dense
from edgeskip.demos.reproduce.cells import Cell
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.subjects import SUBJECTS
from edgeskip.training import Config, load_trained, train_gates
from edgeskip.training.config import DataConfig, ModelConfig, TrainingConfig, check_config
from edgeskip.training.model import build_model
from edgeskip.training.run import CURVE


def dense_checkpoint(network: str, checkpoints: Path | None, output: Path, settings: Settings) -> Path:
    """The dense weights: `checkpoints`/<network>.pt, or trained by the network's recipe into `output`/dense.

    Raises:
        InputError: `checkpoints` does not exist.
    """
    if checkpoints is not None and not checkpoints.is_dir():
        raise InputError(f"--checkpoints {checkpoints}: no such folder", hint="it holds <network>.pt")
    if checkpoints is not None and (checkpoints / f"{network}.pt").is_file():
        return checkpoints / f"{network}.pt"
    file = output / "dense" / network / f"{network}.pt"
    if not file.is_file():
        recipe = RECIPES[network]
        options = argparse.Namespace(
            out=file.parent, steps=settings.dense_steps or recipe.steps, batch=recipe.batch, rate=recipe.rate,
            seed=settings.seed, frames=400 if not settings.dense_steps else 4, bfloat16=False,
        )  # fmt: skip
        torch.manual_seed(settings.seed)
        train_dense(recipe, network, options)
    return file


def dense_network(network: str, checkpoint: Path, settings: Settings) -> nn.Module:
    """The network with gates that are of no account: `edgeskip.nn.dense_mode` runs it, `mac_statistics` counts it."""
    return build_model(configuration(Cell("measure", network, "norm_input", "refresh"), checkpoint, settings),
                       torch.zeros(example_shape(network)))  # fmt: skip


def gated_network(cell: Cell, checkpoint: Path, output: Path, settings: Settings) -> nn.Module:
    """The network with the cell's gates, in eval mode; made once, a training that was stopped goes on.

    Raises:
        ConfigError: gates that can't keep the budget.
    """
    folder = output / "gates" / cell.network / f"{cell.gate}-{cell.mode}"
    if not (folder / CURVE).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        train_gates(configuration(cell, checkpoint, settings), folder)
    try:
        return load_trained(folder)
    except EdgeskipError as error:
        raise InputError(f"{folder}: {error}", hint="delete the folder; its gates are then trained again") from error


def configuration(cell: Cell, checkpoint: Path, settings: Settings) -> Config:
    """What `edgeskip train-gates` would read from a file."""
    subject = SUBJECTS[cell.network]
    training, tuning = (
        {"split": split, "count": count, "length": length}
        for split, count, length in (
            ("training", settings.training_clips, settings.window),
            ("tuning", settings.tuning_clips, settings.tuning_frames),
        )
    )
    gumbel = cell.gate.startswith("gumbel")
    steps = settings.gumbel_steps if gumbel else settings.norm_steps
    config = Config(
        ModelConfig(subject.factory, {"checkpoint": str(checkpoint.resolve())}),
        subject.gates(cell.gate, cell.mode, trainable=settings.norm_steps > 0 and not gumbel),
        DataConfig(
            dataset=subject.dataset, options=training, tuning_options=tuning,
            window=min(settings.window, settings.tuning_frames), tuning_clips=0,
        ),
        TrainingConfig(settings.budget, steps=steps, batch=settings.batch, seed=settings.seed, device="cpu"),
        folder=Path.cwd(),
    )  # fmt: skip
    check_config(config)
    return config


def example_shape(network: str) -> tuple[int, int, int, int]:
    """[1, C, H, W] of the network's input."""
    width, height = SUBJECTS[network].preparation.size
    return 1, 3, height, width
