"""Options that mean the same in every command, and how values are read from them."""

from __future__ import annotations

import re
from typing import Annotated

import typer

BUNDLED = "bundled"
DEFAULT_TOLERANCE = 0.06

EXPORTING = "Exporting (where the model is a dense network)"

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A skip model, a dense .onnx network, or `bundled`.", show_default=False)
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="URI",
        help="Video: a file, folder or glob of pictures, camera number, /dev/video0, rtsp://, csi://0, "
        "synthetic:SCENE?seed=1&size=640x384.",
        show_default="the synthetic scene",
    ),
]
Backend = Annotated[str, typer.Option("--backend", help="What runs the skip model: auto, or a name that doctor lists.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of each network.", show_default="all usable cores")
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="[f32|bf16]",
        help="What the CPU engine's convolutions multiply. bf16 is faster where the CPU has it (see doctor), to 2 or 3 "
        "digits.",
    ),
]
Start = Annotated[int, typer.Option("--start", min=0, help="Frame of the source to start at.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Tolerance = Annotated[
    float,
    typer.Option(
        "--tolerance",
        min=0.0,
        help="Change that a layer lets pass, as a share of its own activations; 0 is exact.",
        rich_help_panel=EXPORTING,
    ),
]
FrameThreshold = Annotated[
    float | None,
    typer.Option(
        "--frame-threshold",
        min=0.0,
        help="Change of the picture that counts as noise, in grey levels of 255.",
        show_default="set from --tolerance",
        rich_help_panel=EXPORTING,
    ),
]
TaskName = Annotated[
    str, typer.Option("--task", help="What the outputs mean: auto, or a decoder's name.", rich_help_panel=EXPORTING)
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="FILE|A,B,...",
        help="Names of the classes: a text file with one a line, or a comma list.",
        rich_help_panel=EXPORTING,
        show_default=False,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="WxH",
        help="Picture size of a network whose own is not fixed.",
        rich_help_panel=EXPORTING,
        show_default=False,
    ),
]


def examples(*commands: str) -> str:
    """The epilog that ends a `--help`."""
    return "\n\n".join(["[bold]Examples[/bold]", *(f"  $ {command}" for command in commands)])


def read_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) of "640x384". Raises typer.BadParameter."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)[xX](\d+)", text)
    if match is None or not (0 < int(match[1]) <= 16384 and 0 < int(match[2]) <= 16384):
        raise typer.BadParameter(f"{text!r} is not WIDTHxHEIGHT, such as 640x384", param_hint="--size")
    return int(match[1]), int(match[2])


def read_channels(text: str | None, option: str) -> tuple[float, ...] | None:
    """One number per channel from "1,2,3" (or one for all). Raises typer.BadParameter."""
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, 3):
        raise typer.BadParameter(f"{text!r} is not one number or three, such as 104,117,123", param_hint=option)
    return values


def engine_options(precision: str) -> dict[str, str]:
    """Options of a runner for `--precision`. Raises typer.BadParameter."""
    return {} if read_precision(precision) == "f32" else {"precision": precision}


def read_precision(text: str) -> str:
    """`text` where it is a precision. Raises typer.BadParameter."""
    if text not in ("f32", "bf16"):
        raise typer.BadParameter(f"{text!r} is not f32 or bf16", param_hint="--precision")
    return text


def thread_count(threads: int | None) -> int:
    """`threads`, or the cores that this process may use."""
    from edgeskip.doctor.machine import usable_cores

    return threads or usable_cores()
