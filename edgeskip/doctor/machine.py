"""The computer: processor, cores, memory, Python, and the board where it is a Jetson or a Raspberry Pi."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

from edgeskip.doctor.finding import Finding

_GROUP = "machine"


def machine_findings() -> list[Finding]:
    """Findings about the computer itself."""
    findings = [
        Finding(_GROUP, "processor", True, cpu_model()),
        Finding(_GROUP, "cores", True, _cores()),
        Finding(_GROUP, "memory", True, _memory()),
        Finding(_GROUP, "system", True, f"{platform.system()} {platform.release()} {platform.machine()}"),
        Finding(_GROUP, "python", True, f"{platform.python_version()} {sys.executable}"),
    ]
    board = board_model()
    if board:
        findings.append(Finding(_GROUP, "board", True, board))
    return findings


def cpu_model() -> str:
    """Name of the processor, such as "Intel(R) Xeon(R) Gold 6148"."""
    text = read_text("/proc/cpuinfo")
    for key in ("model name", "Hardware", "Model"):
        match = re.search(rf"^{key}\s*:\s*(.+)$", text, re.MULTILINE)
        if match:
            return match[1].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def board_model() -> str:
    """Name of a single-board computer from its device tree, "" elsewhere."""
    return read_text("/proc/device-tree/model").rstrip("\0\n ")


def read_text(path: str) -> str:
    """Content of a file of the system, "" where it can't be read."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _cores() -> str:
    usable, whole = usable_cores(), os.cpu_count() or 1
    return f"{usable}" if usable == whole else f"{usable} of {whole} usable by this process"


def _memory() -> str:
    values = {
        match[1]: int(match[2]) / 2**20
        for match in re.finditer(r"^(MemTotal|MemAvailable):\s*(\d+) kB", read_text("/proc/meminfo"), re.MULTILINE)
    }
    if "MemTotal" not in values:
        return "unknown"
    available = f", {values['MemAvailable']:.1f} available" if "MemAvailable" in values else ""
    return f"{values['MemTotal']:.1f} GiB{available}"
