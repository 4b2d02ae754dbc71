"""TensorRT headers and lean runtimes, named by environment variables, and the plugin library built for them.

`EDGESKIP_TENSORRT_INCLUDE`: folders that hold NvInfer.h, `EDGESKIP_TENSORRT_LIBS`: folders that hold the packages
`tensorrt_lean_bindings` and `tensorrt_lean_libs` (a site-packages); several are separated as in PATH.
`EDGESKIP_TENSORRT_BUILDS`: where it is built (build/tensorrt-tests); kernels that lie there are not compiled again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

PLUGIN_SOURCE = Path(__file__).resolve().parents[2] / "plugins/tensorrt"
BUILDS = Path(os.environ.get("EDGESKIP_TENSORRT_BUILDS") or PLUGIN_SOURCE.parents[1] / "build/tensorrt-tests")


def folders(variable: str) -> list[Path]:
    """The folders that an environment variable names."""
    return [Path(name) for name in os.environ.get(variable, "").split(os.pathsep) if name]


def include_folders() -> list[Path]:
    """Header folders; skips the test where none is named or there is no nvcc."""
    found = folders("EDGESKIP_TENSORRT_INCLUDE")
    if not found:
        pytest.skip("needs TensorRT's headers: set EDGESKIP_TENSORRT_INCLUDE to the folder of NvInfer.h")
    nvcc = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "bin/nvcc"
    if not nvcc.exists() or shutil.which("make") is None:
        pytest.skip(f"needs make and nvcc, which is not at {nvcc} (set CUDA_HOME)")
    return found


def major_version(include: Path) -> int:
    """Major version of the TensorRT whose headers these are."""
    text = (include / "NvInferVersion.h").read_text()
    found = re.search(r"^#define (?:NV_TENSORRT_MAJOR|TRT_MAJOR_ENTERPRISE) (\d+)", text, re.MULTILINE)
    assert found, include
    return int(found[1])


def architectures() -> list[int]:
    """Compute capabilities that the tests build for; `EDGESKIP_TEST_ARCHS` changes them ("87 90")."""
    return [int(name) for name in os.environ.get("EDGESKIP_TEST_ARCHS", "87").split()]


@cache
def built(include: Path, *targets: str) -> Path:
    """The folder of the library (and the minimal host) built for these headers."""
    folder = BUILDS / re.sub(r"[^\w.]+", "-", str(include)).strip("-")
    command = [
        "make", "-j2", *targets, f"TENSORRT_INCLUDE={include}", f"BUILD={folder}", f"KERNEL_BUILD={BUILDS}",
        "CXXFLAGS=-O1 -Werror",
        f"ARCHS={' '.join(map(str, architectures()))}",
    ]  # fmt: skip
    result = subprocess.run(command, cwd=PLUGIN_SOURCE, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return folder
