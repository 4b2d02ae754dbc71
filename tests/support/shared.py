"""Real videos and networks, kept outside the project; a test that needs one skips where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("EDGESKIP_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"


def shared_file(name: str) -> Path:
    """Path of `name` (such as "videos/highway.avi") in the shared data; skips the test where it is absent."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"needs {name} in {ROOT} (set EDGESKIP_SHARED to its parent), which is absent")
    return path
