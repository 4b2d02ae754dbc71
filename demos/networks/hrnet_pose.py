"""HRNet for poses: timm's network with one convolution that turns its finest branch into heat maps.

Sun, Xiao, Liu, Wang, Deep High-Resolution Representation Learning for Human Pose Estimation (CVPR 2019). Names of
parameters are those of the authors' checkpoints: conv1, layer1, transition1, stage2 ... stage4, final_layer.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from edgeskip.core.errors import ModelError
from edgeskip.demos.networks.checkpoints import load_state, read_state, renamed
from edgeskip.demos.networks.libraries import timm
from edgeskip.demos.networks.recipe import JOINT_NAMES

SMALL_WIDTH = 16
# the authors' repository as it is, behind DataParallel, and MMPose's names of the same network
_PREFIXES = (
    ("module.", ""), ("backbone.", ""), ("keypoint_head.final_layer.", "final_layer."),
    ("head.final_layer.", "final_layer."), ("keypoint_head.", "final_layer."),
)  # fmt: skip


class PoseNetwork(nn.Module):
    """float32 [N, 3, H, W] (multiples of 32) to heat maps [N, joints, H / 4, W / 4].

    The network is that of timm without its classifier; it hands its modules over, so that they have the names
    of pose checkpoints.
    """

    def __init__(self, variant: str, joints: int, **widths: object) -> None:
        super().__init__()
        network = timm().create_model(variant, pretrained=False, head="", **widths)
        # only the finest branch is read: the other sums of the last module would be computed for nothing
        last = network.stage4[-1]
        last.fuse_layers, last.multi_scale_output = last.fuse_layers[:1], False
        for name, module in network.named_children():
            if name in _KEPT or name.startswith(("layer", "transition", "stage")):
                self.add_module(name, module)
        self.final_layer = nn.Conv2d(network.stage4_cfg["num_channels"][0], joints, 1)
        nn.init.normal_(self.final_layer.weight, std=0.001)
        nn.init.zeros_(self.final_layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Heat maps."""
        x = self.act1(self.bn1(self.conv1(images)))
        x = self.layer1(self.act2(self.bn2(self.conv2(x))))
        branches = self.stage2([transition(x) for transition in self.transition1])
        branches = self.stage3(_next_branches(self.transition2, branches))
        branches = self.stage4(_next_branches(self.transition3, branches))
        return self.final_layer(branches[0])


_KEPT = ("conv1", "bn1", "act1", "conv2", "bn2", "act2")


def _next_branches(transitions: nn.ModuleList, branches: list[Tensor]) -> list[Tensor]:
    """A finer branch goes on as it is; a new, coarser one begins at the coarsest."""
    return [
        branches[index] if isinstance(transition, nn.Identity) else transition(branches[-1])
        for index, transition in enumerate(transitions)
    ]


def hrnet_pose(variant: str = "hrnet_w32", joints: int = 17, checkpoint: str | Path | None = None) -> PoseNetwork:
    """HRNet at full size, `variant` hrnet_w32 or hrnet_w48 for public pose checkpoints; from `checkpoint` if given.

    Raises:
        ModelError: no such variant, or the checkpoint does not fit.
        MissingPackageError: timm is not installed.
    """
    known = [name for name in timm().list_models("hrnet_w*") if not name.endswith("_ssld")]
    if variant not in known:
        raise ModelError(f"no HRNet {variant!r}", hint=f"variants: {', '.join(known)}")
    network = PoseNetwork(variant, joints)
    if checkpoint is not None:
        load_pose(network, checkpoint)
    return network.eval()


def hrnet_pose_small(checkpoint: str | Path | None = None, joints: int = len(JOINT_NAMES),
                     width: int = SMALL_WIDTH) -> PoseNetwork:  # fmt: skip
    """The topology of timm's hrnet_w18_small_v2 (four stages, four branches) at `width` channels in the finest branch.

    Raises:
        ModelError: the checkpoint does not fit.
        MissingPackageError: timm is not installed.
    """
    channels = [width * 2**branch for branch in range(4)]
    widths = {"stem_width": 2 * width, "stage1": _stage("BOTTLENECK", 1, 1, [2 * width])}
    for number, modules in ((2, 1), (3, 3), (4, 2)):
        widths[f"stage{number}"] = _stage("BASIC", modules, 2, channels[:number])
    network = PoseNetwork("hrnet_w18_small_v2", joints, **widths)
    if checkpoint is not None:
        load_pose(network, checkpoint)
    return network.eval()


def _stage(block: str, modules: int, blocks: int, channels: list[int]) -> dict:
    return {
        "num_modules": modules, "num_branches": len(channels), "block_type": block, "fuse_method": "SUM",
        "num_blocks": (blocks,) * len(channels), "num_channels": tuple(channels),
    }  # fmt: skip


def load_pose(network: PoseNetwork, checkpoint: str | Path) -> None:
    """Load a pose checkpoint of the authors' repository, of MMPose, or of `edgeskip.demos.networks.train`.

    Raises:
        ModelError: it is of another network.
    """
    state = renamed(renamed(read_state(checkpoint), _PREFIXES[:1]), _PREFIXES[1:])
    load_state(network, state)
