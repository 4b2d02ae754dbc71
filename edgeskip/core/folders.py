"""Folders of the user: where what can be made again is kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """EDGESKIP_CACHE, or `edgeskip` in the user's cache folder. It need not exist yet."""
    own = os.environ.get("EDGESKIP_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgeskip"
