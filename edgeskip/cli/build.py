"""`edgeskip build`: a TensorRT engine with its description, or the model for the CPU engine."""

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
    Threads,
    Tolerance,
    examples,
    read_size,
)
from edgeskip.cli.tensorrt_options import Clip, ExpectedActive, Half, LayerTable, PluginPolicy, Policy

if TYPE_CHECKING:
    from edgeskip.graph.skip_model import SkipModel

_BUILDER = "TensorRT: the builder"
_PLUGINS = "TensorRT: the plugin library"


class Target(str, Enum):
    """What the model is built for."""

    TENSORRT = "tensorrt"
    CPU = "cpu"


class Hardware(str, Enum):
    """GPUs that the engine runs on beside this one."""

    NONE = "none"
    AMPERE = "ampere+"
    SAME = "same-capability"


class LayerInfo(str, Enum):
    """What the engine keeps of its layers."""

    LAYERS = "layers"
    DETAILED = "detailed"
    NONE = "none"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip build yolox.skip.onnx --fp16 -o yolox.engine",
        "edgeskip build yolox.skip.onnx --fp16 --streams 1:4:8 --video street.mp4 -o yolox.engine",
        "edgeskip build --plugins-only",
        "edgeskip build yolox.onnx --backend cpu --tolerance 0.04 -o yolox.skip.onnx",
    )
    app.command("build", epilog=lines)(build)


def build(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", show_default=False,
                                   help="A skip model, a dense .onnx network, or `bundled`.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="ENGINE", show_default=False,
                                  help="Where the engine goes; its description is ENGINE.json.")
    ] = None,
    backend: Annotated[
        Target, typer.Option("--backend", help="tensorrt: an engine for this machine's GPU. cpu: the skip model, "
                             "exported if need be, checked and planned by the CPU engine.")
    ] = Target.TENSORRT,
    half: Half = False,
    int8: Annotated[bool, typer.Option("--int8", help="Compute in INT8; needs ranges in the file.")] = False,
    streams: Annotated[
        str, typer.Option("--streams", metavar="MIN:BEST:MAX", help="Cameras that the engine takes at once.")
    ] = "1",
    policy: Policy = PluginPolicy.AUTO,
    expected_active: ExpectedActive = None,
    video: Clip = None,
    layer_times: LayerTable = None,
    workspace: Annotated[
        int | None, typer.Option(min=1, metavar="MIB", help="Device memory that a layer may use while it runs.",
                                 show_default="all of it", rich_help_panel=_BUILDER)
    ] = None,
    optimization_level: Annotated[
        int, typer.Option(min=0, max=5, help="0 builds fast, 5 searches longest.", rich_help_panel=_BUILDER)
    ] = 3,
    tf32: Annotated[
        bool, typer.Option("--tf32", help="Let TensorRT's own FP32 layers round factors to 10 bits.",
                           rich_help_panel=_BUILDER)
    ] = False,
    timing_cache: Annotated[
        bool, typer.Option(help="Keep measured tactics for the next build.", rich_help_panel=_BUILDER)
    ] = True,
    hardware: Annotated[
        Hardware, typer.Option(help="Let the engine run on other GPUs too; slower.", rich_help_panel=_BUILDER)
    ] = Hardware.NONE,
    version_compatible: Annotated[
        bool, typer.Option("--version-compatible", help="Let newer minor versions of TensorRT run the engine.",
                           rich_help_panel=_BUILDER)
    ] = False,
    layer_info: Annotated[
        LayerInfo, typer.Option(help="What the engine keeps of its layers, for profiles.", rich_help_panel=_BUILDER)
    ] = LayerInfo.DETAILED,
    sparse_weights: Annotated[
        bool, typer.Option("--sparse-weights", help="Look for 2:4 sparse weights.", rich_help_panel=_BUILDER)
    ] = False,
    auxiliary_streams: Annotated[
        int | None, typer.Option(min=0, help="CUDA streams that layers may run on side by side.",
                                 show_default="TensorRT's choice", rich_help_panel=_BUILDER)
    ] = None,
    alias_state: Annotated[
        bool, typer.Option("--alias-state", help="Tell TensorRT that state in and out are one tensor (10.3 and newer).",
                           rich_help_panel=_BUILDER)
    ] = False,
    plugins_only: Annotated[
        bool, typer.Option("--plugins-only", help="Compile the plugin library for this machine, and no engine.",
                           rich_help_panel=_PLUGINS)
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Compile it although the cache has it.", rich_help_panel=_PLUGINS)
    ] = False,
    architectures: Annotated[
        str | None, typer.Option(metavar="87,110", help="GPUs that it is compiled for.", show_default="the one here",
                                 rich_help_panel=_PLUGINS)
    ] = None,
    tensorrt_include: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of NvInfer.h.", show_default="found",
                                  rich_help_panel=_PLUGINS)
    ] = None,
    threads: Threads = None,
    json: Json = False,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    frame_threshold: FrameThreshold = None,
    task: TaskName = "auto",
    labels: Labels = None,
    size: Size = None,
) -> None:  # fmt: skip
    """Build a model for this machine: a TensorRT engine in which our plugins skip, or the CPU engine's model.

    An engine runs on the GPU and the TensorRT that it was built with, so build it on the device.
    """
    from edgeskip.cli import build_targets
    from edgeskip.cli.networks import ExportChoices, open_network
    from edgeskip.cli.outputs import require_writable

    if plugins_only:
        library = build_targets.plugin_library(architectures, tensorrt_include, force, alias_state)
        build_targets.show(library, json)
        return
    if model is None or output is None:
        raise typer.BadParameter("give a MODEL and -o ENGINE, or --plugins-only", param_hint="MODEL")
    if half and int8:
        raise typer.BadParameter("choose one: --fp16 or --int8", param_hint="--int8")
    choices = ExportChoices(tolerance, frame_threshold, size=read_size(size), task=task, labels=labels)
    require_writable(output)
    wanted = build_targets.EngineWishes(
        half, streams, policy, expected_active, video, layer_times, workspace, optimization_level, tf32,
        timing_cache, hardware.value, version_compatible, layer_info.value, sparse_weights, auxiliary_streams,
        alias_state, tensorrt_include, force, threads,
    )  # fmt: skip

    def opened() -> SkipModel:
        return build_targets.require_weights(open_network(model, choices).model)

    if backend is Target.CPU:
        if half or int8:
            raise typer.BadParameter("the CPU engine computes in FP32, and with --precision bf16 when it runs",
                                     param_hint="--fp16" if half else "--int8")  # fmt: skip
        record = build_targets.cpu_model(opened(), output, threads)
    else:
        if int8:
            build_targets.refuse_int8(opened())
        machine = build_targets.require_machine()
        record = build_targets.engine(opened(), output, wanted, machine)
    build_targets.show(record, json)
