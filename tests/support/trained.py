"""Small torch networks with gates whose arithmetic is exact, so that every backend must decide alike.

Weights are multiples of 1/2 and pictures multiples of 1/4: no sum is rounded in float32, whatever its order.
"""

from __future__ import annotations

import numpy as np

from edgeskip.core.contract import Preparation, Task
from support.torch_clips import torch

SIZE = (11, 14)  # height, width: no multiple of a block


def exact_network(policy, seed: int = 0):
    """Spatial, then grouped and strided, then pointwise convolution, with ReLU between, converted by `policy`."""
    from edgeskip.nn import convert

    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 3, 2, 1, groups=2, bias=False),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 4, 1),
    )
    network = convert(network, policy)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.endswith("gate.bias"):
                parameter.copy_(torch.randint(-2, 3, parameter.shape) / 2)
    return network.eval()


def exact_frames(count: int, seed: int = 0) -> list[np.ndarray]:
    """Pictures [1, 3, 11, 14]: the left half stands still, in the right one a few values move in every frame."""
    random = np.random.default_rng(seed)
    picture = random.integers(-4, 5, (1, 3, *SIZE)).astype(np.float32)
    frames = []
    for _ in range(count):
        moved = random.random(picture.shape) < 0.03
        moved[..., : SIZE[1] // 2] = False
        picture = np.clip(picture + moved * random.integers(-4, 5, picture.shape), -8, 8)
        frames.append((picture / 4).astype(np.float32))
    return frames


def export(network, frames, **options):
    """The skip model of `network` for pictures of SIZE."""
    from edgeskip.export.torch_network import TorchOptions, export_torch

    preparation = Preparation(SIZE[::-1])
    return export_torch(network, preparation, Task("tensor"), frames, TorchOptions(**options))


def torch_outputs(network, frames) -> list[np.ndarray]:
    """What the network itself says, frame by frame."""
    from edgeskip.nn import reset_state

    reset_state(network)
    with torch.no_grad():
        return [network(torch.from_numpy(frame)).numpy() for frame in frames]
