"""Runs Python in a process of its own on the edgeskip that the tests import: installed, or the source tree."""

from __future__ import annotations

import os
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
