"""Results on disk: a JSON per cell, written whole or not at all, all of the same settings. Needs no torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeskip.core.errors import ConfigError, InputError
from edgeskip.core.files import make_folder, write_bytes
from edgeskip.demos.reproduce.cells import Cell
from edgeskip.demos.reproduce.settings import Settings

SETTINGS, CELLS = "settings.json", "cells"


class Store:
    """The folder of a reproduction.

    Raises:
        ConfigError: it holds results of other settings.
        OutputError: it can't be written.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        make_folder(folder / CELLS)
        wanted, file = json.loads(json.dumps(asdict(settings))), folder / SETTINGS
        if not file.exists():
            write_bytes(file, (json.dumps(wanted, indent=2) + "\n").encode())
        found = _read(file)
        differing = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
        if differing:
            raise ConfigError(
                f"{folder} holds results of other settings: {', '.join(differing)}",
                hint="figures of one table must be made alike: choose another --output",
            )

    def read(self, cell: Cell) -> dict[str, Any] | None:
        """The record of a cell; None where it was not computed yet."""
        file = self._file(cell)
        return _read(file) if file.exists() else None

    def write(self, cell: Cell, record: dict[str, Any]) -> None:
        """Keep the record of a cell."""
        make_folder(self._file(cell).parent)
        write_bytes(self._file(cell), (json.dumps({"cell": cell.name, **record}, indent=2) + "\n").encode())

    def _file(self, cell: Cell) -> Path:
        return self.folder / CELLS / f"{cell.name}.json"


def fingerprint(file: Path) -> str:
    """First 16 digits of the SHA-256 of a file: says which weights a figure is of."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _read(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"can't read {file}: {error}", hint="delete it; it is then computed again") from error
