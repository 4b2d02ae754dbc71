"""benchmarks/gpu: a rehearsal goes through every step, failures stop no other, and what is carried arrives whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CARRY = ROOT / "benchmarks/gpu/carry.sh"


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command; its output as text."""
    variables = {**os.environ, **environment}
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=100, env=variables)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree of the scripts alone: every program in it is missing."""
    shutil.copytree(ROOT / "benchmarks/gpu", tmp_path / "tree/benchmarks/gpu")
    return tmp_path / "tree"


def rows(file: Path) -> dict[str, str]:
    """Step to result."""
    lines = re.findall(r"^\| ([a-z0-9-]+) \| .* \| (.*) \| [\d.]* \|$", file.read_text(), re.MULTILINE)
    return dict(lines)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_steps_that_fail_stop_no_other_and_the_table_has_them_all(tree: Path) -> None:
    made = run(
        tree / "benchmarks/gpu/run.sh", "--no-gpu", "--archs", "87", "--python", "/bin/false", CUDA_HOME="/nowhere"
    )
    (table,) = (tree / "benchmarks/results").glob("gpu-rehearsal-*.md")
    found = rows(table)
    assert found["machine"] == "passed"
    assert found["kernels"] == found["host"] == found["plugins-only"] == "left out: no GPU: rehearsal"
    assert len(found) >= 20
    assert made.stdout == table.read_text()
    assert "nothing below ran on a GPU" in made.stdout
    failed = [name for name, result in found.items() if "failed" in result]
    assert made.returncode == (1 if failed else 0)


def test_prebuilt_programs_are_run_without_a_compiler(tree: Path) -> None:
    prebuilt = tree / "prebuilt"
    (prebuilt / "cuda").mkdir(parents=True)
    for name, text in (("cuda/device_tests", "echo all right"), ("host", "echo no device >&2; exit 3")):
        (prebuilt / name).write_text(f"#!/bin/sh\n{text}\n")
        (prebuilt / name).chmod(0o755)
    (prebuilt / "libedgeskip_tensorrt.so").touch()
    options = [
        "--prebuilt",
        prebuilt,
        "--name",
        "A GPU/1",
        "--archs",
        "90",
        "--only",
        "machine build-cuda kernels host bench-float16 sanitize-memcheck",
    ]
    made = run(tree / "benchmarks/gpu/run.sh", *options)
    (table,) = (tree / "benchmarks/results").glob("gpu-a-gpu-1-*.md")
    found = rows(table)
    assert made.returncode == 1
    assert found["kernels"] == "passed"
    assert found["host"] == "**failed**: exit 3, no device"
    assert found["bench-float16"].startswith("left out:")
    assert found["build-cuda"] == f"left out: prebuilt: {prebuilt}"
    assert "all right" in table.read_text()
    goals = table.read_text()
    assert re.search(r"^\| every kernel right against float64 .* \| 1 of 1 steps \| passed \|$", goals, re.MULTILINE)
    assert re.search(r"^\| V3 plugins' enqueue .* \| failed: host \| \*\*missed\*\* \|$", goals, re.MULTILINE)


BENCH = """#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = --csv ] && file=$2; [ "$1" = --type ] && type=$2; shift; done
[ $type = float16 ] || exit 0
cat > $file <<'END'
name,batch,height,width,in_channels,out_channels,kernel,stride,share,active,ms,spread_ms,tflops,dense_ms,ratio,break_even
1080p8_3x3_64_b1,1,135,240,64,64,3,1,1,1,0.1,0,1,0.08,0.8,0.75
1080p8_3x3_64_b1,1,135,240,64,64,3,1,0.1,0.104,0.01,0,1,0.08,8,0.75
1080p4_3x3_96_b1,1,270,480,96,96,3,1,1,1,0.2,0,1,0.1,0.5,0.4
1080p4_3x3_96_b1,1,270,480,96,96,3,1,0.1,0.102,0.02,0,1,0.12,6,0.4
hrnet_stem1_b1,1,832,1088,3,64,3,2,0.1,0.1,0.5,0,1,0.1,0.2,0.01
END
"""


def test_goals_are_judged_by_the_slowest_layer(tree: Path) -> None:
    (tree / "prebuilt/cuda").mkdir(parents=True)
    (tree / "prebuilt/cuda/device_bench").write_text(BENCH)
    (tree / "prebuilt/cuda/device_bench").chmod(0o755)
    options = ["--prebuilt", tree / "prebuilt", "--name", "x", "--archs", "90", "--only", "bench-float16 layer-times"]
    said = run(tree / "benchmarks/gpu/run.sh", *options).stdout
    assert (
        "10 % active: at least 5 x cuDNN's dense FP16 | 6.00 (1080p4_3x3_96_b1) to 8.00, 2 of 2 layers | passed |"
        in said
    )
    assert "at least 0.6 of it | 0.50 (1080p4_3x3_96_b1) to 0.80, 1 of 2 layers | **missed** |" in said
    assert "| 1 to 75 % active | passed |" in said
    (copied,) = (tree / "benchmarks/results").glob("gpu-x-*-bench-float16.csv")
    assert "1080p8" in copied.read_text()


def test_a_step_that_takes_too_long_is_ended(tree: Path) -> None:
    prebuilt = tree / "prebuilt"
    (prebuilt / "cuda").mkdir(parents=True)
    (prebuilt / "cuda/device_tests").write_text("#!/bin/sh\nexec sleep 60\n")
    (prebuilt / "cuda/device_tests").chmod(0o755)
    run(
        tree / "benchmarks/gpu/run.sh",
        "--prebuilt",
        prebuilt,
        "--name",
        "x",
        "--archs",
        "90",
        "--only",
        "kernels",
        "--limit",
        "1",
    )
    (table,) = (tree / "benchmarks/results").glob("*.md")
    assert rows(table) == {"kernels": "**failed**: over 1 s"}


def test_no_step_begins_after_the_total_and_the_table_is_there_after_each(tree: Path) -> None:
    run(tree / "benchmarks/gpu/run.sh", "--no-gpu", "--archs", "87", "--total", "0", "--python", "/bin/false")
    (table,) = (tree / "benchmarks/results").glob("*.md")
    assert rows(table)["machine"] == "left out: the total of 0 s is over"


def test_help_names_every_option_and_an_unknown_one_is_refused(tree: Path) -> None:
    script = tree / "benchmarks/gpu/run.sh"
    said = run(script, "--help").stdout
    options = set(re.findall(r"^    (--[a-z-]+)(?:\)| \|)", script.read_text(), re.MULTILINE))
    assert {"--no-gpu", "--prebuilt", "--tensorrt"} <= options
    assert not {option for option in options - {"--list", "-h"} if option not in said}
    assert run(script, "--nonsense").returncode == 2


@pytest.mark.parametrize("tool", ["zstd", "gzip"])
def test_a_folder_is_carried_in_pieces_and_checked(tmp_path: Path, tool: str) -> None:
    if tool == "zstd" and shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    path = os.environ["PATH"]
    if tool == "gzip":
        (tmp_path / "bin").mkdir()
        for name in [
            "bash",
            "tar",
            "gzip",
            "split",
            "sha256sum",
            "cut",
            "ls",
            "wc",
            "du",
            "mv",
            "rm",
            "mkdir",
            "cat",
            "dirname",
            "grep",
            "sed",
        ]:
            (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "")
        path = str(tmp_path / "bin")
    folder, pieces, back = tmp_path / "lib", tmp_path / "pieces", tmp_path / "back"
    (folder / "include").mkdir(parents=True)
    (folder / "libnvinfer.so").write_bytes(os.urandom(2_500_000))
    (folder / "include/NvInfer.h").write_text("// header\n")
    (folder / "libnvinfer.so.8").symlink_to("libnvinfer.so")
    assert run(CARRY, "split", folder, pieces, CARRY_MIB="1", PATH=path).returncode == 0
    parts = sorted(pieces.glob("part.*"))
    assert len(parts) == 3
    assert max(part.stat().st_size for part in parts) <= 2**20
    data = parts[1].read_bytes()
    parts[1].write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    parts[2].rename(tmp_path / "kept")
    broken = run(CARRY, "join", pieces, back, PATH=path)
    assert broken.returncode == 1
    assert "broken: part.001" in broken.stderr
    assert "missing: part.002" in broken.stderr
    assert not back.exists()
    parts[1].write_bytes(data)
    (tmp_path / "kept").rename(parts[2])
    assert run(CARRY, "check", pieces, PATH=path).returncode == 0
    assert run(CARRY, "join", pieces, back, PATH=path).returncode == 0
    assert (back / "libnvinfer.so.8").read_bytes() == (folder / "libnvinfer.so").read_bytes()
    assert (back / "include/NvInfer.h").read_text() == "// header\n"
    assert run(CARRY, "join", pieces, back, PATH=path).returncode == 1
