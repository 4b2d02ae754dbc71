"""Who runs a convolution: the plugin, or TensorRT's own densely with a gate behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeskip.core.contract import SKIP_CONV
from edgeskip.core.errors import ModelError
from edgeskip.graph.skip_model import ConvInfo, SkipModel

PLUGIN, OWN = "plugin", "tensorrt"


@dataclass(frozen=True)
class LayerChoice:
    """`where` is "plugin" or "tensorrt", `reason` why; where a cost model decided, times in microseconds and
    where they came from (`source`), the active share that is expected, and the one above which the plugin is slower."""

    where: str
    reason: str
    expected_active: float | None = None
    break_even: float | None = None
    plugin_us: float | None = None
    tensorrt_us: float | None = None
    source: str = ""


def forced(info: ConvInfo, model: SkipModel) -> LayerChoice | None:
    """The choice of a layer that only one of the two can run, None where both can.

    Raises:
        ModelError: neither can.
    """
    given = dict(zip(SKIP_CONV.inputs, info.node.inputs, strict=False))
    decided = given.get("gate") or given.get("channel_weight")
    by_plugin = "learned gate" if given.get("gate") else "channel weights" if decided else ""
    unfit = _not_for_the_plugin(info, given, model)
    if by_plugin and unfit:
        raise ModelError(
            f"{model.file}: layer {info.name} has {by_plugin}, which TensorRT's own convolution can't follow, and "
            f"the plugin can't run it: {unfit}",
            hint="export the network without a gate on this layer",
        )
    if by_plugin:
        return LayerChoice(PLUGIN, f"has a {by_plugin}" if given.get("gate") else f"has {by_plugin}")
    return LayerChoice(OWN, unfit) if unfit else None


def settle(model: SkipModel, choices: Mapping[str, LayerChoice]) -> dict[str, LayerChoice]:
    """A choice for every convolution, in graph order: what is forced, what was chosen, else the plugin."""
    named = {info.name: forced(info, model) or choices.get(info.name) for info in model.convolutions}
    return {name: choice or LayerChoice(PLUGIN, "no policy") for name, choice in named.items()}


def _not_for_the_plugin(info: ConvInfo, given: Mapping[str, str], model: SkipModel) -> str:
    """Why the plugin can't run a layer, "" where it can."""
    if info.node.attributes["transposed"]:
        return "transposed convolution"
    if model.graph.constant(given["w"]) is None:
        return "its weights are computed"
    if given.get("b") and model.graph.constant(given["b"]) is None:
        return "its bias is computed"
    if given.get("z") and model.graph.constant(given["z"]) is not None:
        return "its residual is a constant"
    return ""
