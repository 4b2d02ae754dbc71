"""A Jetson's software release and power mode; nothing elsewhere."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgeskip.doctor.finding import Finding
from edgeskip.doctor.machine import read_text

_GROUP = "jetson"


@dataclass(frozen=True)
class JetPack:
    """What a release brings. `supported`: TensorRT of a version that edgeskip builds for."""

    name: str
    tensorrt: str
    cuda: str
    supported: bool = True


# first release of Jetson Linux that belongs to it, newest first
_RELEASES: tuple[tuple[tuple[int, ...], JetPack], ...] = (
    ((39,), JetPack("7.2", "10.16, from 7.2.2 on 11.4", "13.2")),
    ((38, 4), JetPack("7.1", "10.13", "13.0")),
    ((38,), JetPack("7.0", "10.13", "13.0")),
    ((36, 4, 3), JetPack("6.2", "10.3", "12.6")),
    ((36, 4), JetPack("6.1", "10.3", "12.6")),
    ((36, 3), JetPack("6.0", "8.6", "12.2")),
    ((36,), JetPack("6.0 developer preview", "8.6", "12.2")),
    ((35,), JetPack("5", "8.4 or 8.5", "11.4", supported=False)),
    ((0,), JetPack("4 or older", "8.2 or older", "10.2", supported=False)),
)


def jetson_findings(root: Path = Path("/")) -> list[Finding]:
    """Release and power mode; empty where `root` is no Jetson's."""
    release = release_of(read_text(str(root / "etc/nv_tegra_release")))
    if release is None:
        return []
    return [_jetpack(release), _power(root)]


def release_of(text: str) -> tuple[int, ...] | None:
    """(36, 4, 3) of the content of /etc/nv_tegra_release, None where it is none."""
    match = re.search(r"R(\d+)\s*\(release\),\s*REVISION:\s*([\d.]+)", text)
    if match is None:
        return None
    return (int(match[1]), *(int(part) for part in match[2].split(".") if part))


def jetpack_of(release: tuple[int, ...]) -> JetPack:
    """The JetPack that a release of Jetson Linux belongs to."""
    return next(jetpack for first, jetpack in _RELEASES if release >= first)


def power_mode(text: str) -> str | None:
    """Name of the mode in what `nvpmodel -q` prints, such as "MAXN_SUPER"; None where it prints none."""
    match = re.search(r"NV Power Mode:\s*(\S+)", text)
    return match[1] if match else None


def _jetpack(release: tuple[int, ...]) -> Finding:
    jetpack = jetpack_of(release)
    detail = (
        f"{jetpack.name} (Jetson Linux {'.'.join(map(str, release))}): TensorRT {jetpack.tensorrt}, CUDA {jetpack.cuda}"
    )
    remedy = (
        "" if jetpack.supported else "flash JetPack 6 or newer, where the board can run it; --backend cpu works here"
    )
    return Finding(_GROUP, "jetpack", jetpack.supported, detail, remedy)


def _power(root: Path) -> Finding:
    tool = root / "usr/sbin/nvpmodel"
    mode = power_mode(_output([str(tool), "-q"])) if tool.exists() else None
    if mode is None:
        return Finding(_GROUP, "power mode", False, "unknown: nvpmodel -q says nothing", "sudo nvpmodel -q")
    if mode.upper().startswith("MAXN"):
        return Finding(_GROUP, "power mode", True, mode)
    remedy = "for figures: sudo nvpmodel -m 0 (MAXN; its number is in /etc/nvpmodel.conf), then sudo jetson_clocks"
    return Finding(_GROUP, "power mode", True, f"{mode}: not the fastest one", remedy)


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
