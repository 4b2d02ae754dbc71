"""Gates of a network set by trying, in the CPU engine, on tuning clips: strict where it matters, coarse elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgeskip.core.named import named_object
from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.reproduce.engine import EngineNetwork
from edgeskip.demos.reproduce.footage import Footage
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.subjects import Subject
from edgeskip.nn import dense_mode
from edgeskip.training.allocation import Allocation, Trial, allocate, within_budget
from edgeskip.training.data import spread_indices
from edgeskip.training.search import GateGroups

BATCH = 8


@dataclass
class TuningClips:
    """Clips of the tuning split: pictures uint8 [T, H, W, 3], and what the dense network answers [T, ...] to each; no
    answers where only MACs are asked for."""

    pictures: list[np.ndarray]
    answers: list[list[Tensor]]

    @classmethod
    def of(cls, subject: Subject, footage: Footage, settings: Settings, wanted: int, length: int) -> TuningClips:
        """`wanted` of the tuning clips, evenly spread, since clips differ in what they move and in their noise."""
        clips = subject.clips("tuning", settings.tuning_clips, settings.tuning_frames)
        indices = [index for batch in spread_indices(len(clips), wanted, 1) for index in batch]
        return cls([footage.clip(clips, index)[0][:length] for index in indices], [])

    def answered(self, network: nn.Module) -> TuningClips:
        """The same with the answers of `network`."""
        return TuningClips(self.pictures, [_dense_answers(network, clip) for clip in self.pictures])


class Search:
    """What an allocation of `network`'s gates costs, in the CPU engine: loss and MACs over the gated frames of `clips`.

    `counted`: count the comparisons of norm gates, too.
    """

    def __init__(self, network: nn.Module, subject: Subject) -> None:
        self._network = network
        self._loss: Callable[..., Tensor] = named_object(subject.searched)
        self._engine = EngineNetwork(network, subject)
        self.gates = GateGroups(network, self._engine.shares())
        self.clips, self.counted = TuningClips([], []), False

    def __call__(self, factors: Mapping[str, float]) -> Trial:
        """Measure; the network keeps the gates that were tried last."""
        self.gates.set(factors)
        self._engine.load(self._network)
        losses, fractions = [], []
        runs = self._engine.run(self.clips.pictures, self.counted)
        for frames, answers in zip_longest(runs, self.clips.answers):
            fractions += [fraction for _, fraction in frames[1:]]
            if answers is not None:
                outputs = [
                    torch.from_numpy(np.stack(maps, 1)) for maps in zip(*(maps for maps, _ in frames), strict=True)
                ]
                losses.append(float(self._loss(_bare(outputs), (), _bare([answer[None] for answer in answers]))))
        return Trial(float(np.mean(losses)) if losses else 0.0, float(np.mean(fractions)))

    def comparisons(self, factors: Mapping[str, float]) -> float:
        """What the comparisons of norm gates add to the MAC fraction."""
        without = self(factors)
        self.counted = True
        try:
            return self(factors).mac_fraction - without.mac_fraction
        finally:
            self.counted = False


def search_gates(network: nn.Module, subject: Subject, footage: Footage, settings: Settings, sweeps: int) -> Allocation:
    """Allocate the gates of `network` and fit them to the budget of `settings`; they are written into it.

    Raises:
        ConfigError: the budget can't be reached.
        BackendError: no native engine here.
    """
    search = Search(network, subject)
    clips = TuningClips.of(subject, footage, settings, settings.search_clips, settings.search_frames)
    search.clips = clips.answered(network)
    start = dict.fromkeys(search.gates.groups, 1.0)
    found = allocate(start, search, settings.budget, sweeps, search.gates.learned)
    # what takes long to count is counted on few clips
    extra, loss = search.comparisons(found.values), found.trial.loss
    search.clips = TuningClips.of(subject, footage, settings, settings.tuning_clips, settings.tuning_frames)
    fitted = within_budget(found.values, search, settings.budget - extra)
    search.gates.set(fitted.values)
    return Allocation(fitted.values, Trial(loss, fitted.trial.mac_fraction + extra), found.history)


@torch.no_grad()
def _dense_answers(network: nn.Module, pictures: np.ndarray) -> list[Tensor]:
    inputs = torch.from_numpy(to_input(pictures))
    with dense_mode(network):
        parts = [_listed(network(batch)) for batch in inputs.split(BATCH)]
    return [torch.cat(maps) for maps in zip(*parts, strict=True)]


def _listed(outputs: Any) -> list[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def _bare(maps: list[Tensor]) -> Any:
    """As the network returns them."""
    return maps[0] if len(maps) == 1 else maps
