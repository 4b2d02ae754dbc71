"""The network of a cell: its dense weights, and the gates that are trained or fitted to the budget."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import nn

from edgeskip.core.errors import EdgeskipError, InputError
from edgeskip.core.files import make_folder, write_bytes
from edgeskip.demos.networks.train import RECIPES
from edgeskip.demos.networks.train import run as train_dense
from edgeskip.demos.reproduce.cells import Cell
from edgeskip.demos.reproduce.footage import Footage
from edgeskip.demos.reproduce.search import search_gates
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.subjects import SUBJECTS
from edgeskip.training import Config, checkpoints, fit_budget, load_trained, train_gates
from edgeskip.training.allocation import Allocation, Trial
from edgeskip.training.config import DataConfig, ModelConfig, TrainingConfig, check_config
from edgeskip.training.data import load, spread_indices
from edgeskip.training.distillation import Mean
from edgeskip.training.evaluation import Evaluator
from edgeskip.training.model import BEST, CONFIG, build_model
from edgeskip.training.run import CURVE

FIRST_GUMBEL, FOUND = "gumbel_1", "found.json"
RESIDUAL_PROBES = 6


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

    Gumbel gates are trained with block 1, and the other blocks begin with their gates. Then every layer's threshold or
    bias is searched, and all are fitted to the budget. The residual sum takes the gates of "refresh", with a fit of
    its own.

    Raises:
        ConfigError: gates that can't keep the budget.
        BackendError: no native engine here; the search runs in it.
    """
    folder = output / "gates" / cell.network / f"{cell.gate}-{cell.mode}"
    if not (folder / FOUND).is_file():
        make = _refresh if cell.mode == "refresh" else _residual
        config = configuration(cell, checkpoint, settings)
        network, found = make(cell, config, checkpoint, output, settings)
        _save(folder, network, config, found, example_shape(cell.network))
    try:
        return load_trained(folder)
    except EdgeskipError as error:
        raise InputError(f"{folder}: {error}", hint="delete the folder; its gates are then made again") from error


def configuration(cell: Cell, checkpoint: Path, settings: Settings, weights: str = "") -> Config:
    """What `edgeskip train-gates` would read from a file; `weights`: gates to begin with."""
    subject = SUBJECTS[cell.network]
    training, tuning = (
        {"split": split, "count": count, "length": length}
        for split, count, length in (
            ("training", settings.training_clips, settings.window),
            ("tuning", settings.tuning_clips, settings.evaluated_frames),
        )
    )
    steps = settings.warm_steps if weights else settings.gumbel_steps if cell.gate.startswith("gumbel") else 0
    config = Config(
        ModelConfig(subject.factory, {"checkpoint": str(checkpoint.resolve())}, weights=weights),
        subject.gates(cell.gate, cell.mode),
        DataConfig(
            dataset=subject.dataset, options=training, tuning_options=tuning, window=settings.window,
            tuning_clips=settings.evaluated_clips,
        ),
        TrainingConfig(
            settings.budget, steps=steps, batch=settings.batch, seed=settings.seed, device="cpu", fit=False,
            loss=subject.distillation, metric=subject.accuracy, evaluate_every=max(1, settings.gumbel_steps // 3),
            # gates that begin with others are within the budget already
            start_share=0.0 if weights else settings.budget, ramp=0.0,
        ),
        folder=Path.cwd(),
    )  # fmt: skip
    check_config(config)
    return config


def _refresh(
    cell: Cell, config: Config, checkpoint: Path, output: Path, settings: Settings
) -> tuple[nn.Module, Allocation]:
    subject = SUBJECTS[cell.network]
    cold = not cell.gate.startswith("gumbel") or cell.gate == FIRST_GUMBEL
    if not cold:
        start = output / "gates" / cell.network / f"{FIRST_GUMBEL}-refresh"
        gated_network(replace(cell, gate=FIRST_GUMBEL), checkpoint, output, settings)
        config = configuration(cell, checkpoint, settings, weights=str((start / BEST).resolve()))
    folder = output / "training" / cell.network / cell.gate
    if not (folder / CURVE).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        train_gates(config, folder)
    network = load_trained(folder)
    sweeps = settings.sweeps if cold else settings.warm_sweeps
    footage = Footage(output / "footage" / cell.network)
    return network, search_gates(network, subject, footage, settings, sweeps)


def _residual(
    cell: Cell, config: Config, checkpoint: Path, output: Path, settings: Settings
) -> tuple[nn.Module, Allocation]:
    source = gated_network(replace(cell, mode="refresh"), checkpoint, output, settings)
    network = build_model(config, torch.zeros(example_shape(cell.network)))
    network.load_state_dict(source.state_dict())
    clips = SUBJECTS[cell.network].clips("tuning", settings.tuning_clips, settings.evaluated_frames)
    indices = spread_indices(len(clips), settings.evaluated_clips, settings.batch)
    # of the figures only the MACs matter here
    evaluate = Evaluator(lambda: load(clips, indices, 0), lambda: Mean(lambda *_: 0.0), None)
    fit = fit_budget(network, evaluate, settings.budget, probes=RESIDUAL_PROBES, near=0.03)
    return network, Allocation({}, Trial(0.0, fit.evaluation.mac_fraction))


def _save(folder: Path, network: nn.Module, config: Config, found: Allocation, example: Sequence[int]) -> None:
    """As `edgeskip train-gates` leaves them, for `load_trained`."""
    make_folder(folder)
    figures = {"step": config.training.steps, "metric": -found.trial.loss, "mac_fraction": found.trial.mac_fraction}
    record = {"state_dict": network.state_dict(), "example": list(example), **figures}
    checkpoints.save(folder / BEST, record)
    write_bytes(folder / CONFIG, json.dumps({**config.record(), "folder": str(config.folder)}, indent=2).encode())
    write_bytes(folder / FOUND, json.dumps(asdict(found), indent=2).encode())


def example_shape(network: str) -> tuple[int, int, int, int]:
    """[1, C, H, W] of the network's input."""
    width, height = SUBJECTS[network].preparation.size
    return 1, 3, height, width
