"""Outputs appear whole or not at all: written to a temporary file beside the target, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeskip.core.errors import OutputError


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `target`; rename it onto `target` on success.

    The temporary file keeps the suffix of `target`, because some writers (OpenCV) choose the
    format by it. It is removed when the block fails.

    Raises:
        OutputError: the folder is missing or can't be written, or the disk is full.
    """
    target = Path(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; a result is as readable as any file the user creates
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, target)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(target: str | Path, data: bytes) -> None:
    """Write `data` to `target` atomically. Raises OutputError."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"can't make the folder {folder}: {error.strerror}", hint="choose another one with --output"
        ) from error


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"can't write {target}: {error.strerror or error}",
        hint=f"choose a folder that exists, can be written and has room: {target.parent}",
    )
