"""`--plugin-policy`: which convolutions the plugin takes, and which stay TensorRT's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgeskip.backends.tensorrt.choice import OWN, PLUGIN, LayerChoice, forced
from edgeskip.backends.tensorrt.layer_cost import LayerShape, layer_times
from edgeskip.core.errors import BackendError
from edgeskip.graph.skip_model import ConvInfo, SkipModel

POLICIES = ("auto", "all", "none")
ASSUMED_ACTIVE = 0.1
ACTIVE_KEY = "active_share"  # in the metadata's `about`: layer to the mean share of active pixels


@dataclass(frozen=True)
class Policy:
    """`active`: layer (dense name) to its expected share of active pixels; `assumed` for layers that it lacks, with
    `source` saying where both came from. `capability` of the GPU that the engine is for."""

    name: str = "auto"
    capability: tuple[int, int] = (8, 7)
    precision: str = "fp32"
    streams: int = 1
    assumed: float = ASSUMED_ACTIVE
    active: Mapping[str, float] = field(default_factory=dict)
    source: str = "assumed"
    table: Path | None = None

    def __post_init__(self) -> None:
        if self.name not in POLICIES:
            raise BackendError(f"--plugin-policy {self.name}: it is one of {', '.join(POLICIES)}")
        if not 0 <= self.assumed <= 1:
            raise BackendError(f"--expected-active {self.assumed}: a share goes from 0 to 1")


def choose_layers(model: SkipModel, policy: Policy) -> dict[str, LayerChoice]:
    """A choice for every convolution of `model`, in graph order.

    Raises:
        ModelError: a layer that neither the plugin nor TensorRT can run.
        BackendError: the table of layer times is broken.
    """
    return {info.name: forced(info, model) or _chosen(info, policy) for info in model.convolutions}


def known_shares(model: SkipModel) -> dict[str, float]:
    """Shares of active pixels that the file itself tells, by layer; empty where it tells none."""
    record = model.metadata.about.get(ACTIVE_KEY)
    return {str(name): float(share) for name, share in record.items()} if isinstance(record, dict) else {}


def _chosen(info: ConvInfo, policy: Policy) -> LayerChoice:
    if policy.name == "all":
        return LayerChoice(PLUGIN, "--plugin-policy all")
    if policy.name == "none":
        return LayerChoice(OWN, "--plugin-policy none")
    times = layer_times(shape_of(info), policy.capability, policy.precision, policy.streams, policy.table)
    active = policy.active.get(info.name, policy.assumed)
    known = policy.source if info.name in policy.active or not policy.active else "assumed"
    plugin, own = times.plugin(active), times.dense
    where = PLUGIN if plugin <= own else OWN
    reason = (
        f"{100 * active:.3g} % active ({known}): plugin {plugin:.3g} us, TensorRT {own:.3g} us, "
        f"even at {100 * times.break_even:.3g} %"
    )
    return LayerChoice(where, reason, active, round(times.break_even, 4), round(plugin, 3), round(own, 3), times.source)


def shape_of(info: ConvInfo) -> LayerShape:
    """What the cost of a convolution depends on."""
    attributes = info.node.attributes
    kernel = tuple(attributes["kernel_shape"])
    height, width = (int(size) for size in info.out_shape[2:])
    return LayerShape(
        (kernel[0], kernel[1]), max(attributes["strides"]), attributes["group"], int(info.in_shape[1]),
        int(info.out_shape[1]), height, width,
    )  # fmt: skip
