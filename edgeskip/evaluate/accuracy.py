"""How well a skip model agrees with its dense network on a video, and what it computes, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from edgeskip.backends.base import Backend, FrameResult, LayerInfo, Runner
from edgeskip.backends.registry import choose
from edgeskip.evaluate.agreement import Comparison
from edgeskip.evaluate.dense import dense_bytes, require_outputs
from edgeskip.evaluate.frames import picture_input, prepared_chunks, require_frames
from edgeskip.evaluate.peers import OnnxRuntimePeer, Peer
from edgeskip.graph.skip_model import SkipModel
from edgeskip.tasks import create_decoder


@dataclass
class LayerCost:
    """What one convolution computed: `active_fraction` of its `macs`, over all counted frames."""

    name: str
    macs: int
    active_fraction: float


@dataclass
class AccuracyResult:
    """Agreement with the dense network (see `agreement`), and cost, over `frames` pictures.

    `max_abs_error` is the largest difference of any raw output value: background cells of a head
    map move a lot where no decision does, so it says little about the results.
    """

    task: str
    frames: int
    agreement: float
    active_mac_fraction: float
    max_abs_error: float
    per_layer: list[LayerCost] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    backend: str = ""

    def record(self) -> dict[str, Any]:
        """What `edgeskip evaluate --json` prints."""
        return {
            "task": self.task,
            "frames": self.frames,
            "agreement": self.agreement,
            "active_mac_fraction": self.active_mac_fraction,
            "max_abs_error": self.max_abs_error,
            "agreement_details": self.details,
            "backend": self.backend,
            "per_layer": [vars(layer) for layer in self.per_layer],
        }


class CostCounter:
    """Sums the multiply-accumulates and active pixels of frames."""

    def __init__(self) -> None:
        self._active = 0
        self._dense = 0
        self._frames = 0
        self._pixels: Counter[str] = Counter()

    def add(self, result: FrameResult) -> None:
        """Count one frame."""
        self._active += result.active_macs
        self._dense += result.dense_macs
        self._frames += 1
        self._pixels.update(result.active_pixels)

    @property
    def active_mac_fraction(self) -> float:
        """Multiply-accumulates computed / those of the dense network, over all counted frames."""
        return self._active / self._dense if self._dense else 1.0

    def per_layer(self, layers: list[LayerInfo]) -> list[LayerCost]:
        """Cost of each convolution of a runner of one stream, in its order."""
        return [
            LayerCost(layer.name, layer.macs, self._pixels[layer.name] / (layer.pixels * self._frames))
            for layer in layers
            if layer.macs and layer.name in self._pixels
        ]


def evaluate(
    model: SkipModel,
    pictures: Iterable[np.ndarray],
    *,
    backend: Backend | str = "auto",
    threads: int = 1,
    frames: int | None = None,
    warmup: int = 1,
    dense: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> AccuracyResult:
    """Run `model` and its dense network (ONNX Runtime) over `pictures` (uint8 [h, w, 3], BGR) and compare.

    The first `warmup` pictures run and are not counted: the first frame after a start computes
    everything and agrees by itself. At most `frames` are counted. `dense` is the file the model was exported
    from, else its own dense equivalent is taken. `options` go to the backend's runner;
    `progress` is told the number of counted frames.

    Raises:
        ModelError, BackendError, InputError: the model, backend or source can't be measured.
    """
    name, preparation = picture_input(model)
    comparison = Comparison(create_decoder(model.metadata.task, preparation))
    peer = OnnxRuntimePeer(dense_bytes(model, dense), threads)
    require_outputs(model, peer.outputs, dense)
    chosen = backend if isinstance(backend, Backend) else choose(backend, model)[0]
    limit = None if frames is None else frames + warmup
    chunks = prepared_chunks(islice(iter(pictures), limit), preparation)
    counter = CostCounter()
    with chosen.create_runner(model, threads=threads, **(options or {})) as runner:
        _run(runner, peer, chunks, name, warmup, comparison, counter, progress)
        require_frames(comparison.frames, warmup)
        per_layer = counter.per_layer(runner.layers)
    return AccuracyResult(
        task=model.metadata.task.name,
        frames=comparison.frames,
        agreement=float(comparison.agreement or 0.0),
        active_mac_fraction=counter.active_mac_fraction,
        max_abs_error=comparison.max_abs_error,
        per_layer=per_layer,
        details=comparison.details(),
        backend=chosen.name,
    )


def _run(
    runner: Runner,
    peer: Peer,
    chunks: Iterable[list],
    name: str,
    warmup: int,
    comparison: Comparison,
    counter: CostCounter,
    progress: Callable[[int], None] | None,
) -> None:
    index = 0
    for chunk in chunks:
        for picture, placement in chunk:
            result = runner.infer({name: picture})
            if index >= warmup:
                counter.add(result)
                comparison.add(peer.infer(picture), result.outputs, placement)
                if progress is not None:
                    progress(comparison.frames)
            index += 1
