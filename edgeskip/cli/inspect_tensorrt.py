"""What `edgeskip inspect` says of TensorRT: who would run each convolution and why, or what an engine was built of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeskip.cli.tensorrt_options import PluginPolicy, choice_counts, layer_choices, read_capability

if TYPE_CHECKING:
    from edgeskip.backends.tensorrt.sidecar import Sidecar


def show_engine(path: Path, json: bool) -> None:
    """Print an engine's description. Raises TensorRTError."""
    from edgeskip.backends.tensorrt.sidecar import read_sidecar
    from edgeskip.cli.console import print_facts, print_json

    sidecar = read_sidecar(path)
    if json:
        print_json({**asdict(sidecar), "outline": None, "engine": str(path)})
        return
    print_facts(str(path), _engine_rows(sidecar))
    print()
    _print_layers([(layer["name"], layer) for layer in sidecar.lowering["layers"]])


def show_choices(
    model: str, policy: PluginPolicy, half: bool, gpu: str | None, expected: float | None, video: str | None,
    table: Path | None, threads: int | None, json: bool,
) -> None:  # fmt: skip
    """Print who would run each convolution. Raises EdgeskipError."""
    from edgeskip.backends.tensorrt.layer_cost import gpu_class
    from edgeskip.cli.console import print_facts, print_json
    from edgeskip.cli.networks import open_network

    skip_model = open_network(model).model
    capability = read_capability(gpu)
    choices = layer_choices(skip_model, policy, half, capability, 1, expected, video, table, threads)
    name = f"sm_{capability[0]}{capability[1]}"
    if json:
        layers = [{"name": layer, **asdict(choice)} for layer, choice in choices.items()]
        print_json({"model": skip_model.file, "gpu": name, "precision": "fp16" if half else "fp32", "layers": layers})
        return
    rows = [("GPU", f"{name}, a class of {gpu_class(capability).name}"), ("precision", "fp16" if half else "fp32"),
            ("choice", choice_counts(choices))]  # fmt: skip
    print_facts(skip_model.file, rows)
    print()
    _print_layers([(layer, asdict(choice)) for layer, choice in choices.items()])


def _engine_rows(sidecar: Sidecar) -> list[tuple[str, str]]:
    major, minor = sidecar.gpu["compute_capability"]
    by_plugin = sum(layer["where"] == "plugin" for layer in sidecar.lowering["layers"])
    return [
        ("made of", sidecar.model),
        ("TensorRT", f"{sidecar.tensorrt}, CUDA {sidecar.cuda}"),
        ("GPU", f"{sidecar.gpu['name']} (sm_{major}{minor})"),
        ("plugin", f"{sidecar.plugin.get('path', '')} ({sidecar.plugin.get('source_hash', 'no hash')})"),
        ("precision", sidecar.precision),
        ("streams", "{min} to {max}, best {opt}".format(**sidecar.profile)),
        ("states", str(len(sidecar.lowering["states"]))),
        ("choice", f"{by_plugin} of {len(sidecar.lowering['layers'])} convolutions by the plugin"),
    ]


def _print_layers(layers: list[tuple[str, dict[str, Any]]]) -> None:
    from edgeskip.cli.console import print_facts, print_table

    rows = [(name, layer["where"], layer["reason"]) for name, layer in layers]
    sources = sorted({layer["source"] for _, layer in layers if layer["source"]})
    if sources:
        print_facts("Times", [("-", source) for source in sources])
        print()
    print_table("Convolutions", ("layer", "runs in", "why"), rows)
