"""Metric and MACs of a network on unseen clips, and its drift over a long one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgeskip.demos.networks.clips import Clips
from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.subjects import Subject
from edgeskip.nn import dense_mode, mac_statistics, reset_state, reset_statistics

SPLIT = "test"


def measure(subject: Subject, network: nn.Module, settings: Settings, dense: bool = False) -> dict[str, Any]:
    """Figures of `network` on the test clips, each after its own reference; `dense`: without its gates, and
    beside it the reference's outputs held over the whole clip, which says how much there is to lose."""
    clips = subject.clips(SPLIT, settings.test_clips, settings.test_frames)
    scores, held = subject.scores(network), subject.scores(network)
    if dense:
        _count_two_frames(network, clips)
    else:
        reset_statistics(network)
    for index in range(len(clips)):
        reset_state(network)
        for number, (inputs, first, second) in enumerate(frames(clips, [index])):
            outputs = arrays(_run(network, inputs, dense))
            if not number:
                reference = [value.copy() for value in outputs]
                continue
            scores.add(outputs, first, second)
            held.add(reference, first, second)
    report = mac_statistics(network)
    needed = report.dense if dense else report.active
    return {
        "metric": scores.metric, **scores.figures(), "gmac": needed / 1e9, "mac_fraction": needed / report.dense,
        "dense_gmac": report.dense / 1e9, "clips": len(clips), "frames": settings.test_frames - 1, **seeds(clips),
        **({"held": held.figures()} if dense else {}),
    }  # fmt: skip


def drift(subject: Subject, network: nn.Module, settings: Settings) -> dict[str, Any]:
    """At each of `settings.drift_at`: figures of the gated and the dense network on the very same frames, and the
    squared error of the gated outputs relative to the variance of the dense ones."""
    count, last = settings.drift_streams, max(settings.drift_at)
    # the moment differs by scene, so that not everybody walks
    clips = subject.clips(SPLIT, count, last + 1)
    windows = {at: _Window(subject, network) for at in settings.drift_at}
    reset_state(network)
    reset_statistics(network)
    for number, (inputs, first, second) in enumerate(frames(clips, range(count))):
        outputs = _run(network, inputs, False)
        for at, window in windows.items():
            if at - settings.drift_window < number <= at:
                window.add(outputs, _run(network, inputs, True), first, second)
    metric = next(iter(windows.values())).gated.metric
    return {
        "metric": metric, "mac_fraction": mac_statistics(network).active_mac_fraction, "streams": count,
        "at": {str(at): window.figures() for at, window in windows.items()}, **seeds(clips),
    }  # fmt: skip


class _Window:
    """Gated and dense figures of the same frames."""

    def __init__(self, subject: Subject, network: nn.Module) -> None:
        self.gated, self._dense = subject.scores(network), subject.scores(network)
        self._errors: list[float] = []

    def add(self, outputs: Any, teacher: Any, first: np.ndarray, second: np.ndarray) -> None:
        got, wanted = arrays(outputs), arrays(teacher)
        self.gated.add(got, first, second)
        self._dense.add(wanted, first, second)
        self._errors.append(float(np.mean([np.square(a - b).mean() / max(b.var(), 1e-12)
                                           for a, b in zip(got, wanted, strict=True)])))  # fmt: skip

    def figures(self) -> dict[str, Any]:
        return {"gated": self.gated.figures(), "dense": self._dense.figures(),
                "relative_error": float(np.mean(self._errors))}  # fmt: skip


def _count_two_frames(network: nn.Module, clips: Clips) -> None:
    """What a dense network would need is known once its gates have run."""
    reset_state(network)
    reset_statistics(network)
    for _, (inputs, _, _) in zip(range(2), frames(clips, [0]), strict=False):
        _run(network, inputs, False)


@torch.no_grad()
def _run(network: nn.Module, inputs: Tensor, dense: bool) -> Any:
    if not dense:
        return network(inputs)
    with dense_mode(network):
        return network(inputs)


def frames(clips: Clips, indices: Any) -> Iterator[tuple[Tensor, np.ndarray, np.ndarray]]:
    """Frame by frame: inputs [N, 3, H, W] of the clips `indices`, and their truth [N, ...]."""
    for rows in zip(*(clips.stream(index) for index in indices), strict=True):
        pictures, first, second = (np.stack(column) for column in zip(*rows, strict=True))
        yield torch.from_numpy(to_input(pictures)), first, second


def arrays(outputs: Any) -> list[np.ndarray]:
    """The network's outputs as a list of arrays."""
    return [value.float().numpy() for value in ((outputs,) if isinstance(outputs, Tensor) else outputs)]


def seeds(clips: Clips) -> dict[str, Any]:
    """First and last seed of the scenes."""
    used = [clips.seed(index) for index in range(len(clips))]
    return {"split": clips.split, "seeds": [min(used), max(used)]}
