"""The installed package is complete, and the README's links and commands exist."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_installed_package_holds_engine_demos_and_bundled_network() -> None:
    folder = Path(importlib.util.find_spec("edgeskip").origin).parent
    if folder.parent == ROOT:
        pytest.skip("runs from the source tree: `make test` checks the installed package")
    assert list(folder.glob("backends/cpu/_native*.so"))
    assert (folder / "demos/models/edgeskip_tiny.onnx").stat().st_size <= 3 * 2**20
    assert (folder / "calibration/__init__.py").exists()
    # the engine is compiled; the plugins are compiled on the device, by its own nvcc
    assert (folder / "plugins/tensorrt/Makefile").exists()
    assert list(folder.glob("plugins/cuda/**/*.cu"))
    sources = [path.relative_to(folder).as_posix() for path in folder.rglob("*.cpp")]
    assert all(name.startswith("plugins/") and "/tests/" not in name for name in sources)


def test_base_install_asks_for_nothing_optional() -> None:
    try:
        requires = distribution("edgeskip").requires or []
    except ModuleNotFoundError:
        pytest.skip("edgeskip is not installed: `make test` checks the installed package")
    base = {re.split(r"[ ><=\[;]", line)[0] for line in requires if "extra ==" not in line}
    assert base == {"numpy", "onnx", "onnxruntime", "opencv-python", "typer", "rich"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_the_pages_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if not link.startswith("http") and not (page.parent / link).exists()]
    assert not missing


def test_commands_of_the_readme_exist() -> None:
    from typer.main import get_command

    from edgeskip.cli.app import app

    known = set(get_command(app).commands)
    text = "".join(page.read_text() for page in (ROOT / "README.md", ROOT / "docs/measuring.md"))
    used = set(re.findall(r"^(?:\$ )?edgeskip ([a-z]+)", text, re.MULTILINE))
    assert used
    assert used <= known
    targets = set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
