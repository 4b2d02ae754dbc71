"""`edgeskip inspect`: layers, gates, thresholds, state memory, and which backend runs what and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgeskip.cli.options import Backend, Json, Model, Threads, examples
from edgeskip.cli.tensorrt_options import (
    PANEL,
    Clip,
    ExpectedActive,
    GpuName,
    Half,
    LayerTable,
    PluginPolicy,
    Policy,
)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip inspect model.skip.onnx", "edgeskip inspect bundled --json", "edgeskip inspect model.engine",
        "edgeskip inspect model.skip.onnx --for tensorrt --fp16 --gpu sm_87 --video street.mp4",
    )  # fmt: skip
    app.command("inspect", epilog=lines)(inspect)


def inspect(
    model: Model,
    backend: Backend = "auto",
    threads: Threads = None,
    target: Annotated[
        str, typer.Option("--for", metavar="[tensorrt]", show_default=False, rich_help_panel=PANEL,
                          help="Show which convolutions `edgeskip build` would give to the plugin, and why.")
    ] = "",
    half: Half = False,
    policy: Policy = PluginPolicy.AUTO,
    expected_active: ExpectedActive = None,
    video: Clip = None,
    gpu: GpuName = None,
    layer_times: LayerTable = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Show the layers, gates, thresholds and state memory of a model, and which backend runs what and why.

    MODEL may be an engine too: then what its description (ENGINE.json) says.
    """
    from pathlib import Path

    from edgeskip.backends.tensorrt.loader import is_engine
    from edgeskip.cli import inspect_tensorrt

    if target not in ("", "tensorrt"):
        raise typer.BadParameter(f"{target!r} is not tensorrt", param_hint="--for")
    if is_engine(Path(model)):
        inspect_tensorrt.show_engine(Path(model), json)
        return
    if target:
        inspect_tensorrt.show_choices(model, policy, half, gpu, expected_active, video, layer_times, threads, json)
        return
    from edgeskip.cli.console import print_json
    from edgeskip.cli.facts import model_facts
    from edgeskip.cli.networks import open_network
    from edgeskip.cli.options import thread_count

    facts = model_facts(open_network(model).model, backend, thread_count(threads))
    if json:
        print_json(facts)
    else:
        _print(facts)


def _print(facts: dict[str, Any]) -> None:
    from edgeskip.cli.console import print_facts, print_table

    print_facts(facts["model"], _summary(facts))
    print()
    columns = ("gate", "shape", "threshold", "signed", "norm", "window")
    print_table("Gates", columns, [_gate_row(gate) for gate in facts["gates"]], right=("threshold", "signed", "window"))
    print()
    columns = ("layer", "op", "shape", "MMAC", "threshold", "= tolerance x", "scale", "runs in", "")
    rows = [_layer_row(layer) for layer in facts["layers"]]
    print_table("Layers", columns, rows, right=("MMAC", "threshold", "= tolerance x", "scale"))
    sources = sorted({layer["threshold"]["source"] for layer in facts["layers"] if layer["threshold"]})
    print()
    print_facts("Where thresholds come from", [("-", source) for source in sources])


def _summary(facts: dict[str, Any]) -> list[tuple[str, str]]:
    from edgeskip.cli.console import mebibytes, mega_macs

    backend = facts["backend"]
    level = f" ({backend['level']})" if backend["level"] else ""
    others = [f"{entry['name']}: {entry['reason']}" for entry in facts["backends"] if not entry["available"]]
    rows = [(f"input {name}", _input_text(value)) for name, value in facts["inputs"].items()]
    rows += [(f"output {name}", _shape(shape)) for name, shape in facts["outputs"].items()]
    rows += [
        ("task", facts["task"]["name"] + _labels(facts["task"]["labels"])),
        ("dense cost", f"{mega_macs(facts['dense_macs'])} per frame"),
        ("state", f"{mebibytes(facts['state_bytes'])} per stream in {facts['states']} states, "
                  f"{facts['state_ratio'] or 0:.2f} x the feature maps' {mebibytes(facts['feature_map_bytes'])}"),
        ("backend", f"{backend['name']}{level}: {backend['why']}; {mebibytes(backend['state_bytes'])} per stream, "
                    f"{backend['state_ratio'] or 0:.2f} x the feature maps"),
        ("--precision bf16", f"this CPU can: {', '.join(backend['bf16'])}" if backend["bf16"] else "not on this CPU"),
        ("runs in", ", ".join(f"{where}: {count} ops" for where, count in backend["ops"].items())),
    ]  # fmt: skip
    return rows + [("not usable", text) for text in others]


def _input_text(value: dict[str, Any]) -> str:
    preparation = value["preparation"]
    text = _shape(value["shape"])
    if preparation is None:
        return text
    return (f"{text}, {preparation['color']}, {preparation['resize']}, "
            f"(pixel - {_channels(preparation['mean'])}) x {_channels(preparation['scale'])}")  # fmt: skip


def _channels(values: tuple[float, ...]) -> str:
    return f"{values[0]:.4g}" if len(set(values)) == 1 else "(" + ", ".join(f"{value:.4g}" for value in values) + ")"


def _labels(labels: list[str]) -> str:
    if not labels:
        return ""
    return f": {', '.join(labels[:6])}" + (f" and {len(labels) - 6} more" if len(labels) > 6 else "")


def _shape(shape: list[Any]) -> str:
    return "x".join(str(size) for size in shape) or "scalar"


def _gate_row(gate: dict[str, Any]) -> tuple[str, ...]:
    threshold, signed = f"{gate['threshold']:.4g}", f"{gate['threshold_signed']:.4g}"
    return gate["tensor"], _shape(gate["shape"]), threshold, signed, gate["norm"], str(gate["window"])


def _layer_row(layer: dict[str, Any]) -> tuple[str, ...]:
    threshold = layer["threshold"]
    figures = ("", "", "")
    if threshold:
        figures = (f"{threshold['value']:.4g}", f"{threshold['tolerance']:g}", f"{threshold['scale']:.4g}")
    macs = f"{layer['macs'] / 1e6:.2f}" if layer["macs"] else ""
    return layer["name"], layer["op"], _shape(layer["shape"]), macs, *figures, layer["where"], layer["reason"]
