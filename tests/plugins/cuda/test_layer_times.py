"""What the benchmark writes is what `edgeskip build --layer-times` reads."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.cuda_build import SOURCES

from edgeskip.backends.tensorrt import layer_cost
from edgeskip.backends.tensorrt.layer_cost import LayerShape, layer_times

CUDA = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "include"
PROGRAM = """
#include <cstdio>
#include "bench/rows.h"
using namespace edgeskip::cuda;
int main() {
  cudaDeviceProp device = {};
  device.major = 9, device.minor = 0;
  std::snprintf(device.name, sizeof device.name, "A GPU, 2 of them");
  const BenchLayer layer = bench_layers()[10];  // stride 2: the sizes are those of the output
  std::vector<BenchRow> rows = {{layer, 1.0, {1.0, 0.4, 0.01, 9.0}, 0.2, 0.05, 0.5},
                                {layer, 0.1, {0.12, 0.1, 0.01, 9.0}, 0.2, 0.05, 0.5},
                                {layer, 0.1, {0.12, 0.1, 0.01, 9.0}, 0.0, 0.0, -1.0}};
  std::fputs(layer_times_of(rows, device, ElementType::float16).c_str(), stdout);
}
"""


@pytest.mark.skipif(not (CUDA / "cuda_runtime.h").exists(), reason=f"needs CUDA's headers, which are not in {CUDA}")
def test_the_benchmarks_table_decides(build: Path, tmp_path: Path) -> None:
    (tmp_path / "main.cpp").write_text(PROGRAM)
    sources = [
        SOURCES / "bench/rows.cpp",
        SOURCES / "bench/layers.cpp",
        SOURCES / "kernels/conv/check.cpp",
        tmp_path / "main.cpp",
    ]
    include = [f"-I{SOURCES}", f"-I{SOURCES / 'include'}", "-isystem", str(CUDA)]
    subprocess.run(["g++", "-std=c++17", "-w", *include, *sources, "-o", tmp_path / "main"], check=True)
    table = tmp_path / "layer_times.csv"
    table.write_bytes(subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout)
    rows = layer_cost.measured(table)
    assert len(rows) == 2, "a layer without a dense time decides nothing"
    shape = LayerShape((3, 3), 2, 1, 3, 64, 416, 544)
    assert {row.shape for row in rows} == {shape}
    times = layer_times(shape, (9, 0), "fp16", 1, table)
    assert times.source == "measured (A GPU  2 of them plugins/cuda/bench; dense by cuDNN)"
    assert times.dense == pytest.approx(250.0)
    assert times.plugin(1.0) == pytest.approx(400.0)
    assert times.plugin(0.12) == pytest.approx(100.0)


def test_the_table_that_comes_along_has_the_same_columns() -> None:
    text = (SOURCES / "bench/rows.cpp").read_text()
    header = next(
        line
        for line in (Path(layer_cost.__file__).parent / "layer_times.csv").read_text().splitlines()
        if line[0] != "#"
    )
    assert header in text.replace('"\n         "', "")
