"""Runs the Makefile of plugins/cuda."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "plugins" / "cuda"


def make(target: str, build: Path, *variables: str, timeout_s: int = 600) -> subprocess.CompletedProcess[str]:
    """Output of `make TARGET` with its objects in `build`."""
    command = ["make", "-s", "-j2", f"BUILD={build}", target, *variables]
    build.mkdir(parents=True, exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # sessions may run side by side
        return subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, timeout=timeout_s, check=False)
