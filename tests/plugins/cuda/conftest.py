"""Builds the host part of plugins/cuda once per session; without make and a C++ compiler its tests are skipped."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import pytest
from support.cuda_build import make


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for objects, which the tests of a session share."""
    if not shutil.which("make") or not shutil.which("g++"):
        pytest.skip("needs make and g++")
    return tmp_path_factory.mktemp("cuda")


@pytest.fixture(scope="session")
def oracle(build: Path) -> ctypes.CDLL:
    """Kernels' bodies under emulation, as C functions (plugins/cuda/tests/host/oracle.cpp)."""
    result = make("oracle", build)
    assert result.returncode == 0, result.stderr[-4000:]
    return ctypes.CDLL(str(build / "liboracle.so"))
