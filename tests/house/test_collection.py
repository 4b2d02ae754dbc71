"""The tests are those of the README's command: it installs no torch, and every file that needs it must skip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# without the '' that -c puts first: edgeskip is the installed package here, as it is for the pytest command
COLLECT = """
import sys
sys.path.remove("")
sys.modules["torch"] = None
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def test_every_test_can_be_collected_without_torch() -> None:
    command = [sys.executable, "-c", COLLECT, "--collect-only", "-q", "-p", "no:cacheprovider", str(ROOT / "tests")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stdout[-3000:]
