"""HRNet and EfficientDet: shapes, public checkpoints by their names, heads apart that compute what shared ones do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.network_packages import require_network_packages

require_network_packages()

import torch  # noqa: E402
from torch import nn  # noqa: E402

from edgeskip.core.errors import ModelError  # noqa: E402
from edgeskip.demos.networks.detection import DetectionLoss, anchor_boxes  # noqa: E402
from edgeskip.demos.networks.efficientdet import OUTPUTS, efficientdet, efficientdet_small  # noqa: E402
from edgeskip.demos.networks.hrnet_pose import hrnet_pose, hrnet_pose_small  # noqa: E402
from edgeskip.demos.networks.pose import pose_loss  # noqa: E402
from edgeskip.demos.networks.pose_data import heatmaps  # noqa: E402
from edgeskip.demos.networks.precision import detections  # noqa: E402
from edgeskip.demos.networks.recipe import DETECTION_SIZE, JOINT_NAMES  # noqa: E402


@pytest.fixture(scope="module")
def hrnet() -> nn.Module:
    with torch.device("meta"):  # names and shapes only: drawing 28 million weights takes seconds
        return hrnet_pose()


@pytest.fixture(scope="module")
def shared() -> nn.Module:
    """The small detector with effdet's own heads and batch norms that differ from one another."""
    torch.manual_seed(3)
    network = efficientdet_small(levels_apart=False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_hrnet_w32_is_the_published_pose_network(hrnet: nn.Module) -> None:
    names = set(hrnet.state_dict())
    for name in ("conv1.weight", "bn2.running_var", "layer1.0.downsample.0.weight", "transition1.1.0.0.weight",
                 "stage2.0.fuse_layers.1.0.0.0.weight", "stage4.2.branches.3.3.conv2.weight",
                 "stage4.2.fuse_layers.0.3.0.weight", "final_layer.weight", "final_layer.bias"):  # fmt: skip
        assert name in names
    assert not any(name.startswith(("stage4.2.fuse_layers.1", "classifier", "incre_modules")) for name in names)
    assert hrnet.final_layer.weight.shape == (17, 32, 1, 1)
    # table 1 of the paper: 28.5 million
    assert _count(hrnet) == pytest.approx(28.5e6, abs=0.05e6)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: f"module.{name}",
        lambda name: name if name.startswith("final") else f"backbone.{name}",
        lambda name: f"keypoint_head.{name}" if name.startswith("final") else f"backbone.{name}",
        lambda name: f"head.{name}" if name.startswith("final") else f"backbone.{name}",
    ],
    ids=["authors", "parallel", "backbone", "mmpose0", "mmpose1"],
)
def test_pose_checkpoints_load_by_the_names_of_their_repositories(rename, tmp_path: Path) -> None:
    torch.manual_seed(1)
    donor, file = hrnet_pose_small(width=8), tmp_path / "pose.pth"
    state = {rename(name): torch.rand_like(value, dtype=torch.float32) for name, value in donor.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, file)
    loaded = hrnet_pose_small(file, width=8).state_dict()
    for name, value in loaded.items():
        torch.testing.assert_close(value.float(), state[rename(name)].to(value.dtype).float())


def test_checkpoints_of_other_networks_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "pose.pth"
    torch.save(hrnet_pose_small(width=8).state_dict(), file)
    with pytest.raises(ModelError, match=r"final_layer\.weight has shape \(13, 8, 1, 1\), the network has \(17, 8"):
        hrnet_pose_small(file, joints=17, width=8)
    with pytest.raises(ModelError, match=r"names missing .*foreign"):
        efficientdet_small(file)
    state = torch.load(file)
    del state["final_layer.bias"]
    state["head.extra"] = torch.zeros(1)
    torch.save(state, file)
    with pytest.raises(ModelError, match=r"1 names missing \['final_layer\.bias'\], 1 foreign \['head\.extra'\]"):
        hrnet_pose_small(file, width=8)
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match="can't read checkpoint"):
        hrnet_pose_small(file)


def test_unknown_variants_are_refused() -> None:
    with pytest.raises(ModelError, match="no HRNet 'resnet50'"):
        hrnet_pose("resnet50")
    with pytest.raises(ModelError, match="no EfficientDet 'yolo'"):
        efficientdet("yolo")
    with pytest.raises(ModelError, match="multiples of 128"):
        efficientdet_small(size=(320, 192))


@torch.no_grad()
def test_small_hrnet_has_four_branches_and_heat_maps_of_13_joints() -> None:
    network = hrnet_pose_small()
    assert network(torch.zeros(2, 3, 64, 96)).shape == (2, len(JOINT_NAMES), 16, 24)
    assert [len(stage[0].branches) for stage in (network.stage2, network.stage3, network.stage4)] == [2, 3, 4]
    assert network.final_layer.in_channels == 16


def test_efficientdet_d0_has_the_published_names() -> None:
    network = efficientdet(levels_apart=False)
    names = set(network.state_dict())
    known = [
        "backbone.conv_stem.weight", "backbone.blocks.1.0.se.conv_reduce.weight", "fpn.resample.3.conv.conv.weight",
        "fpn.cell.2.fnode.7.combine.edge_weights", "class_net.conv_rep.2.conv_dw.weight",
        "class_net.bn_rep.0.4.bn.running_mean", "box_net.predict.conv_pw.bias",
    ]  # fmt: skip
    for name in known:
        assert name in names
    # table 1 of the paper: 3.9 million
    assert _count(network) == pytest.approx(3.9e6, abs=0.05e6)


@torch.no_grad()
def test_heads_apart_load_shared_checkpoints_and_compute_the_same(shared: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "detector.pt"
    torch.save(shared.state_dict(), file)
    images = torch.randn(1, 3, DETECTION_SIZE[1], DETECTION_SIZE[0])
    expected = shared.eval()(images)
    assert len(expected) == len(OUTPUTS)
    assert [tuple(value.shape[1:]) for value in expected[:2]] == [(45, 32, 32), (45, 16, 16)]
    assert expected[5].shape[1] == 36
    by_file, by_state = efficientdet_small(file), efficientdet_small()
    by_state.load_state_dict(shared.state_dict())
    torch.save(by_state.state_dict(), file)
    for network in (by_file, by_state, efficientdet_small(file)):
        for ours, theirs in zip(network(images), expected, strict=True):
            torch.testing.assert_close(ours, theirs)


@torch.no_grad()
@pytest.mark.parametrize("build", [hrnet_pose_small, efficientdet_small])
def test_each_convolution_runs_once_in_a_frame(build) -> None:
    """A convolution with a temporal state can't be used for two maps of one frame."""
    network, calls = build(), {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda *_, name=name: calls.update({name: calls.get(name, 0) + 1}))
    network(torch.zeros(1, 3, 256, 256))
    convolutions = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    assert calls == dict.fromkeys(convolutions, 1)


def test_perfect_detection_maps_decode_to_the_true_boxes(shared: nn.Module) -> None:
    boxes = np.array([[20, 30, 60, 120], [100.0, 140, 230, 190]], np.float32)
    class_ids = np.array([3, 1])
    anchors = anchor_boxes(shared.config)
    loss = DetectionLoss(shared)
    targets = torch.from_numpy(boxes)[None], torch.from_numpy(class_ids)[None]
    with torch.no_grad():
        labels, codes, _ = loss._labeler.batch_label_anchors(targets[0][..., [1, 0, 3, 2]], targets[1] + 1)
    outputs = []
    for level in labels:
        hot = torch.full((*level.shape, 5), -8.0)
        hot[..., :][level >= 0] = torch.where(nn.functional.one_hot(level[level >= 0], 5) > 0, 8.0, -8.0)
        outputs.append(hot.flatten(3).permute(0, 3, 1, 2))
    outputs += [code.permute(0, 3, 1, 2) for code in codes]
    found = detections([value.numpy() for value in outputs], anchors, 5)
    assert sorted(found.class_ids.tolist()) == [1, 3]
    order = np.argsort(-found.class_ids)
    np.testing.assert_allclose(found.boxes_xyxy[order], boxes, atol=0.01)
    parts = loss(outputs, *targets)
    wrong = loss([-value for value in outputs], *targets)
    assert float(parts["class"]) < 0.05 < float(wrong["class"])
    assert float(parts["box"]) < 1e-3 < float(wrong["box"])


def test_pose_loss_is_least_at_its_own_target_and_ignores_hidden_joints() -> None:
    targets = torch.from_numpy(heatmaps(np.full((1, 2, 2), 20.0), (64, 64)))
    weights = torch.tensor([[1.0, 0.0]])
    perfect = pose_loss(targets.clamp(min=1e-9).log(), targets, weights)["heatmaps"]
    moved = pose_loss(targets.clamp(min=1e-9).log().roll(1, -1), targets, weights)["heatmaps"]
    assert perfect < moved
    spoiled = targets.clamp(min=1e-9).log()
    spoiled[:, 1] = torch.randn(16, 16)
    assert torch.equal(pose_loss(spoiled, targets, weights)["heatmaps"], perfect)
