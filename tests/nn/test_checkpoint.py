"""Checkpoints: dense, our own, those of the published code; what does not fit is refused by name, before loading."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from support.torch_clips import clip, small_network, torch

from edgeskip.core.errors import ModelError
from edgeskip.nn import Policy, convert, load_checkpoint

EXAMPLE = torch.zeros(1, 3, 13, 18)
PUBLISHED = Policy("gumbel", {"change": "inputs", "block": 2}, mode="residual")


def converted(policy: Policy | None = None, fold: bool = True):
    return convert(small_network(1), policy, fold_batch_norms=fold, example=EXAMPLE)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_dense_files_load_as_they_are(tmp_path: Path, wrapper: str | None, prefix: str) -> None:
    dense = small_network(2)
    state = {prefix + key: value for key, value in dense.state_dict().items()}
    path = tmp_path / "dense.pth"
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, path)
    model = converted()
    assert load_checkpoint(model, path).kind == "dense"
    torch.testing.assert_close(model(clip()[:, 0]), dense(clip()[:, 0]), atol=3e-6, rtol=0)


def test_our_own_checkpoint_brings_its_gates(tmp_path: Path) -> None:
    trained, model = converted(Policy("gumbel")), converted(Policy("gumbel"))
    for value in trained.parameters():
        torch.nn.init.normal_(value)
    torch.save(trained.state_dict(), tmp_path / "gates.pt")
    assert load_checkpoint(model, tmp_path / "gates.pt").kind == "skip"
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in trained.state_dict().items())


def test_published_modules_load_by_name() -> None:
    state = small_network(2).state_dict()
    for name, channels, kernel in (("0", 3, 3), ("3", 8, 3), ("5", 8, 1)):
        state[f"{name}.gate.gate_network.0.weight"] = torch.rand(1, channels, kernel, kernel)
        state[f"{name}.gate.gate_network.0.bias"] = torch.rand(1)
    model = converted(PUBLISHED, fold=False)
    assert load_checkpoint(model, state).kind == "published"
    assert torch.equal(model[3].gate.weight, state["3.gate.gate_network.0.weight"])
    assert torch.equal(model[3].gate.bias, state["3.gate.gate_network.0.bias"])
    with pytest.raises(ModelError, match="trained on magnitudes of input changes") as caught:
        load_checkpoint(converted(Policy("gumbel")), state)
    assert "'inputs'" in caught.value.hint


def test_missing_foreign_and_misshapen_keys_are_named_and_nothing_changes() -> None:
    state = small_network(2).state_dict()
    state["head.weight"] = state.pop("3.weight")
    state["5.weight"] = torch.zeros(7, 8, 1, 1)
    model = converted()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ModelError) as caught:
        load_checkpoint(model, state)
    message = caught.value.message
    assert "1 missing: 3.weight" in message
    assert "1 foreign: head.weight" in message
    assert "5.weight ([7, 8, 1, 1], not [4, 8, 1, 1])" in message
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in before.items())


def test_a_gate_that_is_missing_from_a_trained_checkpoint_is_an_error() -> None:
    model = converted(Policy("gumbel"))
    state = {key: value for key, value in model.state_dict().items() if not key.startswith("3.gate")}
    with pytest.raises(ModelError, match=r"2 missing: 3\.gate\.weight, 3\.gate\.bias"):
        load_checkpoint(model, state)


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("not a checkpoint")
    torch.save({"weights": 3}, tmp_path / "other.pt")
    for name, match in (
        ("text.pt", "not a checkpoint of tensors"),
        ("other.pt", "no state dict in it"),
        ("no.pt", "read"),
    ):
        with pytest.raises(ModelError, match=match):
            load_checkpoint(converted(), tmp_path / name)
