"""The networks that benchmarks need and no project file holds: built by timm and effdet with random weights, as ONNX.

Random weights keep every shape, operator and multiply-accumulate. They need torch, timm and effdet (`make
test-networks` installs them). A network that was built is kept in out/networks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from edgeskip.core.errors import MissingPackageError

ROOT = Path(__file__).resolve().parent
FOLDER = ROOT.parent / "out" / "networks"
HINT = 'pip install "edgeskip[networks]", or give the ONNX file'


def build(name: str, folder: Path = FOLDER) -> Path:
    """The ONNX file of network `name` (a key of `BUILDERS`), built where it is not in `folder` yet.

    Raises:
        MissingPackageError: torch, timm or effdet is not installed.
    """
    path = folder / f"{name}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            built = BUILDERS[name](folder)
        except ModuleNotFoundError as error:
            raise MissingPackageError(f"building {name} needs the package {error.name}", hint=HINT) from error
        assert built == path, f"{built} is not {path}"
    return path


def _large(folder: Path, name: str) -> Path:
    return getattr(_large_networks(), name)(folder)


def _wide_hrnet(folder: Path) -> Path:
    """HRNet-w32 at 1088x832, the size that other skipping systems are measured at."""
    path = folder / "hrnet_w32_1088x832.onnx"
    with TemporaryDirectory(dir=folder) as temporary:
        _large_networks().hrnet_w32(Path(temporary), (1088, 832)).rename(path)
    return path


def _classifier(folder: Path, name: str, model: str) -> Path:
    _large_networks()._torch()
    import timm
    import torch

    module = timm.create_model(model, pretrained=False).eval()
    path = folder / f"{name}.onnx"
    torch.onnx.export(
        module, (torch.rand(1, 3, 224, 224),), str(path), dynamo=False, opset_version=17, input_names=["images"]
    )
    return path


def _large_networks() -> ModuleType:
    """The tests' builders, which say what is missing instead of skipping."""
    os.environ["EDGESKIP_REQUIRE_NETWORKS"] = "1"
    tests = str(ROOT.parent / "tests")
    if tests not in sys.path:
        sys.path.append(tests)
    from support import large_networks

    return large_networks


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "hrnet_w32": lambda folder: _large(folder, "hrnet_w32"),
    "hrnet_w32_1088x832": _wide_hrnet,
    "efficientdet_d0": lambda folder: _large(folder, "efficientdet_d0"),
    "mobilenetv2": lambda folder: _classifier(folder, "mobilenetv2", "mobilenetv2_100"),
    "resnet50": lambda folder: _classifier(folder, "resnet50", "resnet50"),
}
