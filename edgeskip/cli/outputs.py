"""Output paths are checked before the work that fills them."""

from __future__ import annotations

import os
from pathlib import Path

from edgeskip.core.errors import OutputError


def require_writable(path: Path) -> None:
    """Raises OutputError unless a file can be made at `path`."""
    if path.is_dir():
        raise OutputError(f"can't write {path}: it is a folder", hint="name a file in it")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"can't write {path}: there is no folder {folder}", hint=f"make it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"can't write {path}: no permission in {folder}", hint="choose another folder")
