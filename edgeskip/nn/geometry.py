"""Where a convolution reads: its padding, its taps, and the output pixels that an input pixel reaches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SAME_UPPER = "same_upper"


@dataclass(frozen=True)
class Geometry:
    """Kernel, stride, dilation as (height, width); `padding` as (left, right, top, bottom) or "same_upper".

    "same_upper" is ONNX's and TensorFlow's padding: the output has ceil(size / stride) pixels, and an odd pixel of
    padding goes to the bottom and to the right. `padding_mode` as in `nn.Conv2d`.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int] | str
    padding_mode: str = "zeros"

    @property
    def is_pointwise(self) -> bool:
        """Whether an output pixel reads exactly the input pixel at its own place."""
        return self.kernel == (1, 1) and self.stride == (1, 1) and self.padding in ((0, 0, 0, 0), SAME_UPPER)

    def pads(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Padding (left, right, top, bottom) of a map of this size."""
        if self.padding != SAME_UPPER:
            return self.padding
        top, bottom = _same_upper(height, self.kernel[0], self.stride[0], self.dilation[0])
        left, right = _same_upper(width, self.kernel[1], self.stride[1], self.dilation[1])
        return left, right, top, bottom

    def pad(self, x: Tensor) -> Tensor:
        """x [N, C, H, W] with its border, as the padding mode makes it."""
        pads = self.pads(*x.shape[-2:])
        if not any(pads):
            return x
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return functional.pad(x, pads, mode=mode)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int = 1) -> Tensor:
        """Convolution of x [N, C, H, W] with `weight` [O, C / groups, kh, kw]."""
        left, right, top, bottom = self.pads(*x.shape[-2:])
        if self.padding_mode == "zeros" and left == right and top == bottom:
            return functional.conv2d(x, weight, bias, self.stride, (top, left), self.dilation, groups)
        return functional.conv2d(self.pad(x), weight, bias, self.stride, 0, self.dilation, groups)

    def reach(self, mask: Tensor) -> Tensor:
        """Largest value of mask [N, 1, H, W] in each output pixel's receptive field: [N, 1, h, w].

        Of a bool mask: the output pixels that read a pixel of the mask. Of a map of probabilities: how likely the
        likeliest pixel is. A border that repeats pixels of the picture repeats their mask.
        """
        if self.is_pointwise:
            return mask
        values = mask.float() if mask.dtype == torch.bool else mask
        pooled = functional.max_pool2d(self.pad(values), self.kernel, self.stride, 0, self.dilation)
        return pooled > 0 if mask.dtype == torch.bool else pooled


def _same_upper(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
