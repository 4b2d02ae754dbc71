"""Speed of the convolution kernels: one convolution at a time, active in part, beside dense runtimes in the same run.

For each shape the peers and the engine at each level and active share take turns, and who goes first moves on by one
from round to round. A turn is two runs on different pictures: the first warms the caches, the second counts. The
engine's pictures alternate too, so that each frame really changes, is compared and is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeskip.core.errors import InputError
from edgeskip.evaluate.conv_masks import changed_inputs, reached
from edgeskip.evaluate.conv_peers import TIMED_PEERS, TimedPeer, create_timed_peers
from edgeskip.evaluate.conv_plan import EngineConv, chosen_levels, dense_network, random_weights
from edgeskip.evaluate.conv_shapes import ConvShape
from edgeskip.evaluate.machine import describe_machine
from edgeskip.evaluate.peers import reference_peer
from edgeskip.evaluate.statistics import Statistics

OWN = "edgeskip"
POSITIONS = 8
# what no clock here resolves
LEAST_MS = 1e-5


@dataclass
class ConvRow:
    """One shape at one active share and level.

    `times_ms` are the engine's and `computed` the output pixels that it computed, run by run; `peer_times_ms` are the
    dense runtimes' on the whole picture. `error` is the largest |engine - peer| at active pixels / the largest |peer|
    (None without peers).
    """

    shape: ConvShape
    active: float
    level: str
    times_ms: list[float] = field(default_factory=list)
    computed: list[int] = field(default_factory=list)
    peer_times_ms: dict[str, list[float]] = field(default_factory=dict)
    error: float | None = None

    @property
    def pixels(self) -> float:
        """Mean of the pixels that the engine computed."""
        return float(np.mean(self.computed))

    def speeds(self, name: str = OWN) -> Statistics:
        """GFLOP/s (two per multiply-accumulate) of each run: the engine's on its active pixels, or a peer's on all."""
        times = self.times_ms if name == OWN else self.peer_times_ms[name]
        pixels = self.computed if name == OWN else [self.shape.pixels] * len(times)
        work = 2 * self.shape.macs_per_pixel / 1e6
        return Statistics.of(work * count / max(time, LEAST_MS) for count, time in zip(pixels, times, strict=True))

    def gflops(self, name: str = OWN, best: bool = False) -> float:
        """Median, or best, of `speeds`."""
        speeds = self.speeds(name)
        return speeds.maximum if best else speeds.median

    def ratio(self, best: bool = False) -> float | None:
        """GFLOP/s of the engine / those of the faster peer, medians or best of all runs; None without peers."""
        peers = [self.gflops(name, best) for name in self.peer_times_ms]
        return self.gflops(best=best) / max(peers) if peers else None

    def record(self) -> dict[str, Any]:
        """One of the rows of `edgeskip bench conv --json`."""
        own = self.speeds()
        peers = {name: Statistics.of(times).median for name, times in self.peer_times_ms.items()}
        speeds = {f"{name}_gflops": self.gflops(name) if name in peers else None for name in TIMED_PEERS}
        return {
            "shape": self.shape.name,
            "active": self.active,
            "level": self.level,
            f"{OWN}_gflops": self.gflops(),
            **speeds,
            "kind": self.shape.kind,
            "count": self.shape.count,
            "pixels": self.pixels,
            "of_pixels": self.shape.pixels,
            "ratio": self.ratio(),
            "ratio_best": self.ratio(best=True),
            "edgeskip_ms": Statistics.of(self.times_ms).median,
            **{f"{name}_ms": peers.get(name) for name in TIMED_PEERS},
            "spread": own.spread / own.median,
            "error": self.error,
        }


@dataclass
class ConvBenchmark:
    """What `benchmark_convolutions` measured."""

    rows: list[ConvRow]
    pattern: str
    threads: int
    repeats: int
    precision: str = "f32"
    machine: dict[str, Any] = field(default_factory=describe_machine)

    def totals(self) -> list[dict[str, Any]]:
        """By kind, level and active share: GFLOP/s over all shapes, each as often as its network has it.

        "efficiency" is what the faster peer takes for the active pixels' share, summed, / the engine's time, by medians
        and by the best run of each; "ratio_least" the least ratio of a shape, at "shape_least".
        """
        groups: dict[tuple[str, str, float], list[ConvRow]] = {}
        for row in self.rows:
            for kind in ("all", row.shape.kind):
                groups.setdefault((kind, row.level, row.active), []).append(row)
        return [_total(*key, rows) for key, rows in groups.items()]

    def record(self) -> dict[str, Any]:
        """What `edgeskip bench conv --json` prints."""
        return {
            "machine": self.machine,
            "pattern": self.pattern,
            "threads": self.threads,
            "repeats": self.repeats,
            "precision": self.precision,
            "rows": [row.record() for row in self.rows],
            "totals": self.totals(),
        }


def benchmark_convolutions(
    shapes: Sequence[ConvShape],
    active: Sequence[float] = (1.0,),
    *,
    level: str = "auto",
    peers: Sequence[str] = ("onnxruntime",),
    threads: int = 1,
    repeats: int = 10,
    pattern: str = "patches",
    precision: str = "f32",
    progress: Callable[[int], None] | None = None,
) -> ConvBenchmark:
    """Time each shape at each active share, at `level` ("auto", "all" or names by comma), beside dense `peers`.

    With `precision` "bf16" the engine (layers of 16 and more channels, depthwise ones aside) and OpenVINO compute in
    bfloat16; ONNX Runtime stays in float32. `progress` is told the number of shapes that are done.

    Raises:
        BackendError, MissingPackageError: an unknown or absent level or peer.
        InputError: an active share, number of repeats or pattern that makes no sense.
    """
    levels = chosen_levels(level, precision)
    if repeats < 1 or not active:
        raise InputError(f"repeats and active shares must be at least one each: {repeats}, {list(active)}",
                         hint="for example: --active 1,0.1 --repeats 10")  # fmt: skip
    rows: list[ConvRow] = []
    for number, shape in enumerate(shapes, 1):
        rows += _Contest(shape, active, levels, peers, threads, pattern, precision).run(repeats)
        if progress is not None:
            progress(number)
    return ConvBenchmark(rows, pattern, threads, repeats, precision)


class _Contest:
    """Everybody on one shape."""

    def __init__(
        self,
        shape: ConvShape,
        active: Sequence[float],
        levels: list[str],
        peers: Sequence[str],
        threads: int,
        pattern: str,
        precision: str,
    ) -> None:
        random = np.random.default_rng(1)
        weight, bias = random_weights(shape, random)
        size = (2, 1, shape.in_channels, shape.height, shape.width)
        self._pictures = random.standard_normal(size, np.float32)
        self._masks = {share: changed_inputs(shape, share, pattern, POSITIONS) for share in active}
        network = dense_network(shape, weight, bias) if peers else b""
        self._peers = create_timed_peers(peers, network, threads, precision) if peers else []
        self._engine = EngineConv(shape, weight, bias, levels, threads, precision)
        self._rows = [ConvRow(shape, share, level) for level in levels for share in active]

    def run(self, repeats: int) -> list[ConvRow]:
        """The rows, after `repeats` rounds that count."""
        turns: list[Callable[[int], None]] = [lambda _, peer=peer: self._peer_turn(peer) for peer in self._peers]
        turns += [lambda round_, row=row: self._engine_turn(row, round_) for row in self._rows]
        for round_ in range(repeats):
            first = round_ % len(turns)
            for turn in turns[first:] + turns[:first]:
                turn(round_)
        self._compare()
        # every second run of a peer counts; the last one was for the comparison
        times = {peer.name: peer.times_ms()[1 : 2 * repeats : 2] for peer in self._peers}
        for row in self._rows:
            row.peer_times_ms = times
        return self._rows

    def _peer_turn(self, peer: TimedPeer) -> None:
        for picture in self._pictures:
            peer.infer(picture)

    def _engine_turn(self, row: ConvRow, round_: int) -> None:
        mask = self._masks[row.active][round_ % POSITIONS]
        self._engine.run(row.level, self._pictures[0, 0], mask)
        elapsed, pixels = self._engine.run(row.level, self._pictures[1, 0], mask)
        row.times_ms.append(elapsed)
        row.computed.append(pixels)

    def _compare(self) -> None:
        """Errors at the active pixels, with the output of the first peer in float32 for the same picture."""
        reference = reference_peer(self._peers)
        if reference is None:
            return
        expected = reference.infer(self._pictures[1])["y"][0].copy()
        scale = float(np.abs(expected).max()) or 1.0
        for row in self._rows:
            mask = self._masks[row.active][0]
            self._engine.run(row.level, self._pictures[0, 0], mask)
            self._engine.run(row.level, self._pictures[1, 0], mask)
            difference = np.abs(self._engine.output(row.level) - expected)[:, reached(row.shape, mask)]
            row.error = float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0)) / scale


def _total(kind: str, level: str, active: float, rows: list[ConvRow]) -> dict[str, Any]:
    peers = [name for name in TIMED_PEERS if name in rows[0].peer_times_ms]
    ratios = [(row.ratio() or 0.0, row.shape.name) for row in rows]
    least = min(ratios) if peers else (None, None)
    return {
        "kind": kind,
        "level": level,
        "active": active,
        "shapes": len(rows),
        f"{OWN}_gflops": _speed(rows, OWN),
        **{f"{name}_gflops": _speed(rows, name) if name in peers else None for name in TIMED_PEERS},
        "efficiency": _efficiency(rows, best=False) if peers else None,
        "efficiency_best": _efficiency(rows, best=True) if peers else None,
        "ratio_least": least[0],
        "shape_least": least[1],
    }


def _work(row: ConvRow, name: str) -> float:
    pixels = row.pixels if name == OWN else row.shape.pixels
    return row.shape.count * row.shape.macs_per_pixel * pixels


def _speed(rows: list[ConvRow], name: str) -> float:
    """GFLOP/s over all rows, each `count` times."""
    return sum(_work(row, name) for row in rows) / sum(_work(row, name) / row.gflops(name) for row in rows)


def _efficiency(rows: list[ConvRow], best: bool) -> float:
    """What the faster peer of each row takes for the active pixels' share / what the engine takes."""
    peers = sum(_work(row, OWN) / max(row.gflops(name, best) for name in row.peer_times_ms) for row in rows)
    return peers / sum(_work(row, OWN) / row.gflops(best=best) for row in rows)
