"""Clips for training and tuning, and which of them a step takes: a function of seed and step, so that a run goes on
exactly where it stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgeskip.core.errors import ConfigError, InputError
from edgeskip.core.named import create_named
from edgeskip.training.config import Config
from edgeskip.training.videos import VideoClips, open_videos, split_videos


class Batch(NamedTuple):
    """`clip` [N, T, C, H, W]; `targets`: whatever else the data set's items hold, stacked along N."""

    clip: Tensor
    targets: tuple[Any, ...]

    def to(self, device: torch.device) -> Batch:
        """On `device`."""
        return Batch(self.clip.to(device), tuple(_moved(value, device) for value in self.targets))


def open_data(config: Config, cache: Path) -> tuple[Any, Any]:
    """The training and the tuning data set.

    Raises:
        SourceError, InputError: a video that can't be opened, or one shorter than the window.
        ModelError, ConfigError: a data set that does not exist or is no sequence of clips.
    """
    data = config.data
    if data.dataset:
        options = ((data.options, "options"), (data.tuning_options or data.options, "tuning_options"))
        return tuple(_named(config, values, key) for values, key in options)  # type: ignore[return-value]
    videos = open_videos(data, data.train, config.folder, cache)
    if data.tuning:
        tuning = open_videos(data, data.tuning, config.folder, cache)
    else:
        videos, tuning = split_videos(videos, data.tuning_share)
    return VideoClips(videos, data), VideoClips(tuning, data)


def example_frame(dataset: Any) -> Tensor:
    """The first frame of the first clip, [1, C, H, W]."""
    return collate([dataset[0]]).clip[:, 0]


class Batches:
    """The batches of `dataset` for one of `world` processes; batch k is the same in every run."""

    def __init__(self, dataset: Any, batch: int, seed: int, workers: int, rank: int = 0, world: int = 1) -> None:
        self._dataset, self._batch, self._seed, self._workers = dataset, batch, seed, workers
        self._rank, self._world = rank, world

    def after(self, step: int, steps: int) -> Iterator[Batch]:
        """Batches of the steps `step` ... `steps` - 1."""
        indices = [self.indices(number) for number in range(step, steps)]
        return load(self._dataset, indices, self._workers)

    def indices(self, step: int) -> list[int]:
        """Clips of one step: a new order in every round, none twice within a round."""
        count, whole = len(self._dataset), self._batch * self._world
        first = step * whole + self._rank * self._batch
        places = range(first, first + self._batch)
        return [int(_order(self._seed, place // count, count)[place % count]) for place in places]


def load(dataset: Any, indices: Sequence[list[int]], workers: int) -> Iterator[Batch]:
    """The batches of `indices`, by `workers` processes beside this one."""
    if not workers:
        return (collate([dataset[index] for index in batch]) for batch in indices)
    # a generator of its own: the loader must not draw from the one that the gates' noise comes from
    generator = torch.Generator().manual_seed(0)
    return iter(
        torch.utils.data.DataLoader(
            dataset, batch_sampler=indices, num_workers=workers, collate_fn=collate, generator=generator
        )
    )


def spread_indices(count: int, wanted: int, batch: int) -> list[list[int]]:
    """`wanted` of `count` clips, evenly spread (all if 0), in batches."""
    chosen = range(count) if not 0 < wanted < count else np.linspace(0, count - 1, wanted).round().astype(int)
    listed = [int(index) for index in chosen]
    return [listed[at : at + batch] for at in range(0, len(listed), batch)]


def collate(items: list[Any]) -> Batch:
    """Stack items. Raises InputError where they are no clips of one shape."""
    rows = [item if isinstance(item, (tuple, list)) else (item,) for item in items]
    clips = [_tensor(row[0]) for row in rows]
    shapes = {tuple(clip.shape) for clip in clips}
    if len(shapes) > 1 or clips[0].dim() != 4:
        raise InputError(
            f"the data set gives clips of shapes {sorted(shapes)}",
            hint="each item is a clip [T, C, H, W], or a tuple of it and targets, all of one shape",
        )
    targets = zip(*(row[1:] for row in rows), strict=True)
    return Batch(torch.stack(clips), tuple(torch.utils.data.default_collate(list(values)) for values in targets))


def _named(config: Config, options: dict[str, Any], key: str) -> Any:
    dataset = create_named(config.data.dataset, options, config.folder)
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise ConfigError(
            f"{config.data.dataset!r}: a {type(dataset).__name__} is no map-style data set",
            hint="it needs __len__ and __getitem__(index)",
        )
    if not len(dataset):
        raise ConfigError(f"{config.data.dataset!r}: no clips in it", hint=f"check data.{key}")
    clip = collate([dataset[0]]).clip
    if clip.shape[1] < config.data.window:
        raise InputError(
            f"{config.data.dataset!r}: its clips have {clip.shape[1]} frames, shorter than the window of "
            f"{config.data.window} frames",
            hint="give longer clips, or a smaller data.window",
        )
    return dataset


@lru_cache(maxsize=4)
def _order(seed: int, round_number: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, round_number]).permutation(count)


def _tensor(value: Any) -> Tensor:
    try:
        return torch.as_tensor(value)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"the data set gives a {type(value).__name__} where a clip should be",
            hint="each item is a clip [T, C, H, W], an array or a tensor, or a tuple of it and targets",
        ) from error


def _moved(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
