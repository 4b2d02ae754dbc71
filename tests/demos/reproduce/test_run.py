"""A cell from its checkpoint to its record: computed once, and what can't be computed said as a result."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.network_packages import require_network_packages

require_network_packages()

import torch  # noqa: E402

from edgeskip.core.errors import InputError  # noqa: E402
from edgeskip.demos.networks.hrnet_pose import hrnet_pose_small  # noqa: E402
from edgeskip.demos.reproduce import gated, run  # noqa: E402
from edgeskip.demos.reproduce.cells import Cell  # noqa: E402
from edgeskip.demos.reproduce.footage import Footage  # noqa: E402
from edgeskip.demos.reproduce.measure import drift, measure  # noqa: E402
from edgeskip.demos.reproduce.players import DensePlayer, TorchPlayer  # noqa: E402
from edgeskip.demos.reproduce.settings import QUICK  # noqa: E402
from edgeskip.demos.reproduce.subjects import SUBJECTS  # noqa: E402
from edgeskip.nn import GumbelGate, NormGate, skip_layers  # noqa: E402

NETWORK = "hrnet_pose_small"
SETTINGS = replace(QUICK, budget=0.6, test_clips=1, drift_at=(1, 2), drift_window=1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("checkpoints") / f"{NETWORK}.pt"
    torch.save(hrnet_pose_small().state_dict(), file)
    return file


def test_gates_of_a_row(checkpoint: Path) -> None:
    cell = Cell("measure", NETWORK, "gumbel_2", "residual")
    config = gated.configuration(cell, checkpoint, SETTINGS)
    layers = skip_layers(gated.build_model(config, torch.zeros(1, 3, 32, 32)))
    assert {layer.mode for layer in layers.values()} == {"residual"}
    norms = {name for name, layer in layers.items() if isinstance(layer.gate, NormGate)}
    assert norms == {"conv1", "final_layer"}
    assert layers["final_layer"].gate.tolerance == 0, "the output is exact for its input"
    assert {layer.gate.block for layer in layers.values() if isinstance(layer.gate, GumbelGate)} == {2}


def test_blocks_begin_with_the_gates_of_block_1(checkpoint: Path) -> None:
    cold = gated.configuration(Cell("measure", NETWORK, "gumbel_1", "refresh"), checkpoint, SETTINGS)
    warm = gated.configuration(Cell("measure", NETWORK, "gumbel_4", "refresh"), checkpoint, SETTINGS, weights="best.pt")
    assert (cold.training.steps, warm.training.steps) == (SETTINGS.gumbel_steps, SETTINGS.warm_steps)
    assert warm.model.weights == "best.pt"
    assert warm.training.start_share == 0, "which would move the gates that were loaded"
    assert (
        gated.configuration(Cell("measure", NETWORK, "norm_input", "refresh"), checkpoint, SETTINGS).training.steps == 0
    )


def test_an_ungated_network_loses_nothing(checkpoint: Path, tmp_path: Path) -> None:
    subject = SUBJECTS[NETWORK]
    network = gated.dense_network(NETWORK, checkpoint, SETTINGS)
    with torch.no_grad():
        for layer in skip_layers(network).values():
            layer.gate.tolerance.zero_()
    footage = Footage(tmp_path)
    dense, ungated = (measure(subject, player(network), footage, SETTINGS) for player in (DensePlayer, TorchPlayer))
    assert dense["gmac"] == pytest.approx(0.832, rel=0.01)
    assert dense["mac_fraction"] == 1
    assert set(dense["held"]) == {"pck_torso", "pck_box"}
    assert ungated["pck_torso"] == dense["pck_torso"]
    figures = drift(subject, TorchPlayer(network), DensePlayer(network), footage, SETTINGS, 1)
    assert list(figures["at"]) == ["1", "2"]
    assert all(at["relative_error"] < 1e-6 and at["gated"] == at["dense"] for at in figures["at"].values())
    assert figures["seeds"] == [1000, 1000]


def test_a_cell_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []

    def compute(cell: Cell, *_: object) -> dict:
        computed.append(cell.name)
        return {"metric": "pck_torso", "pck_torso": 90.0, "gmac": 0.8, "mac_fraction": 1.0, "clips": 1, "frames": 1,
                "seeds": [1000, 1000], "held": {"pck_torso": 50.0}}  # fmt: skip

    monkeypatch.setattr(run, "compute", compute)
    command = ["--quick", "--only", f"measure/{NETWORK}/dense", "--output", str(tmp_path)]
    run.main(command)
    run.main(command)
    assert computed == [f"measure/{NETWORK}/dense"]
    record = json.loads((tmp_path / "cells" / f"{computed[0]}.json").read_text())
    assert record["cpu_seconds"] >= 0
    assert record["date"]


def test_a_budget_that_cannot_be_kept_is_a_result(checkpoint: Path, tmp_path: Path) -> None:
    name = f"measure/{NETWORK}/norm_input/refresh"
    run.main(["--quick", "--budget", "0.0001", "--only", name, "--output", str(tmp_path), "--checkpoints",
              str(checkpoint.parent)])  # fmt: skip
    record = json.loads((tmp_path / "cells" / f"{name}.json").read_text())
    assert "can't be reached" in record["failure"]
    assert record["failure"] in (tmp_path / "results.md").read_text()


def test_missing_checkpoints_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        gated.dense_checkpoint(NETWORK, tmp_path / "nothing", tmp_path, SETTINGS)


def test_larger_pictures_get_the_same_weights_and_gates(tmp_path: Path) -> None:
    from edgeskip.demos.networks.efficientdet import efficientdet_small
    from edgeskip.demos.reproduce.large import resized

    name = "efficientdet_small"
    file, cell, subject = tmp_path / f"{name}.pt", Cell("large", name, "norm_output", "refresh"), SUBJECTS[name]
    torch.save(efficientdet_small().state_dict(), file)
    network = gated.build_model(gated.configuration(cell, file, SETTINGS), torch.zeros(1, 3, 256, 256))
    with torch.no_grad():
        for layer in skip_layers(network).values():
            layer.gate.tolerance.fill_(0.01)
    larger = resized(cell, network, file, SETTINGS)
    assert [value.shape[-1] for value in larger(torch.zeros(1, 3, 512, 512))][:2] == [64, 32]
    for (name, value), wanted in zip(larger.state_dict().items(), network.state_dict().values(), strict=True):
        assert torch.equal(value, wanted), name
    assert subject.large().preparation.size == (512, 512)
    assert SUBJECTS[NETWORK].large() is SUBJECTS[NETWORK], "HRNet-w32's input is that size already"


def test_detection_outputs_are_scored_by_stream() -> None:
    from edgeskip.demos.networks.efficientdet import efficientdet_small

    subject = SUBJECTS["efficientdet_small"]
    network = efficientdet_small()
    scores = subject.scores(SimpleNamespace(config=network.config))
    with torch.no_grad():
        outputs = [value.numpy() for value in network(torch.zeros(2, 3, 256, 256))]
    boxes, class_ids = np.zeros((2, 24, 4), np.float32), np.full((2, 24), -1)
    boxes[:, 0], class_ids[:, 0] = (10, 10, 60, 60), 1
    scores.add(outputs, boxes, class_ids)
    assert set(scores.figures()) == {"ap", "ap50"}
