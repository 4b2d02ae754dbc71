"""`edgeskip export`: a dense ONNX network, or a torch network with trained gates, becomes a skip model."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeskip.cli.options import (
    EXPORTING,
    FrameThreshold,
    Json,
    Labels,
    Size,
    TaskName,
    examples,
    read_channels,
    read_size,
)
from edgeskip.cli.tensorrt_options import (
    LOWERING,
    ChannelsFirst,
    ExpectedActive,
    GpuName,
    Half,
    PluginPolicy,
    Policy,
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


class Residual(str, Enum):
    """Where a residual sum is formed."""

    FUSED = "fused"
    APART = "apart"


class Reader(str, Enum):
    """What reads the file."""

    EDGESKIP = "edgeskip"
    TENSORRT = "tensorrt"


class Exporter(str, Enum):
    """Exporter of torch."""

    TORCHSCRIPT = "torchscript"
    DYNAMO = "dynamo"


_TORCH = "Torch networks"
_PICTURE = "Picture (where the task's usual preparation is not the network's)"
_RANGES = "Activation ranges"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip export yolox.onnx -o yolox.skip.onnx --video street.mp4",
        "edgeskip export net.onnx -o net.skip.onnx --task segmentation --color RGB --scale 0.00392157",
        "edgeskip export net.skip.onnx --for tensorrt --fp16 -o net.trt.onnx",
        "edgeskip export --torch my_networks.pose:build --weights gates.pth --size 288x384 -o pose.skip.onnx",
    )
    app.command("export", epilog=lines)(export)


def export(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.onnx", help="Where the skip model goes.")],
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="The dense .onnx network.", show_default=False)
    ] = None,
    torch: Annotated[
        str | None,
        typer.Option(
            "--torch", metavar="PACKAGE.MODULE:FACTORY", help="Instead of MODEL: what makes the torch network, with or "
            "without trained gates (edgeskip.nn). Needs --size.", rich_help_panel=_TORCH, show_default=False,
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its checkpoint: .pt, .pth or .safetensors.", rich_help_panel=_TORCH,
                     show_default=False),
    ] = None,
    exporter: Annotated[
        Exporter, typer.Option(help="Which of torch's exporters traces it.", rich_help_panel=_TORCH)
    ] = Exporter.TORCHSCRIPT,
    tolerance: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Change that a layer without a trained gate lets pass, as a share of its own activations; 0 "
            "is exact.", rich_help_panel=EXPORTING, show_default="0.06, or 0 beside trained gates",
        ),
    ] = None,
    frame_threshold: FrameThreshold = None,
    norm: Annotated[Norm, typer.Option(help="Norm over channels of a pixel's change.")] = Norm.L2,
    block: Annotated[Block, typer.Option(help="Square of pixels computed together; changes cost, not results.")] = (
        Block.B1
    ),
    residual: Annotated[
        Residual, typer.Option(help="Residual sums of a dense .onnx: within the convolution before them, or as ops of "
                               "their own, at the cost of one more map each. Only cost changes; fused was never slower "
                               "where both were measured.")
    ] = Residual.FUSED,
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
        int,
        typer.Option(min=1, help="How many frames, spread over the video's next 400; with trained gates the next ones, "
                     "on which torch and the file are compared.", rich_help_panel=_RANGES),
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
    reader: Annotated[
        Reader, typer.Option("--for", help="What reads the file. tensorrt: the network as `edgeskip build` gives it to "
                             "TensorRT, for trtexec and others; MODEL may then be a skip model.",
                             rich_help_panel=LOWERING)
    ] = Reader.EDGESKIP,
    half: Half = False,
    channels_first: ChannelsFirst = False,
    policy: Policy = PluginPolicy.ALL,
    expected_active: ExpectedActive = None,
    gpu: GpuName = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Turn a network into a skip model: states, gates and masks, in one .onnx file.

    The network is a dense .onnx file, or what --torch makes: its trained gates are kept, and the result is compared
    with torch frame by frame.
    """
    from edgeskip.cli.build_targets import show
    from edgeskip.cli.console import print_json, say
    from edgeskip.cli.export_lowered import LoweredExport, export_lowered
    from edgeskip.cli.export_summary import print_summary, summary
    from edgeskip.cli.networks import ExportChoices, export_model, export_torch_model
    from edgeskip.cli.outputs import require_writable
    from edgeskip.graph.skip_model import save_skip_model

    if (model is None) == (torch is None):
        raise typer.BadParameter("give either a MODEL or --torch PACKAGE.MODULE:FACTORY", param_hint="MODEL")
    if torch is not None and residual is Residual.APART:
        raise typer.BadParameter("in a --torch network gates decide where sums are formed", param_hint="--residual")
    if torch is None and weights is not None:
        raise typer.BadParameter("--weights are those of a --torch network", param_hint="--weights")
    choices = ExportChoices(
        tolerance, frame_threshold, norm.value, int(block.value), read_size(size), task, labels, score_threshold,
        color.value if color else None, resize.value if resize else None, pad_value,
        read_channels(mean, "--mean"), read_channels(scale, "--scale"), video, calibration_frames, start,
        residual is Residual.APART,
    )  # fmt: skip
    require_writable(output)
    if reader is Reader.TENSORRT:
        lowered = LoweredExport(half, channels_first, policy, expected_active, gpu)
        show(export_lowered(model, torch, weights, exporter.value, choices, lowered, output), json)
        return
    if half or channels_first or expected_active is not None or gpu:
        raise typer.BadParameter("--fp16, --channels-first, --expected-active and --gpu go with --for tensorrt",
                                 param_hint="--for")  # fmt: skip
    skip_model: SkipModel = (
        export_model(model, choices) if model else export_torch_model(torch, weights, exporter.value, choices)
    )
    save_skip_model(skip_model, output)
    record = summary(skip_model, output)
    if json:
        print_json(record)
    else:
        print_summary(record)
        say(f"\nTry it: edgeskip demo --model {output}")
