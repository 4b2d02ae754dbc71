"""Clips and small networks for the tests of edgeskip.nn."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs torch: make test-networks")
torch.set_num_threads(1)


def clip(frames: int = 6, channels: int = 3, size: tuple[int, int] = (13, 18), streams: int = 2, seed: int = 0):
    """Clip [N, T, C, H, W]: a still background with a random patch that moves one pixel a frame."""
    generator = torch.Generator().manual_seed(seed)
    background = torch.rand(streams, channels, *size, generator=generator)
    patch = torch.rand(streams, channels, 3, 4, generator=generator) * 2 - 1
    pictures = []
    for index in range(frames):
        picture = background.clone()
        row, column = index % (size[0] - 3), (2 * index) % (size[1] - 4)
        picture[:, :, row : row + 3, column : column + 4] += patch
        pictures.append(picture)
    return torch.stack(pictures, 1)


def noisy_clip(frames: int, channels: int, size: tuple[int, int], streams: int = 1, seed: int = 0, step: float = 0.05):
    """Clip [N, T, C, H, W]: every value takes a random walk, with steps that are uniform in +-step."""
    generator = torch.Generator().manual_seed(seed)
    steps = (torch.rand(streams, frames, channels, *size, generator=generator) - 0.5) * 2 * step
    return torch.rand(streams, 1, channels, *size, generator=generator) + steps.cumsum(1)


def small_network(seed: int = 0):
    """Convolution with batch norm, grouped stride-2 convolution, pointwise convolution; float32, eval mode."""
    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1, bias=False),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 3, 2, 1, groups=2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 4, 1),
    )
    settle(network)
    return network.eval()


def settle(network) -> None:
    """Batch norms with statistics of their own, so that folding them is seen."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.7, 1.3)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)


def dense_outputs(network, frames):
    """Dense outputs of clip [N, T, C, H, W], one tensor per network: [N, T, ...]."""
    with torch.no_grad():
        return network(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
