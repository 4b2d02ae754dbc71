"""Cameras and display."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from edgeskip.doctor.finding import Finding
from edgeskip.doctor.machine import read_text

_GROUP = "devices"


def device_findings() -> list[Finding]:
    """One finding per camera, and one for the display."""
    return [*camera_findings(Path("/dev"), Path("/sys/class/video4linux")), _display_finding()]


def camera_findings(devices: Path, names: Path) -> list[Finding]:
    """Video devices in the folder `devices`; `names` holds a folder with a `name` file for each."""
    cameras = sorted(devices.glob("video[0-9]*"), key=lambda path: int(re.sub(r"\D", "", path.name)))
    if not cameras:
        remedy = "connect a camera, or use --source with a video file or synthetic:"
        return [Finding(_GROUP, "camera", False, "none (/dev/video*)", remedy)]
    return [_camera(path, read_text(str(names / path.name / "name")).strip()) for path in cameras]


def display_name() -> str | None:
    """Name of the graphical display that windows open on, None where there is none."""
    if sys.platform in ("darwin", "win32"):
        return sys.platform
    return os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or None


def _camera(path: Path, name: str) -> Finding:
    if os.access(path, os.R_OK | os.W_OK):
        return Finding(_GROUP, str(path), True, name or "video device")
    remedy = "sudo usermod -aG video $USER, then log in again"
    return Finding(_GROUP, str(path), False, f"{name or 'video device'}: no permission", remedy)


def _display_finding() -> Finding:
    display = display_name()
    if display is None:
        return Finding(_GROUP, "display", False, "none", "edgeskip demo writes an MP4 instead; --save chooses where")
    return Finding(_GROUP, "display", True, display)
