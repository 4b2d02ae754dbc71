"""The last checkpoint, from which a run goes on exactly, and the best one, which is loaded for use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from edgeskip.core.errors import ConfigError
from edgeskip.core.files import atomic_path

LAST = "last.pt"


def save(file: Path, record: dict[str, Any]) -> None:
    """Write `record` to `file`, whole or not at all."""
    with atomic_path(file) as temporary:
        torch.save(record, temporary)


def load_last(folder: Path, configuration: dict[str, Any]) -> dict[str, Any] | None:
    """The last checkpoint of the run in `folder`; None where there is none.

    Raises:
        ConfigError: it can't be read, or belongs to another configuration.
    """
    file = folder / LAST
    if not file.is_file():
        return None
    try:
        record = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different class for each way in which a file is broken
        raise ConfigError(f"can't go on from {file}: {error}", hint="--restart begins anew") from error
    changed = difference(record["configuration"], configuration)
    if changed:
        raise ConfigError(
            f"{folder} holds a training with another {changed}",
            hint="choose another folder with --output, or --restart to begin anew and lose that one",
        )
    return record


def difference(old: Any, new: Any, place: str = "") -> str:
    """The first key that differs between two configurations, with its values; "" if none."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        found = (difference(old.get(key), new.get(key), f"{place}.{key}" if place else str(key)) for key in keys)
        return next((text for text in found if text), "")
    return "" if old == new else f"{place}: {old!r}, now {new!r}"
