"""A Jetson's release and power mode, on a made-up root."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeskip.doctor.jetson import jetpack_of, jetson_findings, power_mode, release_of

RELEASE = "# R{major} (release), REVISION: {rest}, GCID: 37537400, BOARD: generic, EABI: aarch64\n"


def root(
    folder: Path, major: int = 36, rest: str = "4.3", nvpmodel: str | None = "NV Power Mode: MAXN_SUPER\n2"
) -> Path:
    """A root folder of a Jetson; `nvpmodel` is what the tool prints, None where it is not there."""
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/nv_tegra_release").write_text(RELEASE.format(major=major, rest=rest))
    if nvpmodel is not None:
        tool = folder / "usr/sbin/nvpmodel"
        tool.parent.mkdir(parents=True)
        tool.write_text(f"#!/bin/sh\ncat <<END\n{nvpmodel}\nEND\n")
        tool.chmod(0o755)
    return folder


def test_no_jetson_no_findings(tmp_path: Path) -> None:
    assert jetson_findings(tmp_path) == []
    assert release_of("something else") is None


@pytest.mark.parametrize(
    ("release", "name", "tensorrt", "supported"),
    [
        ((32, 7, 1), "4 or older", "8.2", False),
        ((35, 6, 4), "5", "8.5", False),
        ((36, 3, 0), "6.0", "8.6", True),
        ((36, 4, 0), "6.1", "10.3", True),
        ((36, 4, 3), "6.2", "10.3", True),
        ((36, 5, 2), "6.2", "10.3", True),
        ((38, 2, 1), "7.0", "10.13", True),
        ((38, 4, 0), "7.1", "10.13", True),
        ((39, 2, 0), "7.2", "10.16", True),
    ],
)
def test_releases(release: tuple[int, ...], name: str, tensorrt: str, supported: bool) -> None:
    jetpack = jetpack_of(release)
    assert (jetpack.name, jetpack.supported) == (name, supported)
    assert tensorrt in jetpack.tensorrt


def test_release_and_mode_of_an_orin(tmp_path: Path) -> None:
    jetpack, power = jetson_findings(root(tmp_path))
    assert jetpack.detail == "6.2 (Jetson Linux 36.4.3): TensorRT 10.3, CUDA 12.6"
    assert (jetpack.ok, power.ok, power.detail, power.remedy) == (True, True, "MAXN_SUPER", "")


def test_a_slower_mode_has_the_command_for_the_fastest(tmp_path: Path) -> None:
    _, power = jetson_findings(root(tmp_path, nvpmodel="NV Power Mode: 15W\n0"))
    assert power.ok
    assert "15W: not the fastest" in power.detail
    assert "jetson_clocks" in power.remedy


@pytest.mark.parametrize("printed", [None, "", "Permission denied"])
def test_a_tool_that_is_missing_or_says_nothing(tmp_path: Path, printed: str | None) -> None:
    _, power = jetson_findings(root(tmp_path, nvpmodel=printed))
    assert not power.ok
    assert power.remedy
    assert power_mode(printed or "") is None


def test_an_old_release_says_what_to_do(tmp_path: Path) -> None:
    jetpack, _ = jetson_findings(root(tmp_path, 35, "4.1"))
    assert not jetpack.ok
    assert "JetPack 6" in jetpack.remedy
