"""The rules of docs/architecture.md about imports hold."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.subprocesses import PARENT

ROOT = Path(__file__).resolve().parents[2]


def _tool(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed: pip install 'edgeskip[dev]'")
    return found


def test_imports_go_downward_only(tmp_path: Path) -> None:
    if PARENT == ROOT:
        pytest.skip("import-linter reads the installed package, and this is the source tree: make test")
    # away from the project's root: the current folder comes first on the linter's path
    command = [_tool("lint-imports"), "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def test_heavy_packages_have_one_door() -> None:
    command = [_tool("ruff"), "check", "--select", "TID251", "."]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_source_file_is_longer_than_500_lines() -> None:
    suffixes = {".py", ".cpp", ".h", ".cu", ".cuh"}
    folders = ("edgeskip", "plugins", "calibration", "demos", "benchmarks", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    assert len(files) > 100
    long = {str(path.relative_to(ROOT)): count for path in files if (count := len(path.read_text().splitlines())) > 500}
    assert not long


def test_torch_belongs_to_the_packages_that_need_it() -> None:
    """A device runs a model without torch: only these folders may import it."""
    library = ("edgeskip/nn/", "edgeskip/export/", "edgeskip/training/")
    doors = (*library, "demos/networks/", "demos/train/", "demos/reproduce/")
    uses = re.compile(r"^\s*(?:import|from) torch\b", re.MULTILINE)
    files = [path for folder in ("edgeskip", "calibration", "demos") for path in (ROOT / folder).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in files if uses.search(path.read_text())}
    assert any(name.startswith("edgeskip/nn/") for name in found)
    assert {name for name in found if not name.startswith(doors)} == set()
