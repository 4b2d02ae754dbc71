"""Runs the Makefile of plugins/cuda."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "plugins" / "cuda"


def make(target: str, build: Path, *variables: str, timeout_s: int = 600) -> subprocess.CompletedProcess[str]:
    """Output of `make TARGET` with its objects in `build`."""
    command = ["make", "-s", "-j2", f"BUILD={build}", target, *variables]
    return subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, timeout=timeout_s, check=False)
