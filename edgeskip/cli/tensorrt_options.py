"""Options of commands that write for TensorRT, and what follows from them."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeskip.backends.tensorrt.choice import LayerChoice
    from edgeskip.graph.skip_model import SkipModel

PANEL = "TensorRT: who runs a layer"
LOWERING = "For TensorRT"
CLIP_FRAMES = 60
_DEFAULT_CAPABILITY = (8, 7)


class PluginPolicy(str, Enum):
    """Which convolutions the plugin takes."""

    AUTO = "auto"
    ALL = "all"
    NONE = "none"


Policy = Annotated[
    PluginPolicy,
    typer.Option("--plugin-policy", rich_help_panel=PANEL,
                 help="Which convolutions the plugin takes: auto leaves those to TensorRT that it runs faster."),
]  # fmt: skip
Half = Annotated[bool, typer.Option("--fp16", help="Compute in FP16; what decides stays FP32.")]
ExpectedActive = Annotated[
    float | None,
    typer.Option("--expected-active", min=0.0, max=1.0, metavar="SHARE", rich_help_panel=PANEL,
                 help="Share of pixels that is active in each layer.",
                 show_default="from --video, else the file's own, else 0.1"),
]  # fmt: skip
Clip = Annotated[
    str | None,
    typer.Option("--video", metavar="URI", rich_help_panel=PANEL, show_default=False,
                 help="A typical clip: how much of each layer is active is measured on it, on this machine's CPU."),
]  # fmt: skip
GpuName = Annotated[
    str | None,
    typer.Option("--gpu", metavar="sm_87", rich_help_panel=PANEL, help="GPU that the network is written for.",
                 show_default="the one here, else sm_87"),
]  # fmt: skip
ChannelsFirst = Annotated[
    bool, typer.Option("--channels-first", rich_help_panel=LOWERING,
                       help="Plugins read [N,C,H,W], for graphs that are put together by hand.")
]  # fmt: skip
LayerTable = Annotated[
    Path | None,
    typer.Option("--layer-times", metavar="FILE.csv", rich_help_panel=PANEL, show_default=False,
                 help="Layer times that were measured on the device (benchmarks/gpu/run.sh)."),
]  # fmt: skip


def read_capability(text: str | None) -> tuple[int, int]:
    """(8, 7) of "sm_87", "87" or "8.7"; without a name that of the GPU here. Raises typer.BadParameter."""
    if text is None:
        from edgeskip.backends.tensorrt.device.probe import look_for_driver

        gpus = look_for_driver().gpus
        return gpus[0].compute_capability if gpus else _DEFAULT_CAPABILITY
    match = re.fullmatch(r"(?:sm_)?(\d{1,2})\.?(\d)", text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no GPU architecture, such as sm_87", param_hint="--gpu")
    return int(match[1]), int(match[2])


def layer_choices(
    model: SkipModel, policy: PluginPolicy, half: bool, capability: tuple[int, int], streams: int = 1,
    expected: float | None = None, video: str | None = None, table: Path | None = None, threads: int | None = None,
) -> dict[str, LayerChoice]:  # fmt: skip
    """Who runs each convolution, and why; --video is measured here. Raises EdgeskipError."""
    from edgeskip.backends.tensorrt.policy import ASSUMED_ACTIVE, Policy, choose_layers, known_shares

    active, source = {}, "assumed"
    if policy is not PluginPolicy.AUTO:
        pass
    elif expected is not None:
        source = "--expected-active"
    elif video is not None:
        active, source = _measured(model, video, threads), f"measured on {Path(video).name or video}"
    else:
        active = known_shares(model)
        source = "from the file" if active else source
    share = ASSUMED_ACTIVE if expected is None else expected
    precision = "fp16" if half else "fp32"
    return choose_layers(model, Policy(policy.value, capability, precision, streams, share, active, source, table))


def _measured(model: SkipModel, video: str, threads: int | None) -> dict[str, float]:
    from edgeskip.cli.options import thread_count
    from edgeskip.cli.sources import open_pictures
    from edgeskip.evaluate.active_share import active_shares

    with open_pictures(video, 0, CLIP_FRAMES) as pictures:
        return active_shares(model, pictures, thread_count(threads))


def choice_counts(choices: dict[str, LayerChoice]) -> str:
    """In words: how many layers each of the two has."""
    by_plugin = sum(choice.where == "plugin" for choice in choices.values())
    return f"{by_plugin} of {len(choices)} convolutions by the plugin, {len(choices) - by_plugin} by TensorRT"
