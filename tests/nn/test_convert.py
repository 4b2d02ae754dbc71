"""convert(): convolutions by name, kind or size; the dense checkpoint still loads; shared convolutions are seen."""

from __future__ import annotations

import copy

import pytest
from support.torch_clips import clip, dense_outputs, small_network, torch

from edgeskip.core.errors import ModelError
from edgeskip.nn import Policy, SkipConv2d, convert, run_clip, skip_layers
from edgeskip.nn.conversion import conversion_of

EXAMPLE = torch.zeros(1, 3, 13, 18)


class Head(torch.nn.Module):
    """One convolution over two levels of half the size each, with a batch norm for each level (as in EfficientDet)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.shared = torch.nn.Conv2d(4, 4, 3, padding=1)
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(4) for _ in range(2))

    def forward(self, x):
        fine = self.stem(x)
        levels = (fine, torch.nn.functional.max_pool2d(fine, 2))
        return [norm(self.shared(level)) for norm, level in zip(self.norms, levels, strict=True)]


class Twice(torch.nn.Module):
    """The same convolution twice in a row, on maps of one size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return self.conv(self.conv(x).relu())


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("mode", ["refresh", "residual"])
def test_converted_network_equals_the_dense_one_at_threshold_0(fold: bool, mode: str) -> None:
    dense = small_network()
    model = convert(copy.deepcopy(dense), Policy(mode=mode), fold_batch_norms=fold, example=EXAMPLE)
    assert isinstance(model[1], torch.nn.BatchNorm2d) is not fold
    frames = clip()
    with torch.no_grad():
        torch.testing.assert_close(run_clip(model, frames), dense_outputs(dense, frames), atol=3e-6, rtol=0)


@pytest.mark.parametrize("fold", [False, True])
def test_the_dense_state_dict_loads_into_the_converted_network_and_its_blocks(fold: bool) -> None:
    dense = torch.nn.Sequential(small_network(5), torch.nn.Conv2d(4, 2, 1))
    other = torch.nn.Sequential(small_network(6), torch.nn.Conv2d(4, 2, 1))
    model = convert(copy.deepcopy(other), Policy("gumbel"), fold_batch_norms=fold, example=EXAMPLE).eval()
    gate = model[0][0].gate.weight.clone()
    model.load_state_dict(dense.state_dict())
    twin = copy.deepcopy(model)
    twin.load_state_dict(other.state_dict())
    twin[0].load_state_dict(dense[0].state_dict())
    twin[1].load_state_dict(dense[1].state_dict())
    frame = clip()[:, 0]
    for loaded in (model, twin):
        torch.testing.assert_close(loaded(frame), dense.eval()(frame), atol=3e-6, rtol=0)
        assert torch.equal(loaded[0][0].gate.weight, gate)
    saved = {key: value.clone() for key, value in model.state_dict().items()}
    again = convert(copy.deepcopy(other), Policy("gumbel"), fold_batch_norms=fold, example=EXAMPLE).eval()
    again.load_state_dict(saved)
    torch.testing.assert_close(again(frame), dense(frame), atol=3e-6, rtol=0)


def test_policies_take_by_name_kind_and_size_and_the_first_one_wins() -> None:
    policies = [
        Policy("gumbel", {"block": 4}, include=("0",)),
        Policy("norm", {"on": "input"}, kinds=("grouped", "pointwise"), minimum_weights=40),
    ]
    model = convert(small_network(), policies, example=EXAMPLE)
    layers = skip_layers(model)
    assert {name: layer.gate.name for name, layer in layers.items()} == {"0": "gumbel", "3": "norm"}
    assert layers["0"].gate.block == 4
    record = conversion_of(model)
    assert record.dense == {"5": "no policy takes it"}
    assert record.ungated_macs == {"5": 4 * 8 * 7 * 9}
    assert set(skip_layers(convert(small_network(), Policy(exclude=("3", "0"))))) == {"5"}
    by_cost = convert(small_network(), Policy(minimum_macs=20_000), example=EXAMPLE)
    assert set(skip_layers(by_cost)) == {"0"}


def test_a_second_conversion_takes_what_the_first_left() -> None:
    model = convert(convert(small_network(), Policy(include=("0",))), Policy("gumbel"))
    assert [layer.gate.name for layer in skip_layers(model).values()] == ["norm", "gumbel", "gumbel"]
    assert conversion_of(model).converted == ["0", "3", "5"]
    assert len(model._forward_pre_hooks) == 1


def test_a_convolution_itself_can_be_converted() -> None:
    assert isinstance(convert(torch.nn.Conv2d(3, 4, 3)), SkipConv2d)


def test_a_convolution_used_twice_is_refused_with_its_name_and_the_ways_out() -> None:
    with pytest.raises(ModelError, match="convolution 'shared' is used 2 times in a frame") as caught:
        convert(Head(), example=EXAMPLE)
    assert "per_call" in caught.value.hint
    registered = torch.nn.Sequential(conv := torch.nn.Conv2d(3, 3, 1), torch.nn.ReLU(), conv)
    with pytest.raises(ModelError, match="convolution '0' is used 2 times"):
        convert(registered)


def test_a_second_use_that_no_example_showed_is_refused_in_the_first_frame() -> None:
    model = convert(Twice())
    with pytest.raises(ModelError, match="layer 'conv' is used more than once in one frame"):
        model(EXAMPLE)
    with pytest.raises(ModelError, match="layer 'shared' is used more than once in one frame"):
        convert(Head())(EXAMPLE)


@pytest.mark.parametrize("network", [Head, Twice])
def test_per_call_gives_each_use_its_own_state(network) -> None:
    dense = network().eval()
    model = convert(copy.deepcopy(dense), Policy(shared="per_call"), example=EXAMPLE).eval()
    shared = next(layer for layer in skip_layers(model).values() if len(layer.sites) == 2)
    frames = clip()
    with torch.no_grad():
        for frame in frames.unbind(1):
            for got, wanted in zip(model(frame), dense(frame), strict=True):
                torch.testing.assert_close(got, wanted, atol=2e-6, rtol=0)
    assert all(site.record.frames == 5 for site in shared.sites)


def test_shared_convolutions_can_stay_dense_or_be_excluded_by_name() -> None:
    for policy in (Policy(shared="dense"), Policy(exclude=("shared",))):
        model = convert(Head(), policy, example=EXAMPLE)
        assert set(skip_layers(model)) == {"stem"}
        assert conversion_of(model).ungated_macs["shared"] == 4 * 4 * 9 * (13 * 18 + 6 * 9)


def test_a_batch_norm_that_does_not_read_alone_is_not_folded() -> None:
    class Both(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = torch.nn.Conv2d(3, 3, 1), torch.nn.BatchNorm2d(3)

        def forward(self, x):
            y = self.conv(x)
            return self.norm(y) + y

    model = convert(Both().eval(), fold_batch_norms=True, example=EXAMPLE)
    assert isinstance(model.norm, torch.nn.BatchNorm2d)
    head = convert(Head().eval(), Policy(shared="per_call"), fold_batch_norms=True, example=EXAMPLE)
    assert not conversion_of(head).folded


def test_classes_of_their_own_stay_dense_and_are_listed() -> None:
    class Standardised(torch.nn.Conv2d):
        pass

    model = convert(torch.nn.Sequential(Standardised(3, 3, 1), torch.nn.Conv2d(3, 3, 1)))
    assert conversion_of(model).dense == {"0": "Standardised is a class of its own"}


def test_slips_in_a_policy_are_named() -> None:
    with pytest.raises(ModelError, match="no convolution is called 'hed'"):
        convert(small_network(), Policy(exclude=("hed",)))
    with pytest.raises(ModelError, match="no convolution was converted"):
        convert(small_network(), Policy(kinds=("depthwise",)))
    with pytest.raises(ModelError, match="batch norms are found by running the network"):
        convert(small_network(), fold_batch_norms=True)
    with pytest.raises(ModelError, match="does not run on the example input"):
        convert(small_network(), example=torch.zeros(1, 5, 8, 8))
    with pytest.raises(ModelError, match="minimum_macs needs an example"):
        convert(small_network(), Policy(minimum_macs=5))
    with pytest.raises(ModelError, match="unknown kind 'wide'"):
        Policy(kinds=("wide",))
    with pytest.raises(ModelError, match="shared='maybe'"):
        Policy(shared="maybe")
