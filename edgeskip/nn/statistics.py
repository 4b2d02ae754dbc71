"""Multiply-accumulates that a network really needed, per layer and in sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edgeskip.core.errors import ModelError
from edgeskip.nn.conversion import conversion_of
from edgeskip.nn.site import Record, Site
from edgeskip.nn.skip_conv import SkipConv2d
from edgeskip.nn.state import skip_layers


@dataclass(frozen=True)
class LayerMacs:
    """One layer, per frame and stream. `active`: of the convolution; `gate`: of its gate; `dense`: without skipping."""

    name: str
    dense: float
    active: float
    gate: float = 0.0


@dataclass(frozen=True)
class MacReport:
    """MACs of a network, means per frame and stream over `frames` frames."""

    layers: tuple[LayerMacs, ...]
    frames: int

    @property
    def dense(self) -> float:
        """MACs of the dense network per frame."""
        return sum(layer.dense for layer in self.layers)

    @property
    def active(self) -> float:
        """MACs that were needed per frame, gates included."""
        return sum(layer.active + layer.gate for layer in self.layers)

    @property
    def active_mac_fraction(self) -> float:
        """Needed / dense."""
        return self.active / self.dense


def mac_statistics(model: nn.Module, *, include_reference: bool = False) -> MacReport:
    """What the skip convolutions computed since `reset_statistics` (or ever), and the layers that were left dense.

    Dense layers are counted in full where `convert` was given an example, whose size must be that of the frames; else
    they are not known and left out. `include_reference`: count the frames that had to be dense as well.

    Raises:
        ModelError: no frame was counted yet.
    """
    layers, frames = [], 0
    for name, layer in skip_layers(model).items():
        sites = [site for site in layer.sites if site.record.pixels]
        if sites:
            layers.append(_layer(name, layer, sites, include_reference))
            frames = max(frames, *(_frames(site.record, include_reference) for site in sites))
    if not frames:
        raise ModelError("no frame was counted", hint="run at least two frames: the first one is the dense reference")
    ungated = conversion_of(model).ungated_macs
    layers += [LayerMacs(name, macs, macs) for name, macs in ungated.items()]
    return MacReport(tuple(layers), frames)


def reset_statistics(model: nn.Module) -> None:
    """Count from here on."""
    for layer in skip_layers(model).values():
        for site in layer.sites:
            site.record.clear()


def last_masks(model: nn.Module) -> dict[str, torch.Tensor]:
    """Output pixels that each layer computed in the last frame: `<layer>` (`<layer>.<site>` of several sites) -> bool
    [N, 1, h, w]."""
    return {
        name if len(layer.sites) == 1 else f"{name}.{index}": site.record.mask
        for name, layer in skip_layers(model).items()
        for index, site in enumerate(layer.sites)
        if site.record.mask is not None
    }


def _layer(name: str, layer: SkipConv2d, sites: list[Site], include_reference: bool) -> LayerMacs:
    weight, gate_weight = layer.macs_per_pixel, layer.gate.macs_per_pixel()
    dense = sum(site.record.pixels for site in sites) * weight
    active = sum(_mean(site.record, "computed", include_reference) for site in sites) * weight
    gate = sum(_mean(site.record, "compared", include_reference) for site in sites) * gate_weight
    return LayerMacs(name, dense, active, gate)


def _mean(record: Record, key: str, include_reference: bool) -> float:
    total = getattr(record, key)
    pixels = 0.0 if total is None else float(total.double().mean())
    if include_reference and key == "computed":
        pixels += record.reference_frames * record.pixels
    return pixels / max(_frames(record, include_reference), 1)


def _frames(record: Record, include_reference: bool) -> int:
    return record.frames + (record.reference_frames if include_reference else 0)
