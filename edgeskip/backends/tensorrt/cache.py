"""Where engines, plugin libraries and what was found out about this machine are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`EDGESKIP_CACHE`, else a folder in the user's cache. It may not exist yet."""
    chosen = os.environ.get("EDGESKIP_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edgeskip"
