"""Runs Python in a process of its own on the edgeskip that the tests import: installed, or the source tree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import edgeskip

PARENT = Path(edgeskip.__file__).resolve().parents[1]


def run_python(script: str, **environment: str) -> str:
    """Standard output of `script`, stripped; its errors are the assertion's message."""
    variables = {**os.environ, "PYTHONPATH": str(PARENT), **environment}
    command = [sys.executable, "-c", script]
    # away from the project's root, since -c puts the current folder first on the path
    result = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, cwd="/")
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def start_interruptible(command: list[str]) -> subprocess.Popen[str]:
    """Starts `command` with pipes; it hears SIGINT even where the tests run in the background, which ignore it."""
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
