"""Checkpoints: dense ones as they are, our own, and those of the published Skip-Conv code by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgeskip.core.errors import ModelError
from edgeskip.core.lazy import require
from edgeskip.nn.conversion import conversion_of
from edgeskip.nn.gates import GumbelGate, NormGate
from edgeskip.nn.state import skip_layers

# where training scripts keep the state dict, and what wrappers put before every name
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")
# the gate's convolution in the published code is the first module of a Sequential
PUBLISHED_GATE = "gate.gate_network.0."
SHOWN = 5


@dataclass(frozen=True)
class Loaded:
    """`kind`: "dense" (gates keep their start values), "skip" (ours) or "published". `tensors`: how many."""

    kind: str
    tensors: int


def load_checkpoint(model: nn.Module, source: str | Path | Mapping[str, Any]) -> Loaded:
    """Load weights into a converted network: a file (.pt, .pth, .safetensors) or a state dict.

    Raises:
        ModelError: the file can't be read, or keys are missing, foreign or of another shape; nothing was changed.
    """
    title = str(source) if isinstance(source, (str, Path)) else "state dict"
    state = _plain(_read(Path(source)) if isinstance(source, (str, Path)) else source, title)
    kind = _kind(model, state)
    if kind == "published":
        state = _renamed(model, state, title)
    _check(model, state, kind, title)
    model.load_state_dict(state)
    return Loaded(kind, len(state))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return require("safetensors.torch", "networks", "reading .safetensors").load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"{path}: can't be read: {error.strerror or error}") from error
    except (RuntimeError, ValueError, EOFError, KeyError, ImportError, AttributeError) as error:
        raise _unreadable(path, error) from error
    except Exception as error:
        # pickle and safetensors have error classes of their own
        if type(error).__name__ in ("UnpicklingError", "SafetensorError"):
            raise _unreadable(path, error) from error
        raise


def _unreadable(path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{path}: not a checkpoint of tensors: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        hint="save the state dict: torch.save(model.state_dict(), path)",
    )


def _plain(record: Mapping[str, Any], title: str) -> dict[str, Tensor]:
    """The state dict itself, without wrappers."""
    for key in WRAPPERS:
        if isinstance(record, Mapping) and isinstance(record.get(key), Mapping):
            record = record[key]
    if not isinstance(record, Mapping) or not record or not all(isinstance(v, Tensor) for v in record.values()):
        raise ModelError(f"{title}: no state dict in it", hint="save model.state_dict(), or a dict with 'state_dict'")
    state = dict(record)
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _kind(model: nn.Module, state: Mapping[str, Tensor]) -> str:
    if any(PUBLISHED_GATE in f".{key}" for key in state):
        return "published"
    gates = [f"{name}.gate.".removeprefix(".") for name in skip_layers(model)]
    return "skip" if any(key.startswith(gate) for key in state for gate in gates) else "dense"


def _renamed(model: nn.Module, state: dict[str, Tensor], title: str) -> dict[str, Tensor]:
    """Published names to ours. Their gates see the magnitude of the input's change."""
    for name, layer in skip_layers(model).items():
        theirs = f"{name}.{PUBLISHED_GATE}".removeprefix(".") + "weight"
        if theirs in state and not (isinstance(layer.gate, GumbelGate) and layer.gate.change == "inputs"):
            raise ModelError(
                f"{title}: the gate of {name!r} was trained on magnitudes of input changes, that of the network not",
                hint="Policy(gate='gumbel', options={'change': 'inputs', 'block': ...}, mode='residual')",
            )
    return {key.replace(PUBLISHED_GATE, "gate."): value for key, value in state.items()}


def _check(model: nn.Module, state: Mapping[str, Tensor], kind: str, title: str) -> None:
    expected = model.state_dict()
    folded = {conv: norm for conv, norm in conversion_of(model).folded.items() if f"{norm}.running_var" in state}
    norms = tuple(f"{norm}." for norm in folded.values())
    given = {f"{conv}.bias" for conv in folded} | _optional_gates(model, kind)
    missing = [key for key in expected if key not in state and key not in given]
    foreign = [key for key in state if key not in expected and not key.startswith(norms)]
    shapes = [
        f"{key} ({list(value.shape)}, not {list(expected[key].shape)})"
        for key, value in state.items()
        if key in expected and value.shape != expected[key].shape
    ]
    faults = (("missing", missing), ("foreign", foreign), ("of another shape", shapes))
    texts = [f"{len(keys)} {fault}: {_some(keys)}" for fault, keys in faults if keys]
    if texts:
        raise ModelError(
            f"{title} ({kind} checkpoint) does not fit the network: {'; '.join(texts)}",
            hint="build the network as it was when the checkpoint was written: size, classes, policy, folding",
        )


def _optional_gates(model: nn.Module, kind: str) -> set[str]:
    """Gate parameters that a checkpoint of this kind has no entry for."""
    return {
        f"{name}.gate.{key}".removeprefix(".")
        for name, layer in skip_layers(model).items()
        for key in layer.gate.state_dict()
        if kind == "dense" or (kind == "published" and isinstance(layer.gate, NormGate))
    }


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(keys[:SHOWN]) + more
