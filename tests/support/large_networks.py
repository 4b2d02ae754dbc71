"""HRNet-w32 (timm) and EfficientDet-D0 (effdet) as dense ONNX files, with seeded random weights.

Random weights keep every shape, operator and multiply-accumulate of the real networks; what is
checked with them is that the arithmetic is right, not that detections are good.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

REQUIRED = bool(os.environ.get("EDGESKIP_REQUIRE_NETWORKS"))


def _torch() -> ModuleType:
    """torch, with torchvision made importable; skips where torch, timm or effdet is absent and not required."""
    for module in ("torch", "timm", "effdet"):
        if importlib.util.find_spec(module) is None and not REQUIRED:
            pytest.skip(f"needs {module}: make test-networks")
    import torch

    from support.torchvision_shim import allow_torchvision

    allow_torchvision()
    torch.manual_seed(1)
    return torch


def _settle(module) -> None:
    """Give batch norms real statistics, so that activations stay near one through all layers."""
    import torch

    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
            layer.reset_running_stats()
            torch.nn.init.uniform_(layer.weight, 0.7, 1.3)
            torch.nn.init.uniform_(layer.bias, -0.2, 0.2)


def _export(module, size: tuple[int, int], path: Path, outputs: list[str]) -> Path:
    import torch

    torch.manual_seed(2)
    _settle(module)
    module.train()
    with torch.no_grad():
        for _ in range(2):
            module(torch.rand(1, 3, size[1], size[0]))
    module.eval()
    torch.onnx.export(
        module, (torch.rand(1, 3, size[1], size[0]),), str(path), dynamo=False, opset_version=17,
        input_names=["images"], output_names=outputs,
    )  # fmt: skip
    return path


def hrnet_w32(folder: Path, size: tuple[int, int] = (288, 384)) -> Path:
    """HRNet-w32 for pose: 17 heat maps at a quarter of `size` (width, height)."""
    torch = _torch()
    import timm

    class PoseNetwork(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = timm.create_model("hrnet_w32", pretrained=False)
            self.backbone.incre_modules = None
            self.head = torch.nn.Conv2d(32, 17, 1)

        def forward(self, images):
            return self.head(self.backbone.forward_features(images)[0])

    return _export(PoseNetwork(), size, folder / "hrnet_w32.onnx", ["heatmaps"])


def efficientdet_d0(folder: Path, size: int = 512) -> Path:
    """EfficientDet-D0 for 90 classes: class and box maps of five levels."""
    torch = _torch()
    from effdet import EfficientDet, get_efficientdet_config

    config = get_efficientdet_config("tf_efficientdet_d0")
    config.image_size = (size, size)

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = EfficientDet(config, pretrained_backbone=False)

        def forward(self, images):
            classes, boxes = self.network(images)
            return (*classes, *boxes)

    names = [f"{kind}_{level}" for kind in ("class", "box") for level in range(3, 8)]
    return _export(Flat(), (size, size), folder / "efficientdet_d0.onnx", names)
