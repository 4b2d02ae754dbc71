"""A cell at the size of the published networks: their channels, and the pictures that they are made for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgeskip.demos.reproduce.cells import Cell
from edgeskip.demos.reproduce.footage import Footage
from edgeskip.demos.reproduce.gated import configuration
from edgeskip.demos.reproduce.measure import measure
from edgeskip.demos.reproduce.players import DensePlayer, make_player
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.subjects import SUBJECTS, Subject
from edgeskip.demos.reproduce.timing import REFERENCE, measure_time
from edgeskip.demos.reproduce.widen import WIDER, widened
from edgeskip.training.model import build_model


def measure_large(
    cell: Cell, network: nn.Module, checkpoint: Path, footage: Path, settings: Settings
) -> dict[str, Any]:
    """Wall clock of `network` with wider layers, which answers the same, and what it loses on those very frames.

    Args:
        network: of the cell, as trained.
        footage: folder of the network's clips.
    """
    subject = SUBJECTS[cell.network].large()
    shown = Footage(footage)
    if subject.tiles > 1:
        network = resized(cell, network, checkpoint, settings)
        shown = Footage(footage.with_name(f"{footage.name}-{subject.tiles}x{subject.tiles}"))
    few = replace(settings, timed_clips=max(1, settings.timed_clips // subject.tiles**2))
    timed = measure_time(subject, widened(network, WIDER, subject.heads), shown, few)
    return timed | _loss(subject, network, cell.mode, shown, few)


def resized(cell: Cell, network: nn.Module, checkpoint: Path, settings: Settings) -> nn.Module:
    """The network of a cell for the pictures of `Subject.large`, its weights and gates as they are."""
    config = configuration(cell, checkpoint, settings)
    size = SUBJECTS[cell.network].large().preparation.size
    config = replace(config, model=replace(config.model, options={**config.model.options, "size": size}))
    larger = build_model(config, torch.zeros(1, 3, size[1], size[0]))
    larger.load_state_dict(network.state_dict())
    return larger.eval()


def _loss(subject: Subject, network: nn.Module, mode: str, footage: Footage, settings: Settings) -> dict[str, Any]:
    """Points lost against the dense network, on the frames whose time was taken."""
    few = replace(settings, test_clips=settings.timed_clips, test_frames=REFERENCE + settings.timed_frames)
    players = (DensePlayer(network), make_player(network, subject, mode))
    dense, gated = (measure(subject, player, footage, few) for player in players)
    metric = gated["metric"]
    return {"metric": metric, metric: gated[metric], "loss": round(dense[metric] - gated[metric], 3)}
