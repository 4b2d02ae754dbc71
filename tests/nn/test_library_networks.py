"""Networks of timm, effdet and torchvision convert whole, fold, load their dense weights and equal themselves."""

from __future__ import annotations

import copy

import pytest
from support.torch_clips import settle, torch
from support.torchvision_shim import allow_torchvision

from edgeskip.nn import NormGate, Policy, convert, load_checkpoint, mac_statistics, skip_layers
from edgeskip.nn.conversion import conversion_of


def _need(package: str) -> None:
    allow_torchvision()
    pytest.importorskip(package, reason=f"needs {package}: make test-networks")


def hrnet():
    _need("timm")
    import timm

    return timm.create_model("hrnet_w18_small", pretrained=False), (64, 64)


def efficientdet(name: str):
    _need("effdet")
    from effdet import EfficientDet, get_efficientdet_config

    config = get_efficientdet_config(name)
    config.image_size, config.fpn_cell_repeats, config.num_classes = (128, 128), 1, 3
    return EfficientDet(config, pretrained_backbone=False), (128, 128)


def resnet():
    _need("torchvision")
    from torchvision.models import resnet18

    return resnet18(weights=None), (64, 64)


# network, convolutions, batch norms that stay: the heads of EfficientDet have one for each level and depth
CASES = {
    "hrnet (timm)": (hrnet, 91, 0),
    "efficientdet (effdet, same padding)": (lambda: efficientdet("tf_efficientdet_d0"), 118, 30),
    "resnet (torchvision)": (resnet, 20, 0),
}


def leaves(outputs) -> list:
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    return [leaf for output in outputs for leaf in leaves(output)]


@pytest.mark.parametrize("case", CASES)
def test_whole_network_at_threshold_0(case: str) -> None:
    build, convolutions, norms_left = CASES[case]
    torch.manual_seed(1)
    network, size = build()
    settle(network)
    dense = copy.deepcopy(network.eval())
    example = torch.rand(1, 3, *size)
    model = convert(network, Policy(shared="per_call"), fold_batch_norms=True, example=example)
    assert len(skip_layers(model)) == convolutions
    assert not conversion_of(model).dense
    assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()) == norms_left
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()
    assert load_checkpoint(model, dense.state_dict()).kind == "dense"
    moved = example.clone()
    moved[:, :, :9, :9] = 0.3
    with torch.no_grad():
        for frame in (example, moved, moved):
            for got, wanted in zip(leaves(model(frame)), leaves(dense(frame)), strict=True):
                torch.testing.assert_close(got, wanted, atol=1e-4 * wanted.abs().max().item(), rtol=0)
    assert all(isinstance(layer.gate, NormGate) for layer in skip_layers(model).values())
    assert mac_statistics(model).active_mac_fraction < 0.51  # of two frames one changes nothing


def test_efficientdet_heads_are_seen_as_shared() -> None:
    network, size = efficientdet("efficientdet_d0")
    policy = Policy("gumbel", exclude=("class_net.*", "box_net.*"))
    model = convert(network, policy, example=torch.zeros(1, 3, *size))
    names = set(conversion_of(model).dense)
    assert names
    assert all(name.startswith(("class_net.", "box_net.")) for name in names)
