"""How the pose network is trained and measured."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from edgeskip.demos.networks.pck import joints_from_heatmaps, pck, pck_by_joint
from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.networks.recipe import POSE_SIZE, SPLITS
from edgeskip.video.synthetic.figures import FigureScene

FRAMES_PER_SCENE = 4


def pose_loss(maps: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Cross entropy of the pixels of each map against its Gaussian, over the joints with weight; all [N, K, ...].

    Starts far faster from random weights than the squared error that HRNet's authors fine-tune with; the place of the
    highest pixel means the same.
    """
    surprise = -(targets.flatten(2) * maps.float().flatten(2).log_softmax(-1)).sum(-1)
    return {"heatmaps": (surprise * weights).sum() / weights.sum().clamp(min=1)}


@torch.no_grad()
def pose_figures(network: nn.Module, frames: int, split: str = "test") -> dict:
    """PCK@0.2 of the torso and of the box on `frames` pictures of scenes of `split`, four of each scene."""
    found, true, shown = [], [], []
    for number in range(-(-frames // FRAMES_PER_SCENE)):
        seed = SPLITS[split][number]
        draw = np.random.default_rng([seed, 23])
        scene = FigureScene(seed, POSE_SIZE, noise=float(draw.uniform(0, 5)))
        drawn = [scene.frame(int(t)) for t in draw.integers(0, 3000, FRAMES_PER_SCENE)]
        pictures, joints, visible = (np.stack(column) for column in zip(*drawn, strict=True))
        maps = network(torch.from_numpy(to_input(pictures))).float().numpy()
        found.append(joints_from_heatmaps(maps))
        true.append(joints)
        shown.append(visible)
    points, joints, visible = np.concatenate(found), np.concatenate(true), np.concatenate(shown)
    seeds = SPLITS[split]
    return {
        "pck_torso": round(pck(points, joints, visible), 4),
        "pck_box": round(pck(points, joints, visible, normalisation="box"), 4),
        "by_joint": pck_by_joint(points, joints, visible),
        "frames": len(points),
        "split": split,
        "seeds": [seeds[0], seeds[number]],
    }
