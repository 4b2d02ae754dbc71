"""`edgeskip export`: a dense ONNX network becomes a skip model."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeskip.cli.options import (
    DEFAULT_TOLERANCE,
    FrameThreshold,
    Json,
    Labels,
    Size,
    TaskName,
    Tolerance,
    examples,
    read_channels,
    read_size,
)

if TYPE_CHECKING:
    from edgeskip.graph.skip_model import SkipModel


class Norm(str, Enum):
    """Norm over channels of a pixel's change."""

    L2 = "l2"
    L1 = "l1"
    LINF = "linf"


class Color(str, Enum):
    """Channel order that the network reads."""

    BGR = "BGR"
    RGB = "RGB"
    GRAY = "GRAY"


class Resize(str, Enum):
    """How a picture gets the network's size."""

    LETTERBOX = "letterbox"
    STRETCH = "stretch"


class Block(str, Enum):
    """Side of the square of pixels that is computed together."""

    B1 = "1"
    B2 = "2"
    B4 = "4"
    B8 = "8"


_PICTURE = "Picture (where the task's usual preparation is not the network's)"
_RANGES = "Activation ranges"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip export yolox.onnx -o yolox.skip.onnx --video street.mp4",
        "edgeskip export net.onnx -o net.skip.onnx --task segmentation --color RGB --scale 0.00392157",
    )
    app.command("export", epilog=lines)(export)


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The dense .onnx network.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.onnx", help="Where the skip model goes.")],
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    frame_threshold: FrameThreshold = None,
    norm: Annotated[Norm, typer.Option(help="Norm over channels of a pixel's change.")] = Norm.L2,
    block: Annotated[Block, typer.Option(help="Square of pixels computed together; changes cost, not results.")] = (
        Block.B1
    ),
    size: Size = None,
    task: TaskName = "auto",
    labels: Labels = None,
    score_threshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Score of a detection.", show_default="the task's")
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="Video to take the ranges from.", show_default="the synthetic scene",
            rich_help_panel=_RANGES,
        ),
    ] = None,
    start: Annotated[
        int, typer.Option(min=0, help="Frame of the video to start at.", rich_help_panel=_RANGES)
    ] = 0,
    calibration_frames: Annotated[
        int, typer.Option(min=1, help="How many frames, spread over the video's next 400.", rich_help_panel=_RANGES)
    ] = 8,
    mean: Annotated[
        str | None,
        typer.Option(metavar="B,G,R", help="Subtracted, in grey levels, in the network's channel order.",
                     rich_help_panel=_PICTURE, show_default="the task's"),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(metavar="B,G,R", help="Multiplied after that; one number serves all channels.",
                     rich_help_panel=_PICTURE, show_default="the task's"),
    ] = None,
    color: Annotated[
        Color | None, typer.Option(help="Channel order.", rich_help_panel=_PICTURE, show_default="the task's")
    ] = None,
    resize: Annotated[
        Resize | None, typer.Option(help="How a picture gets the size.", rich_help_panel=_PICTURE,
                                    show_default="the task's")
    ] = None,
    pad_value: Annotated[
        float | None, typer.Option(help="Fill of a letterbox.", rich_help_panel=_PICTURE, show_default="the task's")
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Turn a dense ONNX network into a skip model: states, gates and masks, in one .onnx file."""
    from edgeskip.cli.console import print_json, say
    from edgeskip.cli.export_summary import print_summary, summary
    from edgeskip.cli.networks import ExportChoices, export_model
    from edgeskip.cli.outputs import require_writable
    from edgeskip.graph.skip_model import save_skip_model

    choices = ExportChoices(
        tolerance, frame_threshold, norm.value, int(block.value), read_size(size), task, labels, score_threshold,
        color.value if color else None, resize.value if resize else None, pad_value,
        read_channels(mean, "--mean"), read_channels(scale, "--scale"), video, calibration_frames, start,
    )  # fmt: skip
    require_writable(output)
    skip_model: SkipModel = export_model(model, choices)
    save_skip_model(skip_model, output)
    record = summary(skip_model, output)
    if json:
        print_json(record)
    else:
        print_summary(record)
        say(f"\nTry it: edgeskip demo --model {output}")
