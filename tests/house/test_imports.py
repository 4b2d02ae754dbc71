"""The package works with nothing but its base dependencies."""

from __future__ import annotations

import pytest
from support.subprocesses import run_python

# What an optional extra brings: hidden, so that only a lazy import in the right place survives.
HIDDEN = ("torch", "timm", "effdet", "torchvision", "tensorrt", "pycuda", "openvino", "aiohttp", "onnxscript")

SCRIPT = f"""
import importlib, pkgutil, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HIDDEN!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
layers = ("core", "graph", "export", "backends", "video", "tasks", "evaluate", "cli", "demos", "calibration", "doctor")
names = []
for layer in layers:
    package = importlib.import_module(f"edgeskip.{{layer}}")
    names.append(package.__name__)
    names += [module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
torch = (".demos.train", ".demos.networks.", ".demos.reproduce.")
names = [name for name in names if not any(part in name for part in torch) and not name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def test_every_module_imports_without_optional_packages() -> None:
    assert int(run_python(SCRIPT)) > 60


def test_a_device_needs_no_torch_and_no_compiler_to_load_the_engine() -> None:
    script = (
        "import sys, edgeskip.backends.registry, edgeskip.backends.cpu.runner; "
        "import edgeskip.backends.cpu._native as native; "
        "print(native.levels()[-1], 'torch' in sys.modules)"
    )
    assert run_python(script) == "scalar False"


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    heavy = ("cv2", "onnx", "onnxruntime", "torch", "openvino")
    script = f"import sys, edgeskip.cli.app; print([name for name in {heavy!r} if name in sys.modules])"
    loaded = run_python(script)
    assert loaded == "[]"


@pytest.mark.parametrize("package", ["nn", "training"])
def test_the_torch_packages_say_what_to_install(package: str) -> None:
    hidden = SCRIPT.split("layers =")[0]
    script = f"""{hidden}
try:
    importlib.import_module("edgeskip.{package}")
except Exception as error:
    print(type(error).__name__, "|", error)
"""
    said = run_python(script)
    assert said.startswith(f"MissingPackageError | edgeskip.{package} needs the package torch")
    assert 'pip install "edgeskip[export]"' in said
