"""What a layer costs, in microseconds: as the plugin at some active share, and as TensorRT's own dense convolution.

Measured rows of layer_times.csv decide where the device has some; else a roofline of gpu_table.csv, which is said to be
a prediction. A layer's time is launches + the larger of products / peak and bytes / bandwidth, each at the share of
the peak that such kernels reach.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path

from edgeskip.core.errors import BackendError

_FOLDER = Path(__file__).parent
# share of the peak that is reached; design goals until measured: the plugin at 0.6 of dense where everything is active
_DENSE_SHARE, _PLUGIN_SHARE, _BANDWIDTH_SHARE = 0.6, 0.36, 0.75
# kernels enqueued: dilate, compact, convolve; or convolution, gate (its two reads and one write of y follow)
_PLUGIN_LAUNCHES, _DENSE_LAUNCHES = 3, 2
_TENSOR_CORE_CHANNELS = 16  # fewer per group can't fill an mma fragment


@dataclass(frozen=True)
class LayerShape:
    """A convolution as the cost model sees it; sizes are those of the output."""

    kernel: tuple[int, int]
    stride: int
    group: int
    in_channels: int
    out_channels: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Output pixels of one picture."""
        return self.height * self.width

    @property
    def macs_per_pixel(self) -> int:
        """Multiply-accumulates of one output pixel."""
        return self.kernel[0] * self.kernel[1] * self.in_channels // self.group * self.out_channels


@dataclass(frozen=True)
class LayerTimes:
    """Microseconds of a layer: the plugin's are `fixed + active * full`, the dense convolution's `dense`."""

    fixed: float
    full: float
    dense: float
    source: str

    def plugin(self, active: float) -> float:
        """The plugin at an active share."""
        return self.fixed + active * self.full

    @property
    def break_even(self) -> float:
        """Active share above which the plugin is slower; 0: always slower, 1: never."""
        return min(1.0, max(0.0, (self.dense - self.fixed) / self.full)) if self.full > 0 else 1.0


@dataclass(frozen=True)
class Gpu:
    """A row of gpu_table.csv."""

    capability: tuple[int, int]
    name: str
    fp16_tflops: float
    fp32_tflops: float
    bandwidth_gbs: float
    launch_us: float
    source: str


def layer_times(
    shape: LayerShape, capability: tuple[int, int], precision: str, streams: int, table: Path | None = None
) -> LayerTimes:
    """Times of a layer on a GPU of `capability`, measured ones first. Raises BackendError on a broken table."""
    rows = [row for row in measured(table) if row.capability == capability and row.precision == precision]
    return _scaled(shape, rows, streams) if rows else _predicted(shape, gpu_class(capability), precision, streams)


def gpu_class(capability: tuple[int, int]) -> Gpu:
    """The row for a compute capability, or the newest older one."""
    rows = sorted(_gpus(), key=lambda gpu: gpu.capability)
    older = [gpu for gpu in rows if gpu.capability <= capability]
    return older[-1] if older else rows[0]


def _predicted(shape: LayerShape, gpu: Gpu, precision: str, streams: int) -> LayerTimes:
    size = 2 if precision == "fp16" else 4
    on_tensor_cores = precision == "fp16" and min(shape.in_channels, shape.out_channels) // shape.group >= (
        _TENSOR_CORE_CHANNELS
    )
    peak = 1e6 * (gpu.fp16_tflops if on_tensor_cores else gpu.fp32_tflops)  # operations per microsecond
    bandwidth = 1e3 * gpu.bandwidth_gbs * _BANDWIDTH_SHARE  # bytes per microsecond
    pixels = streams * shape.pixels
    operations = 2.0 * pixels * shape.macs_per_pixel
    weights = size * shape.macs_per_pixel
    reads = size * pixels * shape.stride**2 * shape.in_channels
    writes = size * pixels * shape.out_channels
    # behind the dense convolution the gate reads it and the old output, and writes the new one
    dense = max(operations / (peak * _DENSE_SHARE), (reads + writes + weights) / bandwidth) + 3 * writes / bandwidth
    taps = min(shape.kernel[0] * shape.kernel[1], 3)  # neighbours that are not in the cache
    full = max(operations / (peak * _PLUGIN_SHARE), (taps * reads + 2 * writes) / bandwidth)
    masks = 4.0 * pixels * (shape.stride**2 + 2) / bandwidth
    fixed = _PLUGIN_LAUNCHES * gpu.launch_us + masks + weights / bandwidth
    source = f"predicted from a roofline of {gpu.name} ({gpu.source}), not measured"
    return LayerTimes(fixed, full, dense + _DENSE_LAUNCHES * gpu.launch_us, source)


@dataclass(frozen=True)
class MeasuredRow:
    """A row of layer_times.csv."""

    capability: tuple[int, int]
    precision: str
    shape: LayerShape
    streams: int
    active: float
    plugin_us: float
    tensorrt_us: float
    source: str


def _scaled(shape: LayerShape, rows: list[MeasuredRow], streams: int) -> LayerTimes:
    """The nearest measured layer, a line through its shares, what depends on the work scaled by the products."""
    nearest = min(rows, key=lambda row: _distance(shape, streams, row))
    same = [row for row in rows if row.shape == nearest.shape and row.streams == nearest.streams]
    low, high = min(same, key=lambda row: row.active), max(same, key=lambda row: row.active)
    slope = (high.plugin_us - low.plugin_us) / (high.active - low.active) if high.active > low.active else 0.0
    fixed = max(low.plugin_us - slope * low.active, 0.0)
    work = (shape.macs_per_pixel * shape.pixels * streams) / (
        nearest.shape.macs_per_pixel * nearest.shape.pixels * nearest.streams
    )
    exact = shape == nearest.shape and streams == nearest.streams
    source = (
        f"measured ({nearest.source})"
        if exact
        else f"scaled from the nearest layer that was measured ({nearest.source})"
    )
    return LayerTimes(fixed, slope * work, nearest.tensorrt_us * work, source)


def _distance(shape: LayerShape, streams: int, row: MeasuredRow) -> float:
    other = row.shape
    pairs = [
        (shape.macs_per_pixel, other.macs_per_pixel), (shape.pixels * streams, other.pixels * row.streams),
        (shape.kernel[0] * shape.kernel[1], other.kernel[0] * other.kernel[1]),
        (shape.in_channels // shape.group, other.in_channels // other.group), (shape.stride, other.stride),
    ]  # fmt: skip
    return sum(abs(log(max(a, 1) / max(b, 1))) for a, b in pairs)


@cache
def measured(table: Path | None = None) -> tuple[MeasuredRow, ...]:
    """The rows of `table`, or of the one that comes along. Raises BackendError where it can't be read."""
    path = table or _FOLDER / "layer_times.csv"
    try:
        return tuple(_measured_row(record) for record in _records(path))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackendError(
            f"{path}: not a table of layer times: {error}",
            hint="make one on this device: benchmarks/gpu/run.sh, or leave --layer-times out",
        ) from error


def _measured_row(record: dict[str, str]) -> MeasuredRow:
    kernel = tuple(int(part) for part in record["kernel"].split("x"))
    numbers = [int(record[key]) for key in ("stride", "group", "in_channels", "out_channels", "height", "width")]
    shape = LayerShape((kernel[0], kernel[-1]), *numbers)
    times = (float(record[key]) for key in ("active", "plugin_us", "tensorrt_us"))
    return MeasuredRow(
        _capability(record["capability"]), record["precision"], shape, int(record["streams"]), *times, record["source"]
    )


@cache
def _gpus() -> tuple[Gpu, ...]:
    numbers = ("fp16_tflops", "fp32_tflops", "bandwidth_gbs", "launch_us")
    return tuple(
        Gpu(_capability(row["capability"]), row["name"], *(float(row[key]) for key in numbers), row["source"])
        for row in _records(_FOLDER / "gpu_table.csv")
    )


def _records(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(lines))


def _capability(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
