"""The bundled detector: a small anchor-free network with heads at strides 8, 16 and 32.

Inputs are float32 [N, 3, 224, 384]; each head map is [N, 5 + classes, h, w] with channels x, y, w, h,
objectness, classes in the convention of YOLOX (Ge et al., arXiv 2107.08430): centre = (p + cell) * stride,
size = exp(p) * stride.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeskip.demos.train.recipe import STRIDES


class Conv(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Separable(nn.Sequential):
    """Depthwise 5x5, then pointwise."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(Conv(inputs, inputs, 5, stride, groups=inputs), Conv(inputs, outputs, 1))


class Residual(nn.Module):
    """x + f(x), with f a pointwise reduction and a 3x3 convolution back, or two separable ones."""

    def __init__(self, channels: int, separable: bool = False) -> None:
        super().__init__()
        if separable:
            self.body = nn.Sequential(Separable(channels, channels), Separable(channels, channels))
        else:
            self.body = nn.Sequential(Conv(channels, channels // 2, 1), Conv(channels // 2, channels))

    def forward(self, x: Tensor) -> Tensor:
        """x + body(x)."""
        return x + self.body(x)


class Head(nn.Module):
    """One head map: a shared stem, then one branch for the box and objectness, one for the classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.box = Separable(channels, channels)
        self.classify = Separable(channels, channels)
        self.box_out = nn.Conv2d(channels, 5, 1)
        self.class_out = nn.Conv2d(channels, classes, 1)
        nn.init.constant_(self.class_out.bias, -2.0)
        with torch.no_grad():
            self.box_out.bias.copy_(torch.tensor([0.0, 0.0, 0.7, 0.7, -4.5]))

    def forward(self, x: Tensor) -> Tensor:
        """Raw map [N, 5 + classes, h, w], objectness and classes as logits."""
        return torch.cat([self.box_out(self.box(x)), self.class_out(self.classify(x))], 1)


class Detector(nn.Module):
    """Backbone, a neck that adds coarse features to fine ones, and a head per stride."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(Conv(3, 16, 3, 2), Conv(16, 32, 3, 2), Residual(32))
        self.stage8 = nn.Sequential(Conv(32, 64, 3, 2), Residual(64), Residual(64))
        self.stage16 = nn.Sequential(Conv(64, 96, 3, 2), Residual(96), Residual(96))
        self.stage32 = nn.Sequential(Separable(96, 128, 2), Residual(128, True), Residual(128, True))
        self.lateral32 = Conv(128, 64, 1)
        self.lateral16 = Conv(96, 64, 1)
        self.lateral8 = Conv(64, 64, 1)
        self.merge16 = Separable(64, 64)
        self.merge8 = Separable(64, 64)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.heads = nn.ModuleList(Head(64, classes) for _ in STRIDES)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Raw head maps, finest first."""
        fine = self.stage8(self.stem(x))
        middle = self.stage16(fine)
        coarse = self.lateral32(self.stage32(middle))
        middle = self.merge16(self.lateral16(middle) + self.up(coarse))
        fine = self.merge8(self.lateral8(fine) + self.up(middle))
        return [head(level) for head, level in zip(self.heads, (fine, middle, coarse), strict=True)]


class Exported(nn.Module):
    """The detector with sigmoids on objectness and classes, as it is written to ONNX."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Head maps, finest first: box raw, objectness and classes between 0 and 1."""
        return tuple(torch.cat([level[:, :4], level[:, 4:].sigmoid()], 1) for level in self.detector(x))
