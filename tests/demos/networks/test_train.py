"""Training: it learns, goes on from its checkpoint, and writes weights that the builders load."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.network_packages import require_network_packages

require_network_packages()

import torch  # noqa: E402

from edgeskip.demos.networks.efficientdet import efficientdet_small  # noqa: E402
from edgeskip.demos.networks.hrnet_pose import hrnet_pose_small  # noqa: E402
from edgeskip.demos.networks.pose_data import HEATMAP_STRIDE, heatmaps  # noqa: E402
from edgeskip.demos.networks.train import RECIPES, Recipe, ahead, run  # noqa: E402


def _dots(seed: int, size: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Pictures with one bright square: the joints are where it is."""
    draw = np.random.default_rng(seed)
    while True:
        places = draw.integers(2, 6, (size, 2)) * 8
        inputs = np.zeros((size, 3, 64, 64), np.float32)
        for picture, (x, y) in zip(inputs, places, strict=True):
            picture[:, y : y + 8, x : x + 8] = 2.0
        joints = np.repeat(places[:, None] + float(HEATMAP_STRIDE), 2, 1)
        yield inputs, heatmaps(joints, (64, 64)), np.ones((size, 2), np.float32)


def _recipe() -> Recipe:
    torch.set_num_threads(1)
    small = RECIPES["hrnet_pose_small"]
    figures = lambda network, frames, split: {"frames": frames, "split": split}  # noqa: E731
    return dataclasses.replace(
        small, build=lambda: hrnet_pose_small(joints=2, width=8), batches=_dots, figures=figures, average_decay=0.9
    )


def _options(out: Path, steps: int) -> argparse.Namespace:
    return argparse.Namespace(out=out, steps=steps, batch=4, rate=2e-2, seed=1, frames=3, bfloat16=False)


def test_training_learns_stops_and_goes_on(tmp_path: Path) -> None:
    torch.manual_seed(0)
    run(_recipe(), "hrnet_pose_small", _options(tmp_path, 10))
    record = run(_recipe(), "hrnet_pose_small", _options(tmp_path, 20))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 20], "the second run began at step 10"
    assert rows[-1]["heatmaps"] < rows[0]["heatmaps"] - 0.3
    assert record["test"] == {"frames": 3, "split": "test"}
    assert json.loads((tmp_path / "figures.json").read_text()) == record
    weights = hrnet_pose_small(tmp_path / "hrnet_pose_small.pt", joints=2, width=8).state_dict()
    averaged = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["average"]
    assert all(torch.equal(weights[name], averaged[name]) for name in averaged)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint.pt", "figures.json", "hrnet_pose_small.pt", "log.jsonl"
    ]  # fmt: skip


def test_recipes_build_what_the_factories_load() -> None:
    names = {name: set(recipe.build().state_dict()) for name, recipe in RECIPES.items()}
    assert names["hrnet_pose_small"] == set(hrnet_pose_small().state_dict())
    assert names["efficientdet_small"] == set(efficientdet_small(levels_apart=False).state_dict())


def test_an_error_of_the_data_reaches_the_training() -> None:
    def broken() -> Iterator[tuple[np.ndarray, ...]]:
        yield (np.zeros(1),)
        raise ValueError("no more")

    source = ahead(broken())
    next(source)
    with pytest.raises(ValueError, match="no more"):
        next(source)
