"""Measured tactics, kept between builds: by TensorRT version and GPU, written whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from edgeskip.backends.tensorrt.device.probe import GpuState
from edgeskip.core.errors import OutputError
from edgeskip.core.files import make_folder, write_bytes
from edgeskip.core.folders import cache_folder


def timing_cache_path(version: str, gpu: GpuState) -> Path:
    """Where the cache of this TensorRT and GPU lies."""
    name = re.sub(r"[^a-z0-9]+", "-", gpu.name.lower()).strip("-") or "gpu"
    return cache_folder() / "timing" / f"tensorrt-{version}-{gpu.architecture}-{name}.cache"


def attach(config: Any, path: Path) -> bool:
    """Give the builder's `config` what is in `path`; a cache that does not fit is left aside. Whether one was used."""
    try:
        data = path.read_bytes()
    except OSError:
        data = b""
    cache = config.create_timing_cache(data)
    if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
        return bool(data)
    config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)
    return False


def keep(config: Any, path: Path) -> None:
    """Write the builder's cache to `path`. That it can't be written stops nobody: the next build measures again."""
    cache = config.get_timing_cache()
    if cache is None:
        return
    try:
        make_folder(path.parent)
        write_bytes(path, bytes(cache.serialize()))
    except OutputError:
        return
