"""Gates moved in the engine are those of the network, and what is drawn once is not drawn again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.network_packages import require_network_packages

require_network_packages()

import torch  # noqa: E402

from edgeskip.backends.registry import get_backend  # noqa: E402
from edgeskip.demos.networks.clips import DetectionClips  # noqa: E402
from edgeskip.demos.networks.efficientdet import efficientdet_small  # noqa: E402
from edgeskip.demos.reproduce.engine import EngineNetwork, gate_value  # noqa: E402
from edgeskip.demos.reproduce.footage import PIECE, Footage  # noqa: E402
from edgeskip.demos.reproduce.players import EnginePlayer, TorchPlayer, played  # noqa: E402
from edgeskip.demos.reproduce.search import TuningClips, search_gates  # noqa: E402
from edgeskip.demos.reproduce.settings import Settings  # noqa: E402
from edgeskip.demos.reproduce.subjects import SUBJECTS  # noqa: E402
from edgeskip.nn import NormGate, Policy, convert, skip_layers  # noqa: E402

SUBJECT = SUBJECTS["efficientdet_small"]
LEARNED = {"change": "magnitude", "block": 2}


def network(*policies: Policy) -> torch.nn.Module:
    torch.manual_seed(5)
    return convert(efficientdet_small(), policies, fold_batch_norms=True, example=torch.zeros(1, 3, 256, 256)).eval()


def gated() -> torch.nn.Module:
    """All three kinds of gates, with weights that answer something."""
    return network(
        Policy("norm", {"on": "input", "tolerance": 0.4}, include=("backbone.conv_stem",)),
        Policy("gumbel", {**LEARNED, "initial_bias": -0.3}, include=("fpn.*",), kinds=("pointwise",)),
        Policy("norm", {"on": "output", "tolerance": 0.02}),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def engine_is_here() -> None:
    torch.set_num_threads(1)
    if get_backend("cpu").unavailable_reason():
        pytest.skip("needs the native engine")


def test_the_engine_counts_and_answers_as_torch() -> None:
    model = gated()
    clips = DetectionClips("tuning", 2, 5)
    sides = [[zip(*clips.frames(index), strict=True) for index in range(2)] for _ in range(2)]
    players = EnginePlayer(model, SUBJECT), TorchPlayer(model)
    own, wanted = ([maps for maps, _ in played(player, side)] for player, side in zip(players, sides, strict=True))
    worst = max(
        np.abs(a - b).max() for got, true in zip(own, wanted, strict=True) for a, b in zip(got, true, strict=True)
    )
    assert worst < 1e-2
    (active, dense), (true_active, true_dense) = (player.needed() for player in players)
    assert dense == pytest.approx(true_dense, rel=1e-6)
    assert active == pytest.approx(true_active, rel=2e-3), "gates included"


def test_gates_are_moved_without_exporting_again() -> None:
    model = gated()
    moved = EngineNetwork(model, SUBJECT)
    with torch.no_grad():
        for layer in skip_layers(model).values():
            (layer.gate.tolerance if isinstance(layer.gate, NormGate) else layer.gate.bias).mul_(1.7)
    moved.load(model)
    fresh = EngineNetwork(model, SUBJECT)
    clip = DetectionClips("tuning", 1, 5).frames(0)[0]
    runs = [next(engine.run([clip])) for engine in (moved, fresh)]
    assert [fraction for _, fraction in runs[0]] == [fraction for _, fraction in runs[1]]
    assert runs[0][-1][1] < 0.9, "the gates do something"
    for (own, _), (wanted, _) in zip(*runs, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(own, wanted, strict=True))


def test_the_search_keeps_the_budget_and_leaves_exact_gates(tmp_path: Path) -> None:
    model = network(
        Policy("norm", {"on": "input", "tolerance": 0.0}, include=("*.predict.*",)),
        Policy("norm", {"on": "input", "tolerance": 0.1}),
    )
    settings = Settings(budget=0.5, tuning_clips=2, tuning_frames=4, search_clips=1, search_frames=2)
    found = search_gates(model, SUBJECT, Footage(tmp_path), settings, sweeps=0)
    assert 0.45 <= found.trial.mac_fraction <= 0.5
    values = {name: gate_value(layer) for name, layer in skip_layers(model).items()}
    assert all((value == 0) == (".predict." in name) for name, value in values.items())


def test_tuning_clips_are_spread_and_answered_densely(tmp_path: Path) -> None:
    settings = Settings(tuning_clips=9, tuning_frames=3)
    clips = TuningClips.of(SUBJECT, Footage(tmp_path), settings, 2, 2).answered(gated())
    assert np.array_equal(clips.pictures[1], DetectionClips("tuning", 9, 2).frames(8)[0])
    assert [len(maps) for maps in clips.answers] == [10, 10]
    assert clips.answers[0][0].shape == (2, 45, 32, 32)


def test_footage_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = DetectionClips("test", 1, PIECE + 3)
    footage, direct = Footage(tmp_path), clips.frames(0)
    for part, wanted in zip(footage.clip(clips, 0), direct, strict=True):
        assert np.array_equal(part, wanted)
    monkeypatch.setattr(DetectionClips, "stream", lambda *_: pytest.fail("drawn again"))
    assert all(np.array_equal(a, b) for a, b in zip(footage.clip(clips, 0), direct, strict=True))
