"""The plugins' source: where it lies, and a hash that says whether a library was made of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import edgeskip

_SUFFIXES = frozenset({".cu", ".cuh", ".cpp", ".h", ".map"})
_LEFT_OUT = frozenset({"tests", "build", "bench", "benchmarks"})
_FOLDERS = ("cuda", "tensorrt")


def source_folder() -> Path | None:
    """The folder with `cuda` and `tensorrt`: inside the installed package, or the root of a source checkout."""
    package = Path(edgeskip.__file__).resolve().parent
    for folder in (package / "plugins", package.parent / "plugins"):
        if (folder / "tensorrt" / "Makefile").is_file() and (folder / "cuda").is_dir():
            return folder
    return None


def source_files(folder: Path) -> list[Path]:
    """Every file that a library depends on, sorted; neither tests nor benchmarks."""
    found = []
    for part in _FOLDERS:
        for path in (folder / part).rglob("*"):
            inner = path.relative_to(folder).parts[:-1]
            if path.is_file() and not _LEFT_OUT & set(inner) and (path.suffix in _SUFFIXES or path.name == "Makefile"):
                found.append(path)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def source_hash(folder: Path) -> str:
    """16 hexadecimal digits of the SHA-256 over names and contents."""
    digest = hashlib.sha256()
    for path in source_files(folder):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
