"""NVIDIA's own Python bindings of several TensorRT versions, importable without TensorRT.

The wheels tensorrt-cu12-bindings, tensorrt-cu13-bindings and tensorrt-bindings (1 MB each) hold the true classes; stub
libraries define the few symbols that they miss. EDGESKIP_TENSORRT_BINDINGS names a folder that holds the wheels.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

VARIABLE = "EDGESKIP_TENSORRT_BINDINGS"


def wheels() -> dict[str, Path]:
    """Version to wheel for this Python; empty where there are none."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return {}
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    found = sorted(Path(folder).glob(f"tensorrt*bindings-*-{tag}-*.whl"))
    return {path.name.split("-")[1]: path for path in found}


def require_wheels() -> dict[str, Path]:
    """The wheels; skips the test where they or a C compiler are absent."""
    found = wheels()
    if not found:
        pytest.skip(f"no binding wheels: set {VARIABLE} to a folder of `pip download --no-deps tensorrt-cu13-bindings`")
    if not (shutil.which("gcc") and shutil.which("nm") and shutil.which("readelf")):
        pytest.skip("gcc, nm and readelf make the stub libraries that the bindings need")
    return found


def unpack(wheel: Path, folder: Path) -> dict[str, str]:
    """Unpack a wheel and make its stubs; returns the environment in which `import tensorrt_bindings` works."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    module = folder / "tensorrt_bindings/tensorrt.so"
    dynamic = subprocess.run(["readelf", "-d", module], capture_output=True, text=True, check=True).stdout
    listed = subprocess.run(["nm", "-D", "--undefined-only", module], capture_output=True, text=True, check=True).stdout
    missing = re.findall(r" U (\w+)$", listed, re.MULTILINE)  # those of the C library have a version behind an @
    missing = [name for name in missing if not name.startswith(("Py", "_Py", "dl"))]
    source = folder / "stub.c"
    source.write_text("\n".join(f"void* {name}(void) {{ return 0; }}" for name in missing))
    for library in re.findall(r"\[(libnv\w+\.so\.\d+)\]", dynamic):
        subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-o", folder / library, source], check=True)
    return {**os.environ, "LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(folder)}


def run_in(environment: dict[str, str], script: str) -> dict:
    """The JSON that `script` prints, run in a process of its own."""
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
