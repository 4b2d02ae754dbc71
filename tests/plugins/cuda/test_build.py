"""The kernels' own tests on the host, and that nvcc takes the sources where it is there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.cuda_build import SOURCES, make

NVCC = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
ALL_ARCHITECTURES = "75 80 86 87 89 90 100 110 120"


def test_bodies_on_the_host(build: Path) -> None:
    """Convolution, depthwise, list and gate by the code that the GPU runs, against float64."""
    result = make("host-test", build)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    assert "conv schedules" in result.stdout


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
def test_a_kernel_compiles(build: Path) -> None:
    """The smallest, for one architecture; all others are in the slow test."""
    result = make(str(build / "device/kernels/count/launch.cu.o"), build, "ARCHS=87", f"NVCC={NVCC}")
    assert result.returncode == 0, result.stderr[-4000:]


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
@pytest.mark.skipif("EDGESKIP_COMPILE_CUDA" not in os.environ, reason="takes many minutes: make test-cuda")
def test_everything_compiles_for_all_architectures(build: Path) -> None:
    """The library and both programs; no kernel may spill much, which ptxas would tell."""
    result = make("all", build / "all", f"ARCHS={ALL_ARCHITECTURES}", f"NVCC={NVCC}", timeout_s=6 * 3600)
    assert result.returncode == 0, result.stderr[-4000:]


def test_no_kernel_knows_tensorrt() -> None:
    """plugins/cuda builds where TensorRT is not installed."""
    files = [path for path in SOURCES.rglob("*") if path.suffix in (".h", ".cuh", ".cu", ".cpp")]
    assert len(files) > 30
    for path in files:
        text = path.read_text()
        assert "NvInfer" not in text, path
        assert "nvinfer1" not in text, path
