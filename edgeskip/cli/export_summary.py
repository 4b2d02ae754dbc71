"""What an export made, in a few lines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeskip.graph.skip_model import SkipModel


def summary(model: SkipModel, output: Path) -> dict[str, Any]:
    """The figures of an export, as plain values."""
    from edgeskip.cli.facts import feature_map_bytes, gate_facts, state_bytes

    gated = [info.name for info in model.convolutions if info.node.attributes["threshold"] > 0]
    thresholds = [model.metadata.thresholds[name] for name in gated]
    values = [threshold.value for threshold in thresholds]
    ops = Counter(node.op_type for node in model.graph.nodes)
    return {
        "output": str(output),
        "file_bytes": output.stat().st_size,
        "task": model.metadata.task.name,
        "inputs": {name: list(model.frame_shape(name)) for name in model.frame_inputs},
        "convolutions": len(model.convolutions) - len(model.gate_convolutions),
        "gated": len(gated),
        "learned": len(model.gate_convolutions),
        "gates": gate_facts(model),
        "mask_ops": ops["SkipMask"],
        "dense_macs": model.dense_macs,
        "threshold_range": [min(values), max(values)] if values else None,
        "threshold_sources": sorted({threshold.source for threshold in thresholds}),
        "state_bytes": state_bytes(model),
        "feature_map_bytes": feature_map_bytes(model),
        "dense": _dense_ops(model),
    }


def print_summary(record: dict[str, Any]) -> None:
    """The summary for people, on stdout."""
    from edgeskip.cli.console import mebibytes, mega_macs, print_facts

    shapes = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in record["inputs"].items())
    state, maps = record["state_bytes"], record["feature_map_bytes"]
    rows = [
        ("input", shapes),
        ("task", record["task"]),
        ("layers", f"{record['convolutions']} convolutions, {mega_macs(record['dense_macs'])} per frame when dense"),
        ("gated", f"{record['gated']} convolutions by their output; {record['learned']} by a learned gate; "
                  f"gates on {_gates(record['gates'])}"),
        ("thresholds", _thresholds(record)),
        ("masked ops", f"{record['mask_ops']} masks besides the convolutions' own"),
        ("state", f"{mebibytes(state)} per stream, {state / maps if maps else 0:.2f} x all feature maps"),
        ("stays dense", "; ".join(f"{entry['op']} x {entry['count']}: {entry['reason']}" for entry in record["dense"])
                        or "nothing"),
    ]  # fmt: skip
    print_facts(f"{record['output']}  {mebibytes(record['file_bytes'])}", rows)


def _gates(gates: list[dict[str, Any]]) -> str:
    shown = [f"{gate['tensor']} ({gate['threshold']:.3g}, signed {gate['threshold_signed']:.3g})" for gate in gates[:4]]
    return ", ".join(shown) + (f" and {len(gates) - 4} more" if len(gates) > 4 else "") if gates else "nothing"


def _thresholds(record: dict[str, Any]) -> str:
    if record["threshold_range"] is None:
        return "all 0: exact"
    low, high = record["threshold_range"]
    return f"{low:.3g} to {high:.3g}, {'; '.join(record['threshold_sources'])}"


def _dense_ops(model: SkipModel) -> list[dict[str, Any]]:
    """What runs dense on this machine's best backend that is ready, by op and reason."""
    from edgeskip.backends.registry import choose

    backend, _ = choose("auto", model, at_once=True)
    layers = backend.create_runner(model).layers
    counts = Counter((layer.op, layer.reason or layer.where) for layer in layers if layer.reason)
    return [{"op": op, "count": count, "reason": reason} for (op, reason), count in counts.items()]
