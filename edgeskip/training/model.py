"""The network of a configuration: dense, converted, with its checkpoint."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from edgeskip.core.errors import ModelError
from edgeskip.core.named import create_named
from edgeskip.nn import Policy, convert, load_checkpoint
from edgeskip.nn.gates import create_gate
from edgeskip.training.config import Config, ModelConfig, read_config

BEST = "best.pt"
CONFIG = "config.json"
EXAMPLE = "example"


def build_model(config: Config, example: Tensor) -> nn.Module:
    """The converted network with its dense weights, gates at their start values; `example` is a frame [1, C, H, W].

    Raises:
        ModelError: no such factory, gate or layer, or a checkpoint that does not fit.
    """
    policies = [Policy(**asdict(gate)) for gate in config.gates]
    for policy in policies:
        create_gate(policy.gate, **policy.options)  # a slip is told before the network is built
    torch.manual_seed(config.training.seed)
    network = _dense(config.model, config)
    network.eval()
    model = convert(network, policies, fold_batch_norms=config.model.fold_batch_norms, example=example)
    if config.model.weights:
        load_checkpoint(model, config.path(config.model.weights))
    return model.eval()


def load_trained(folder: str | Path) -> nn.Module:
    """The network that `train_gates` left in `folder`, with its best gates, in eval mode.

    Raises:
        ModelError: no finished training there.
    """
    folder = Path(folder)
    file = folder / BEST
    if not file.is_file() or not (folder / CONFIG).is_file():
        raise ModelError(f"{folder}: no trained gates in it", hint="edgeskip train-gates CONFIG makes them")
    config = read_config(folder / CONFIG)
    saved = torch.load(file, map_location="cpu", weights_only=True)
    # the dense checkpoint need not be there any more
    config = replace(config, model=replace(config.model, weights=""))
    model = build_model(config, torch.zeros(saved[EXAMPLE]))
    load_checkpoint(model, saved)
    return model.eval()


def _dense(model: ModelConfig, config: Config) -> nn.Module:
    network = create_named(model.factory, model.options, config.folder)
    if not isinstance(network, nn.Module):
        raise ModelError(
            f"{model.factory!r} returns a {type(network).__name__}, not a torch.nn.Module",
            hint="model.factory is a function that builds the dense network",
        )
    return network
