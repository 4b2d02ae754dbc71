"""Convolution shapes of the kernel benchmark, as a JSON or CSV file lists them.

One row is one shape: in_channels, out_channels, height and width (of the input picture) and kernel; and, where they
differ from the usual, stride, pad, dilation, group, activation, count (how often the network has it) and name. kernel,
stride and dilation are one number or two (height, width); pad is one, two (height, width) or four (top, left, bottom,
right). In CSV these numbers stand in one cell with spaces between them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeskip.core.errors import InputError

# name in a shape file: kind of the contract, alpha, beta
ACTIVATIONS: dict[str, tuple[str, tuple[float, ...], float]] = {
    "none": ("none", (), 0.0),
    "relu": ("relu", (), 0.0),
    "relu6": ("clip", (0.0,), 6.0),
    "leaky_relu": ("leaky_relu", (0.01,), 0.0),
    "silu": ("silu", (), 0.0),
    "hard_swish": ("hard_swish", (), 0.0),
    "sigmoid": ("sigmoid", (), 0.0),
    "tanh": ("tanh", (), 0.0),
}
COLUMNS = (
    "name", "in_channels", "out_channels", "height", "width", "kernel", "stride", "pad", "dilation", "group",
    "activation", "count",
)  # fmt: skip
_DEFAULTS: dict[str, Any] = {"stride": 1, "pad": 0, "dilation": 1, "group": 1, "activation": "none", "count": 1}
_HINT = f"a row has in_channels, out_channels, height, width, kernel, and where they differ from the usual: " \
        f"{', '.join(_DEFAULTS)}, name"  # fmt: skip


@dataclass(frozen=True)
class ConvShape:
    """One convolution: input picture [in_channels, height, width], pads top, left, bottom, right."""

    in_channels: int
    out_channels: int
    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    group: int = 1
    activation: str = "none"
    count: int = 1
    name: str = ""

    @property
    def output(self) -> tuple[int, int]:
        """(height, width) of the output picture."""
        sizes = []
        for axis, size in enumerate((self.height, self.width)):
            reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            sizes.append((size + self.pad[axis] + self.pad[axis + 2] - reach) // self.stride[axis] + 1)
        return sizes[0], sizes[1]

    @property
    def pixels(self) -> int:
        """Pixels of the output picture."""
        return self.output[0] * self.output[1]

    @property
    def macs_per_pixel(self) -> int:
        """Multiply-accumulates for one output pixel, all channels."""
        return self.out_channels * (self.in_channels // self.group) * self.kernel[0] * self.kernel[1]

    @property
    def kind(self) -> str:
        """ "depthwise", "grouped", "pointwise" or "convolution"."""
        if self.group > 1:
            return "depthwise" if self.group == self.in_channels else "grouped"
        return "pointwise" if self.kernel == (1, 1) else "convolution"

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """[out_channels, in_channels / group, kernel height, kernel width]."""
        return self.out_channels, self.in_channels // self.group, *self.kernel

    def described(self) -> str:
        """A name from the sizes, such as "3x3/2 3>64 224x224 relu"."""
        stride = "" if self.stride == (1, 1) else f"/{self.stride[0]}"
        dilation = "" if self.dilation == (1, 1) else f"*{self.dilation[0]}"
        group = "" if self.group == 1 else " dw" if self.kind == "depthwise" else f" g{self.group}"
        activation = "" if self.activation == "none" else f" {self.activation}"
        channels = f"{self.in_channels}>{self.out_channels}"
        usual = tuple((self.kernel[axis] - 1) * self.dilation[axis] // 2 for axis in (0, 1)) * 2
        pad = "" if self.pad == usual else f" pad {','.join(map(str, self.pad))}"
        size = f"{self.kernel[0]}x{self.kernel[1]}{stride}{dilation}"
        return f"{size}{group} {channels} {self.height}x{self.width}{pad}{activation}"


def read_shapes(path: str | Path) -> list[ConvShape]:
    """The shapes of a JSON file (a list of rows, or an object with the list as "shapes") or a CSV file with a header.

    Raises:
        InputError: the file can't be read, holds no shape, or a row is no convolution; names file, row and value.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise InputError(
            f"can't read the shapes {path}: {reason}", hint="shapes of real networks are in benchmarks/shapes/"
        ) from error
    rows = _json_rows(text, path) if text.lstrip()[:1] in ("{", "[") else list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise InputError(f"{path} holds no shapes", hint=_HINT)
    shapes = [_shape(row, f"{path}, shape {number}") for number, row in enumerate(rows, 1)]
    _require_unique(shapes, path)
    return shapes


def _json_rows(text: str, path: str | Path) -> list[Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is no JSON: {error}", hint="mend it, or give a CSV file with a header") from error
    rows = value.get("shapes") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise InputError(f'{path} has no list of shapes: a list of rows, or {{"shapes": [rows]}}', hint=_HINT)
    return rows


def _shape(row: Any, where: str) -> ConvShape:
    if not isinstance(row, Mapping) or None in row or None in row.values():
        raise InputError(f"{where}: a row has one value for each of its columns: {row}", hint=_HINT)
    unknown = [key for key in row if key not in COLUMNS]
    missing = [key for key in COLUMNS[1:6] if key not in row]
    if unknown or missing:
        what = f"there is no column {unknown[0]!r}" if unknown else f"{missing[0]} is missing"
        raise InputError(f"{where}: {what}", hint=_HINT)
    given = {**_DEFAULTS, **{key: value for key, value in row.items() if value != ""}}
    numbers = ("in_channels", "out_channels", "height", "width", "group", "count")
    values = {key: _integers(given[key], (1,), 1, f"{where}: {key}")[0] for key in numbers}
    kernel, stride, dilation = (
        _pair(_integers(given[key], (1, 2), 1, f"{where}: {key}")) for key in ("kernel", "stride", "dilation")
    )
    pad = _integers(given["pad"], (1, 2, 4), 0, f"{where}: pad")
    shape = ConvShape(
        **values, kernel=kernel, stride=stride, dilation=dilation, pad=pad if len(pad) == 4 else _pair(pad) * 2,
        activation=str(given["activation"]), name=str(given.get("name", "")),
    )  # fmt: skip
    _require_possible(shape, where)
    return shape if shape.name else ConvShape(**{**vars(shape), "name": shape.described()})


def _integers(value: Any, lengths: tuple[int, ...], least: int, what: str) -> tuple[int, ...]:
    parts = value.split() if isinstance(value, str) else value if isinstance(value, list) else [value]
    try:
        numbers = tuple(int(part) for part in parts)
        exact = not any(isinstance(part, bool | float) for part in parts)
    except (TypeError, ValueError, OverflowError):
        numbers, exact = (), False
    if not exact or len(numbers) not in lengths or min(numbers) < least:
        allowed = " or ".join(map(str, lengths))
        raise InputError(f"{what} must be {allowed} whole number(s), each at least {least}: {value!r}", hint=_HINT)
    return numbers


def _pair(numbers: tuple[int, ...]) -> tuple[int, int]:
    return numbers[0], numbers[-1]


def _require_possible(shape: ConvShape, where: str) -> None:
    if shape.activation not in ACTIVATIONS:
        raise InputError(
            f"{where}: there is no activation {shape.activation!r}", hint=f"choose among: {', '.join(ACTIVATIONS)}"
        )
    if shape.in_channels % shape.group or shape.out_channels % shape.group:
        raise InputError(
            f"{where}: {shape.in_channels} input and {shape.out_channels} output channels don't split into "
            f"{shape.group} groups", hint="group divides both; a depthwise convolution has group = in_channels",
        )  # fmt: skip
    if min(shape.output) < 1:
        raise InputError(
            f"{where}: a kernel of {shape.kernel} does not fit a picture of {shape.height}x{shape.width}",
            hint="give pads, a larger picture or a smaller kernel",
        )


def _require_unique(shapes: list[ConvShape], path: str | Path) -> None:
    names = [shape.name for shape in shapes]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise InputError(f"{path}: two shapes are called {doubled[0]!r}", hint="give each a name of its own")
