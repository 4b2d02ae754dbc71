"""Metric and MACs of a network on unseen clips, and its drift over a long one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgeskip.demos.networks.clips import Clips, Shown
from edgeskip.demos.reproduce.footage import Footage
from edgeskip.demos.reproduce.players import DensePlayer, Maps, Player, played
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.subjects import Subject

SPLIT = "test"


def measure(subject: Subject, player: Player, footage: Footage, settings: Settings) -> dict[str, Any]:
    """Figures of the network on the test clips, each after its own reference; for a dense one, beside it those of the
    reference's outputs held over the whole clip, which say how much there is to lose."""
    clips = subject.clips(SPLIT, settings.test_clips, settings.test_frames)
    scores, held = subject.scores(player.network), subject.scores(player.network)
    for begin in range(0, len(clips), player.batch):
        side_by_side = [frames(footage, clips, index) for index in range(begin, min(begin + player.batch, len(clips)))]
        for number, (outputs, (_, first, second)) in enumerate(played(player, side_by_side)):
            if not number:
                reference = [value.copy() for value in outputs]
                continue
            scores.add(outputs, first, second)
            held.add(reference, first, second)
    needed, dense = player.needed()
    return {
        "metric": scores.metric, **scores.figures(), "gmac": needed / 1e9, "mac_fraction": needed / dense,
        "dense_gmac": dense / 1e9, "clips": len(clips), "frames": settings.test_frames - 1, "run_by": player.title,
        **seeds(clips), **({"held": held.figures()} if isinstance(player, DensePlayer) else {}),
    }  # fmt: skip


def drift(
    subject: Subject, player: Player, dense: DensePlayer, footage: Footage, settings: Settings, count: int
) -> dict[str, Any]:
    """At each of `settings.drift_at`, over `count` scenes: figures of the gated and the dense network on the very same
    frames, and the squared error of the gated outputs relative to the variance of the dense ones."""
    last = max(settings.drift_at)
    # the moment differs by scene, so that not everybody walks
    clips = subject.clips(SPLIT, count, last + 1)
    windows = {at: _Window(subject, player) for at in settings.drift_at}
    streams = [frames(footage, clips, index) for index in range(count)]
    for number, (outputs, (pictures, first, second)) in enumerate(played(player, streams)):
        wanted = [window for at, window in windows.items() if max(at - settings.drift_window, 0) < number <= at]
        teacher = dense.frame(pictures) if wanted else []
        for window in wanted:
            window.add(outputs, teacher, first, second)
    needed, whole = player.needed()
    return {
        "metric": next(iter(windows.values())).gated.metric, "mac_fraction": needed / whole, "streams": count,
        "run_by": player.title, "at": {str(at): window.figures() for at, window in windows.items()}, **seeds(clips),
    }  # fmt: skip


class _Window:
    """Gated and dense figures of the same frames."""

    def __init__(self, subject: Subject, player: Player) -> None:
        self.gated, self._dense = subject.scores(player.network), subject.scores(player.network)
        self._errors: list[float] = []

    def add(self, got: Maps, wanted: Maps, first: np.ndarray, second: np.ndarray) -> None:
        self.gated.add(got, first, second)
        self._dense.add(wanted, first, second)
        self._errors.append(float(np.mean([np.square(a - b).mean() / max(b.var(), 1e-12)
                                           for a, b in zip(got, wanted, strict=True)])))  # fmt: skip

    def figures(self) -> dict[str, Any]:
        return {"gated": self.gated.figures(), "dense": self._dense.figures(),
                "relative_error": float(np.mean(self._errors))}  # fmt: skip


def frames(footage: Footage, clips: Clips, index: int) -> Iterator[Shown]:
    """Picture and truth of each frame of a clip."""
    for pieces in footage.pieces(clips, index):
        yield from zip(*pieces, strict=True)


def seeds(clips: Clips) -> dict[str, Any]:
    """First and last seed of the scenes."""
    used = [seed for index in range(len(clips)) for seed in clips.seeds(index)]
    return {"split": clips.split, "seeds": [min(used), max(used)]}
