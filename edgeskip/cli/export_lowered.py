"""`edgeskip export --for tensorrt`: the network as TensorRT's parser reads it, for those who build with trtexec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeskip.cli.tensorrt_options import PluginPolicy, choice_counts, layer_choices, read_capability

if TYPE_CHECKING:
    from edgeskip.cli.networks import ExportChoices
    from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class LoweredExport:
    """The options that go with --for tensorrt."""

    half: bool
    channels_first: bool
    policy: PluginPolicy
    expected_active: float | None
    gpu: str | None


def export_lowered(
    model: Path | None, torch: str | None, weights: Path | None, exporter: str, choices: ExportChoices,
    wanted: LoweredExport, output: Path,
) -> dict[str, Any]:  # fmt: skip
    """Write the lowered network; what is to be printed. Raises EdgeskipError."""
    from edgeskip.backends.tensorrt.lowering import LoweringOptions, lower, write_lowered
    from edgeskip.cli.build_targets import require_weights

    skip_model = require_weights(_skip_model(model, torch, weights, exporter, choices))
    layers = layer_choices(
        skip_model, wanted.policy, wanted.half, read_capability(wanted.gpu), expected=wanted.expected_active
    )
    options = LoweringOptions("fp16" if wanted.half else "fp32", not wanted.channels_first, choices=layers)
    lowered = lower(skip_model, options)
    write_lowered(lowered, output)
    notes = list(lowered.record["notes"])
    if lowered.newer_ops:
        notes.append(f"TensorRT 8.6 does not read it: {', '.join(lowered.newer_ops)} in opset {lowered.graph.opset}")
    return {
        "output": str(output), "for": "tensorrt", "precision": options.precision,
        "layout": "channels first" if wanted.channels_first else "channels last", "opset": lowered.graph.opset,
        "streams": "set by the profile" if lowered.fixed_streams is None else str(lowered.fixed_streams),
        "choice": choice_counts(layers), "states": len(lowered.record["states"]), "bytes": output.stat().st_size,
        "layers": lowered.record["layers"], "notes": notes,
    }  # fmt: skip


def _skip_model(
    model: Path | None, torch: str | None, weights: Path | None, exporter: str, choices: ExportChoices
) -> SkipModel:
    from edgeskip.cli.networks import export_torch_model, open_network

    if torch is not None:
        return export_torch_model(torch, weights, exporter, choices)
    assert model is not None
    return open_network(str(model), choices).model
