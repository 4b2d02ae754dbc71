"""Builds the host part of plugins/cuda in build/cuda-tests; without make and a C++ compiler its tests are skipped."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import pytest
from support.cuda_build import SOURCES, make


@pytest.fixture(scope="session")
def build() -> Path:
    """A folder for objects, which stay: what did not change since the last session is not compiled again."""
    if not shutil.which("make") or not shutil.which("g++"):
        pytest.skip("needs make and g++")
    return SOURCES.parents[1] / "build/cuda-tests"


@pytest.fixture(scope="session")
def oracle(build: Path) -> ctypes.CDLL:
    """Kernels' bodies under emulation, as C functions (plugins/cuda/tests/host/oracle.cpp)."""
    result = make("oracle", build)
    assert result.returncode == 0, result.stderr[-4000:]
    return ctypes.CDLL(str(build / "liboracle.so"))
