"""Speed beside the dense runtimes: frame by frame in one run, on the same decoded pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from edgeskip.backends.base import Backend, FrameResult, Runner
from edgeskip.backends.registry import choose
from edgeskip.core.errors import InputError
from edgeskip.core.placement import Placement
from edgeskip.evaluate.accuracy import CostCounter
from edgeskip.evaluate.agreement import Comparison
from edgeskip.evaluate.dense import dense_bytes, require_outputs
from edgeskip.evaluate.frames import Camera, camera_chunks, picture_input, require_frames
from edgeskip.evaluate.machine import describe_machine
from edgeskip.evaluate.peers import Peer, create_peers, reference_peer
from edgeskip.evaluate.statistics import Statistics
from edgeskip.graph.skip_model import SkipModel
from edgeskip.tasks import create_decoder

OWN = "edgeskip"


@dataclass
class BenchmarkResult:
    """Milliseconds per frame of edgeskip and of each dense peer, over the same frames.

    `times_ms` holds the samples by name, index by index the same frame; `fractions` the active MAC
    fraction of each. `agreement` is with the outputs of the peer `reference` (the first in float32) in this very run.
    `camera_ms` begin at the camera's picture, where edgeskip prepares it in native code: `infer_picture` against
    preparing (OpenCV) and the peer; empty otherwise. `camera_agreement` is that of `infer_picture`.
    `precisions` by name: "f32" or "bf16".
    """

    model: str
    source: str
    threads: int
    backend: str
    level: str | None
    times_ms: dict[str, list[float]]
    fractions: list[float]
    active_mac_fraction: float
    agreement: float | None
    details: dict[str, Any]
    max_abs_error: float
    warmup: int
    repeats: int
    turn: int = 1
    camera_ms: dict[str, list[float]] = field(default_factory=dict)
    camera_agreement: float | None = None
    machine: dict[str, Any] = field(default_factory=describe_machine)
    precisions: dict[str, str] = field(default_factory=dict)
    reference: str | None = None

    @property
    def peers(self) -> list[str]:
        """Names of the peers."""
        return [name for name in self.times_ms if name != OWN]

    def statistics(self, name: str) -> Statistics:
        """Statistics of the times of edgeskip or a peer, in milliseconds."""
        return Statistics.of(self.times_ms[name])

    def speedup(self, peer: str) -> float:
        """Median time of `peer` / median time of edgeskip."""
        return self.statistics(peer).median / self.statistics(OWN).median

    def camera_statistics(self, name: str) -> Statistics:
        """Statistics of the times from the camera's picture, in milliseconds."""
        return Statistics.of(self.camera_ms[name])

    def camera_speedup(self, peer: str) -> float:
        """Median time of preparing and `peer` / median time of edgeskip, both from the camera's picture."""
        return self.camera_statistics(peer).median / self.camera_statistics(OWN).median

    def speedup_total(self, peer: str) -> float:
        """Time of `peer` over all frames / that of edgeskip: what a clip with bursts gains as a whole."""
        return float(np.sum(self.times_ms[peer]) / np.sum(self.times_ms[OWN]))

    def efficiency(self, peer: str) -> float:
        """Median over frames of (time of `peer` / time of edgeskip) x the frame's active MAC fraction.

        By frame, since cost follows the picture: a mean fraction beside a median time would flatter
        a clip whose activity comes in bursts. 1 means that every skipped MAC became saved time.
        """
        ratios = np.array(self.times_ms[peer]) / np.array(self.times_ms[OWN])
        return float(np.median(ratios * np.array(self.fractions)))

    def record(self) -> dict[str, Any]:
        """What `edgeskip bench --json` prints."""
        return {
            "model": self.model,
            "source": self.source,
            "frames": len(self.fractions) // self.repeats,
            "threads": self.threads,
            "machine": self.machine,
            "backend": self.backend,
            "level": self.level,
            "precision": self.precisions,
            "warmup": self.warmup,
            "repeats": self.repeats,
            "turn": self.turn,
            "active_mac_fraction": self.active_mac_fraction,
            "active_mac_fraction_median": float(np.median(self.fractions)),
            "agreement": self.agreement,
            "reference": self.reference,
            "agreement_details": self.details,
            "max_abs_error": self.max_abs_error,
            **{name: self.statistics(name).record("ms") for name in self.times_ms},
            "speedup": {peer: self.speedup(peer) for peer in self.peers},
            "speedup_total": {peer: self.speedup_total(peer) for peer in self.peers},
            "efficiency": {peer: self.efficiency(peer) for peer in self.peers},
            "from_camera": self._camera_record(),
        }

    def _camera_record(self) -> dict[str, Any] | None:
        if not self.camera_ms:
            return None
        return {
            "agreement": self.camera_agreement,
            **{name: self.camera_statistics(name).record("ms") for name in self.camera_ms},
            "speedup": {peer: self.camera_speedup(peer) for peer in self.peers},
        }


def benchmark(
    model: SkipModel,
    pictures: Iterable[np.ndarray],
    *,
    backend: Backend | str = "auto",
    peers: Sequence[str] = ("onnxruntime",),
    threads: int = 1,
    frames: int | None = None,
    warmup: int = 10,
    repeats: int = 1,
    turn: int = 1,
    dense: str | Path | None = None,
    source: str = "",
    precision: str = "f32",
    options: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> BenchmarkResult:
    """Time `model` and dense `peers` on `pictures` (uint8 [h, w, 3], BGR), interleaved.

    Pictures are decoded and prepared outside the timing. Everybody runs `turn` frames (at most 32), then the next runs
    the same, and who goes first moves on by one from turn to turn. With one frame a turn each finds the caches full of
    the others' data; with more, only its first frame of a turn does, as where a device runs one network.

    The first `warmup` pictures of each pass are not timed; the pass that follows (`repeats`) starts with forgotten
    state. At most `frames` pictures are timed per pass. `dense` is the file the model was exported from, else its own
    dense equivalent is taken. `source` names the pictures in the result, `options` go to the backend's runner. With
    `precision` "bf16" the CPU engine and OpenVINO compute in bfloat16; ONNX Runtime stays in float32.

    Raises:
        ModelError, BackendError, InputError, MissingPackageError: what can't be measured, and why.
    """
    if warmup < 0 or repeats < 1 or turn < 1:
        raise InputError(f"warm-up must be at least 0, repeats and turn at least 1: {warmup}, {repeats}, {turn}")
    _, preparation = picture_input(model)
    opponents = create_peers(peers, dense_bytes(model, dense), threads, precision) if peers else []
    reference = reference_peer(opponents)
    for peer in opponents:
        require_outputs(model, peer.outputs, dense)
    chosen = backend if isinstance(backend, Backend) else choose(backend, model)[0]
    comparison = Comparison(create_decoder(model.metadata.task, preparation))
    selected = islice(iter(pictures), None if frames is None else frames + warmup)
    # a second pass needs the pictures again; a single one need not hold them all
    clip = list(selected) if repeats > 1 else selected
    chosen_options = {**(options or {}), **precision_options(precision)}
    with ExitStack() as stack:
        runner, camera_runner = (
            stack.enter_context(chosen.create_runner(model, threads=threads, **chosen_options)) for _ in range(2)
        )
        camera = _CameraRace(camera_runner, opponents, Comparison(create_decoder(model.metadata.task, preparation)))
        race = _Race(runner, opponents, comparison, progress, camera, turn)
        for _ in range(repeats):
            race.run(camera_chunks(clip, preparation), warmup)
        level = getattr(runner, "level", None)
        precisions = {OWN: getattr(runner, "precision", "f32"), **{peer.name: peer.precision for peer in opponents}}
    require_frames(len(race.fractions), warmup)
    return BenchmarkResult(
        model=model.file,
        source=source,
        threads=threads,
        backend=chosen.name,
        level=level,
        precisions=precisions,
        times_ms=race.times_ms,
        fractions=race.fractions,
        active_mac_fraction=race.costs.active_mac_fraction,
        agreement=comparison.agreement,
        reference=reference.name if reference else None,
        details=comparison.details(),
        max_abs_error=comparison.max_abs_error,
        warmup=warmup,
        repeats=repeats,
        turn=turn,
        camera_ms=camera.times_ms,
        camera_agreement=camera.comparison.agreement,
    )


def precision_options(precision: str) -> dict[str, str]:
    """Options of a runner for `precision`; none for float32, which every backend has."""
    return {} if precision == "f32" else {"precision": precision}


class _CameraRace:
    """edgeskip from the camera's picture, where it prepares that itself, against preparing and each peer's run.

    `times_ms` stay empty where it does not.
    """

    def __init__(self, runner: Runner, peers: list[Peer], comparison: Comparison) -> None:
        self.runner = runner
        self._peers = peers
        self.comparison = comparison
        self.times_ms: dict[str, list[float]] = {}
        if runner.prepares_pictures:
            self.times_ms = {name: [] for name in (OWN, *(peer.name for peer in peers))}

    def frame(self, frame: Camera, counted: bool, times: dict[str, float], results: dict[str, Any]) -> None:
        """One frame; times and results are those of the peers on the prepared picture."""
        if not self.times_ms:
            return
        picture, _, placement, prepare_ms = frame
        begin = perf_counter_ns()
        own = self.runner.infer_picture(picture)
        elapsed = (perf_counter_ns() - begin) / 1e6
        if not counted:
            return
        self.times_ms[OWN].append(elapsed)
        for peer in self._peers:
            self.times_ms[peer.name].append(prepare_ms + times[peer.name])
        if self._peers:
            self.comparison.add(results[reference_peer(self._peers).name], own.outputs, placement)


class _Race:
    """Runs everybody on each picture and keeps the times."""

    def __init__(
        self,
        runner: Runner,
        peers: list[Peer],
        comparison: Comparison,
        progress: Callable[[int], None] | None,
        camera: _CameraRace,
        turn: int,
    ) -> None:
        self._camera = camera
        self._turn = turn
        self._runner = runner
        self._peers = peers
        self._reference = reference_peer(peers)
        self._comparison = comparison
        self._progress = progress
        self.times_ms: dict[str, list[float]] = {name: [] for name in (OWN, *(peer.name for peer in peers))}
        self.fractions: list[float] = []
        self.costs = CostCounter()
        self._turns = 0

    def run(self, chunks: Iterable[list[Camera]], warmup: int) -> None:
        """One pass over the clip, from unknown state."""
        self._runner.reset()
        self._camera.runner.reset()
        index = 0
        for chunk in chunks:
            for first in range(0, len(chunk), self._turn):
                frames = chunk[first : first + self._turn]
                for frame, (times, results) in zip(frames, self._run_turn([f[1] for f in frames]), strict=True):
                    # before the peers run again: their arrays may be those of the next call
                    self._camera.frame(frame, index >= warmup, times, results)
                    if index >= warmup:
                        self._count(times, results, frame[2])
                    index += 1

    def _run_turn(self, pictures: list[np.ndarray]) -> list[tuple[dict[str, float], dict[str, Any]]]:
        """Times in milliseconds and results of all, picture by picture."""
        runs: list[tuple[str, Callable[[np.ndarray], Any]]] = [(OWN, self._runner.infer)]
        runs += [(peer.name, peer.infer) for peer in self._peers]
        first, self._turns = self._turns % len(runs), self._turns + 1
        frames: list[tuple[dict[str, float], dict[str, Any]]] = [({}, {}) for _ in pictures]
        for name, infer in runs[first:] + runs[:first]:
            for picture, (times, results) in zip(pictures, frames, strict=True):
                begin = perf_counter_ns()
                result = infer(picture)
                times[name] = (perf_counter_ns() - begin) / 1e6
                results[name] = result if len(pictures) == 1 else _copied(result)
        return frames

    def _count(self, times: dict[str, float], results: dict[str, Any], placement: Placement) -> None:
        for name, value in times.items():
            self.times_ms[name].append(value)
        own: FrameResult = results[OWN]
        self.fractions.append(own.active_mac_fraction)
        self.costs.add(own)
        if self._reference is not None:
            self._comparison.add(results[self._reference.name], own.outputs, placement)
        if self._progress is not None:
            self._progress(len(self.fractions))


def _copied(result: Any) -> Any:
    """A result that owns its arrays: whoever computed them may use theirs again in the next frame."""
    if isinstance(result, FrameResult):
        return replace(result, outputs=_copied(result.outputs))
    return {name: value.copy() for name, value in result.items()}
