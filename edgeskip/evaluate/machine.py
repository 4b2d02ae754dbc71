"""What a measurement ran on: without it a figure means nothing."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import edgeskip

PACKAGES = ("numpy", "onnx", "onnxruntime", "openvino", "tensorrt")


def describe_machine() -> dict[str, Any]:
    """CPU model, level and bfloat16 kernels of the native engine, cores, load, system, versions and date (UTC)."""
    return {
        "cpu": cpu_model(),
        "level": native_level(),
        "bf16": native_bf16(),
        "cores": usable_cores(),
        "load_average": load_average(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"edgeskip": edgeskip.__version__, **package_versions()},
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def cpu_model() -> str:
    """Name of the CPU: from Linux where it says so, else the architecture."""
    for line in _lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "hardware"):
            return value.strip()
    # Arm boards name themselves in the device tree
    board = "".join(_lines("/proc/device-tree/model")).strip("\0 \n")
    return board or platform.processor() or platform.machine()


def native_level() -> str | None:
    """Best instruction set level of the native engine here, None where it is not built."""
    try:
        return import_module("edgeskip.backends.cpu._native").levels()[0]
    except ImportError:
        return None


def native_bf16() -> list[str]:
    """Kernels of the native engine for --precision bf16 here, best first."""
    try:
        return import_module("edgeskip.backends.cpu._native").bf16_kernels()
    except (ImportError, ValueError):
        return []


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_average() -> float | None:
    """Processes that were running or waiting in the last minute, None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def package_versions() -> dict[str, str]:
    """Versions of those of `PACKAGES` that are installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []
