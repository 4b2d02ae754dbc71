"""Where a frame's time goes: every layer of the CPU engine, what is no arithmetic, and what lies around the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter_ns
from typing import Any

import numpy as np

from edgeskip.backends.base import LayerInfo
from edgeskip.backends.registry import choose
from edgeskip.evaluate.frames import picture_input, prepared_chunks, require_frames
from edgeskip.evaluate.machine import describe_machine
from edgeskip.evaluate.statistics import Statistics
from edgeskip.graph.skip_model import ConvInfo, SkipModel

MASKS = "masks"
GATES = "gates"


@dataclass
class LayerProfile:
    """One layer: `ms` and `active` (computed pixels / all) by frame; `kind` such as "conv 3x3/2"."""

    layer: LayerInfo
    kind: str
    ms: list[float] = field(default_factory=list)
    active: list[float] = field(default_factory=list)

    @property
    def gflops(self) -> float | None:
        """GFLOP/s over all frames; None for what is no convolution, or took no time."""
        return 2 * self.layer.macs * sum(self.active) / 1e6 / sum(self.ms) if self.layer.macs and sum(self.ms) else None

    def record(self, frame_ms: float) -> dict[str, Any]:
        """For JSON; `share` of the median frame."""
        median = float(np.median(self.ms))
        return {
            "name": self.layer.name,
            "op": self.layer.op,
            "kind": self.kind,
            "shape": list(self.layer.shape),
            "where": self.layer.where,
            "ms_median": median,
            "share": median / frame_ms,
            "active_fraction": float(np.median(self.active)) if self.active else None,
            "gflops": self.gflops,
        }


@dataclass
class ProfileResult:
    """Milliseconds by layer; `frame_ms` are whole calls, `other_ms` what each spent outside all layers."""

    model: str
    source: str
    threads: int
    level: str
    precision: str
    layers: list[LayerProfile]
    frame_ms: list[float]
    other_ms: list[float]
    fractions: list[float]
    machine: dict[str, Any] = field(default_factory=describe_machine)

    def sorted_layers(self) -> list[LayerProfile]:
        """Layers, the one that takes longest first."""
        return sorted(self.layers, key=lambda layer: -float(np.median(layer.ms)))

    def kinds(self) -> list[dict[str, Any]]:
        """Totals by kind, the longest first: layers, milliseconds (median over frames of the sum), share, GFLOP/s."""
        groups: dict[str, list[LayerProfile]] = {}
        for layer in self.layers:
            groups.setdefault(layer.kind, []).append(layer)
        frame = Statistics.of(self.frame_ms).median
        totals = []
        for kind, layers in groups.items():
            median = float(np.median(np.sum([layer.ms for layer in layers], axis=0)))
            work = sum(2 * layer.layer.macs * sum(layer.active) for layer in layers)
            time = sum(sum(layer.ms) for layer in layers)
            speed = work / 1e6 / time if work and time else None
            totals.append(
                {"kind": kind, "layers": len(layers), "ms_median": median, "share": median / frame, "gflops": speed}
            )
        return sorted(totals, key=lambda total: -total["ms_median"])

    def overhead(self) -> dict[str, float]:
        """Shares of all frames' time that are no layer's arithmetic: gates, ops on masks, and around the engine."""
        whole = sum(self.frame_ms)
        parts = {
            name: sum(sum(layer.ms) for layer in self.layers if layer.kind == name) / whole for name in (GATES, MASKS)
        }
        parts["outside"] = sum(self.other_ms) / whole
        return {**parts, "total": sum(parts.values())}

    def record(self) -> dict[str, Any]:
        """What `edgeskip bench profile --json` prints."""
        frame = Statistics.of(self.frame_ms)
        return {
            "model": self.model,
            "source": self.source,
            "frames": len(self.frame_ms),
            "threads": self.threads,
            "machine": self.machine,
            "level": self.level,
            "precision": self.precision,
            "active_mac_fraction": float(np.mean(self.fractions)),
            "active_mac_fraction_median": float(np.median(self.fractions)),
            **frame.record("ms"),
            "outside_ms_median": Statistics.of(self.other_ms).median,
            "overhead": self.overhead(),
            "kinds": self.kinds(),
            "layers": [layer.record(frame.median) for layer in self.sorted_layers()],
        }


def profile(
    model: SkipModel,
    pictures: Iterable[np.ndarray],
    *,
    threads: int = 1,
    frames: int | None = None,
    warmup: int = 10,
    source: str = "",
    precision: str = "f32",
    progress: Callable[[int], None] | None = None,
) -> ProfileResult:
    """Time every layer of `model` in the CPU engine on `pictures` (uint8 [h, w, 3], BGR), after `warmup` of them.

    Raises:
        BackendError: the CPU engine can't run here. ModelError, InputError: the model or source can't be measured.
    """
    _, preparation = picture_input(model)
    backend, _ = choose("cpu", model)
    limit = None if frames is None else frames + warmup
    with backend.create_runner(model, threads=threads, profile=True, precision=precision) as runner:
        layers = _layers(runner.layers, {info.name: info for info in model.convolutions})
        result = ProfileResult(model.file, source, threads, "", "", [], [], [], [])
        result.level, result.precision = runner.level, runner.precision  # type: ignore[attr-defined]
        index = 0
        for chunk in prepared_chunks(islice(iter(pictures), limit), preparation):
            for picture, _ in chunk:
                begin = perf_counter_ns()
                frame = runner.infer(picture)
                elapsed = (perf_counter_ns() - begin) / 1e6
                index += 1
                if index <= warmup:
                    continue
                times = runner.layer_times_ms()  # type: ignore[attr-defined]
                _count(layers, times, frame.active_pixels)
                result.frame_ms.append(elapsed)
                result.other_ms.append(max(elapsed - sum(times.values()), 0.0))
                result.fractions.append(frame.active_mac_fraction)
                if progress is not None:
                    progress(len(result.frame_ms))
    require_frames(len(result.frame_ms), warmup)
    result.layers = list(layers.values())
    return result


def _layers(infos: list[LayerInfo], convolutions: dict[str, ConvInfo]) -> dict[str, LayerProfile]:
    return {info.name: LayerProfile(info, _kind(info, convolutions.get(info.name))) for info in infos}


def _kind(info: LayerInfo, convolution: ConvInfo | None) -> str:
    if info.where != "engine":
        return "dense segments"
    if convolution is None:
        return GATES if info.op == "SkipGate" else info.op
    attributes = convolution.node.attributes
    stride = attributes["strides"][0]
    kernel = "x".join(map(str, attributes["kernel_shape"])) + (f"/{stride}" if stride > 1 else "")
    group = attributes["group"]
    if attributes["transposed"]:
        return f"transposed {kernel}"
    if group == 1:
        return f"conv {kernel}"
    return f"depthwise {kernel}" if group == convolution.in_shape[1] else f"grouped {kernel}"


def _count(layers: dict[str, LayerProfile], times: dict[str, float], pixels: dict[str, int]) -> None:
    """Add one frame; times of what is no layer are those of ops on masks."""
    for name in times:
        if name not in layers:
            # every layer has a time for each frame, so a new one can only come with the first
            layers[name] = LayerProfile(LayerInfo(name, "SkipMask", name, ()), MASKS)
    for name, layer in layers.items():
        layer.ms.append(times.get(name, 0.0))
        if layer.layer.macs:
            layer.active.append(pixels.get(name, 0) / max(layer.layer.pixels, 1))
