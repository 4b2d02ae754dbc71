"""EfficientDet from effdet, whole and small, with flat outputs and heads whose levels stand apart.

Tan, Pang, Le, EfficientDet: Scalable and Efficient Object Detection (CVPR 2020). Names of parameters are effdet's:
backbone, fpn, class_net, box_net.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from edgeskip.core.errors import ModelError
from edgeskip.demos.networks.checkpoints import load_state, read_state, renamed
from edgeskip.demos.networks.libraries import effdet
from edgeskip.demos.networks.recipe import DETECTION_SIZE
from edgeskip.video.synthetic import CLASS_NAMES

OUTPUTS = tuple(f"{kind}_{level}" for kind in ("class", "box") for level in range(3, 8))


class DetectionNetwork(nn.Module):
    """float32 [N, 3, H, W] to maps of the levels 3 to 7: five of classes [N, 9 * classes, h, w] (logits), then five
    of boxes [N, 9 * 4, h, w] (dy, dx, log h, log w against the anchors).

    Args:
        network: effdet's; it hands its modules over.
        levels_apart: give each level its own copy of the head's convolutions. effdet runs one set over all five
            levels, and a convolution with a temporal state can be used once in a frame only. State dicts with
            shared heads load into both kinds.
    """

    def __init__(self, network: nn.Module, levels_apart: bool = True) -> None:
        super().__init__()
        self.config: Any = network.config
        self.backbone, self.fpn = network.backbone, network.fpn
        self.class_net, self.box_net = network.class_net, network.box_net
        if levels_apart:
            self.class_net, self.box_net = LevelHeads(self.class_net), LevelHeads(self.box_net)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The maps in the order of `OUTPUTS`."""
        features = self.fpn(self.backbone(images))
        return (*self.class_net(features), *self.box_net(features))


class LevelHeads(nn.Module):
    """effdet's HeadNet with one chain of modules for each level."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.levels = nn.ModuleList(_chain(head, level) for level in range(head.num_levels))
        self.register_load_state_dict_pre_hook(_spread)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """One map for each level."""
        return [chain(feature) for chain, feature in zip(self.levels, features, strict=True)]


def _chain(head: nn.Module, level: int) -> nn.Sequential:
    parts: dict[str, nn.Module] = {}
    for repeat, (convolution, norms) in enumerate(zip(head.conv_rep, head.bn_rep, strict=True)):
        parts[f"conv_{repeat}"] = copy.deepcopy(convolution)
        parts[f"bn_{repeat}"] = norms[level].bn
        parts[f"act_{repeat}"] = copy.deepcopy(head.act)
    parts["predict"] = copy.deepcopy(head.predict)
    chain = nn.Sequential()
    for name, module in parts.items():
        chain.add_module(name, module)
    return chain


def _spread(heads: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Give the tensors of a shared head (conv_rep, bn_rep, predict) the names of heads apart."""
    shared = {name: name[len(prefix) :] for name in state
              if name.startswith((f"{prefix}conv_rep.", f"{prefix}bn_rep.", f"{prefix}predict."))}  # fmt: skip
    for name, own in shared.items():
        value = state.pop(name)
        kind, _, rest = own.partition(".")
        if kind == "predict":
            targets = [f"levels.{level}.predict.{rest}" for level in range(len(heads.levels))]
        else:
            repeat, _, rest = rest.partition(".")
            targets = [f"levels.{level}.conv_{repeat}.{rest}" for level in range(len(heads.levels))]
        if kind == "bn_rep":
            level, _, rest = rest.partition(".bn.")
            targets = [f"levels.{level}.bn_{repeat}.{rest}"]
        state.update({prefix + target: value for target in targets})


def efficientdet(
    variant: str = "tf_efficientdet_d0",
    checkpoint: str | Path | None = None,
    size: tuple[int, int] | None = None,
    levels_apart: bool = True,
) -> DetectionNetwork:
    """EfficientDet at full size for 90 classes; `size` (width, height) instead of the variant's, multiples of 128.

    Raises:
        ModelError: no such variant, a size that does not fit, or a checkpoint of another network.
        MissingPackageError: effdet is not installed.
    """
    package = effdet()
    known = sorted(package.config.model_config.efficientdet_model_param_dict)
    if variant not in known:
        raise ModelError(f"no EfficientDet {variant!r}", hint=f"variants: {', '.join(known[:12])}, ...")
    config = package.get_efficientdet_config(variant)
    if size is not None:
        config.image_size = _image_size(size)
    return _built(config, checkpoint, levels_apart)


def efficientdet_small(
    checkpoint: str | Path | None = None,
    classes: int = len(CLASS_NAMES),
    size: tuple[int, int] = DETECTION_SIZE,
    levels_apart: bool = True,
) -> DetectionNetwork:
    """EfficientDet-D0's topology (three BiFPN cells, three repeats in each head, five levels) with 32 channels, on
    TinyNet-E, an EfficientNet of half the width (Han et al., Model Rubik's Cube, NeurIPS 2020).

    Raises:
        ModelError: a size that does not fit, or a checkpoint of another network.
        MissingPackageError: effdet is not installed.
    """
    config = effdet().get_efficientdet_config("efficientdet_d0")
    config.name, config.backbone_name, config.backbone_args = "efficientdet_small", "tinynet_e", {}
    config.fpn_channels, config.num_classes, config.image_size = 32, classes, _image_size(size)
    # objects of 8 to 200 pixels; statistics that follow a training of a few thousand steps
    config.anchor_scale, config.norm_kwargs = 2.5, {"eps": 0.001, "momentum": 0.05}
    return _built(config, checkpoint, levels_apart)


def _image_size(size: tuple[int, int]) -> tuple[int, int]:
    if any(side <= 0 or side % 128 for side in size):
        raise ModelError(f"size {size[0]}x{size[1]}: EfficientDet needs multiples of 128", hint="for example 256x256")
    return size[1], size[0]


def _built(config: Any, checkpoint: str | Path | None, levels_apart: bool) -> DetectionNetwork:
    network = DetectionNetwork(effdet().EfficientDet(config, pretrained_backbone=False), levels_apart=False)
    state = None if checkpoint is None else renamed(read_state(checkpoint), [("module.", ""), ("model.", "")])
    spread = state is not None and any(".levels." in name for name in state)
    if state is not None and not spread:
        load_state(network, state, ignored=("anchors.",))
    if levels_apart:
        network = DetectionNetwork(network, levels_apart=True)
    if spread:
        load_state(network, state)
    return network.eval()
