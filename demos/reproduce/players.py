"""Who runs a network over clips: torch without gates, torch with them, or the CPU engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from edgeskip.demos.networks.clips import Shown
from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.reproduce.engine import EngineNetwork
from edgeskip.demos.reproduce.subjects import Subject
from edgeskip.nn import dense_mode, mac_statistics, reset_state, reset_statistics

Maps = list[np.ndarray]


class Player(ABC):
    """`network`: in torch; `title`: for the record; `batch`: clips that are best run side by side."""

    title: ClassVar[str]
    batch: ClassVar[int] = 8

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @abstractmethod
    def begin(self, streams: int) -> None:
        """The next frame is the reference of as many new clips."""

    @abstractmethod
    def frame(self, pictures: np.ndarray) -> Maps:
        """Outputs [N, ...] of one frame of each clip: uint8 BGR [N, H, W, 3]."""

    @abstractmethod
    def needed(self) -> tuple[float, float]:
        """MACs per frame needed, gates included, and dense ones, over all frames so far but the references."""


class TorchPlayer(Player):
    """The gated network in torch."""

    title = "torch"

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        reset_statistics(network)

    def begin(self, streams: int) -> None:
        """Forget the clips before."""
        reset_state(self.network)

    @torch.inference_mode()
    def frame(self, pictures: np.ndarray) -> Maps:
        """All clips as streams of one batch."""
        return arrays(self.network(torch.from_numpy(to_input(pictures))))

    def needed(self) -> tuple[float, float]:
        """By the layers' own counts."""
        report = mac_statistics(self.network)
        return report.active, report.dense


class DensePlayer(TorchPlayer):
    """The network without its gates."""

    title = "torch, dense"

    @torch.inference_mode()
    def frame(self, pictures: np.ndarray) -> Maps:
        """Stateless."""
        self._shape = (1, pictures.shape[-1], *pictures.shape[1:3])
        with dense_mode(self.network):
            return super().frame(pictures)

    def needed(self) -> tuple[float, float]:
        """What a dense network needs is known once its gates have run."""
        reset_state(self.network)
        with torch.inference_mode():
            for _ in range(2):
                self.network(torch.zeros(self._shape))
        dense = mac_statistics(self.network).dense
        return dense, dense


class EnginePlayer(Player):
    """The exported network in the CPU engine, one stream after the other."""

    title = "CPU engine"

    def __init__(self, network: nn.Module, subject: Subject) -> None:
        super().__init__(network)
        self._engine = EngineNetwork(network, subject)
        self._fractions: list[float] = []
        self._streams: list[Any] = []

    def begin(self, streams: int) -> None:
        """A runner for each clip."""
        for runner in self._streams[streams:]:
            runner.deactivate()
        self._streams = self._streams[:streams]
        self._streams += [self._engine.runner() for _ in range(streams - len(self._streams))]
        for runner in self._streams:
            runner.reset()
        self._reference = True

    def frame(self, pictures: np.ndarray) -> Maps:
        """Frame by frame."""
        pairs = [self._engine.frame(runner, picture) for runner, picture in zip(self._streams, pictures, strict=True)]
        if not self._reference:
            self._fractions += [fraction for _, fraction in pairs]
        self._reference = False
        return [np.concatenate(maps) for maps in zip(*(maps for maps, _ in pairs), strict=True)]

    def needed(self) -> tuple[float, float]:
        """By the engine's count, comparisons of norm gates included."""
        dense = float(self._engine.model.dense_macs)
        return float(np.mean(self._fractions)) * dense, dense


def make_player(network: nn.Module, subject: Subject, mode: str) -> Player:
    """The engine, or torch for what can't be exported."""
    return EnginePlayer(network, subject) if mode == "refresh" else TorchPlayer(network)


def arrays(outputs: Any) -> Maps:
    """The network's outputs as a list of arrays."""
    return [value.float().numpy() for value in ((outputs,) if isinstance(outputs, Tensor) else outputs)]


def played(player: Player, clips: Sequence[Iterator[Shown]]) -> Iterator[tuple[Maps, Shown]]:
    """Outputs [N, ...] of each frame of clips side by side, the reference first, and what was shown [N, ...]."""
    player.begin(len(clips))
    for rows in zip(*clips, strict=True):
        pictures, first, second = (np.stack(column) for column in zip(*rows, strict=True))
        yield player.frame(pictures), (pictures, first, second)
