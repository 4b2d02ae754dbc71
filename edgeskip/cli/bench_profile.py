"""`edgeskip bench profile`: where a frame's time goes, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeskip.cli.options import (
    DEFAULT_TOLERANCE,
    FrameThreshold,
    Json,
    Labels,
    Model,
    Precision,
    Size,
    Source,
    Start,
    TaskName,
    Threads,
    Tolerance,
    examples,
    read_precision,
    read_size,
    thread_count,
)

if TYPE_CHECKING:
    from edgeskip.evaluate.profile import ProfileResult


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip bench profile yolox.skip.onnx --source street.mp4 --threads 1",
        "edgeskip bench profile bundled --frames 200 --json",
    )
    app.command("profile", epilog=lines)(profile)


def profile(
    model: Model,
    source: Source = None,
    threads: Threads = None,
    precision: Precision = "f32",
    frames: Annotated[int, typer.Option(min=1, help="Frames that are timed.")] = 100,
    start: Start = 0,
    warmup: Annotated[int, typer.Option(min=0, help="Frames before them that are not.")] = 10,
    top: Annotated[int, typer.Option(min=1, help="Layers in the table; --json has all.")] = 20,
    json: Json = False,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    frame_threshold: FrameThreshold = None,
    task: TaskName = "auto",
    labels: Labels = None,
    size: Size = None,
) -> None:
    """Time each layer of a model in the CPU engine, and what is no arithmetic: gates, masks, Python around it."""
    from edgeskip.cli.clips import open_clip
    from edgeskip.cli.console import print_json
    from edgeskip.cli.networks import ExportChoices
    from edgeskip.evaluate.profile import profile as profile_model

    precision = read_precision(precision)
    choices = ExportChoices(
        tolerance, frame_threshold, size=read_size(size), task=task, labels=labels, video=source
    )  # fmt: skip
    with open_clip(model, source, choices, start, frames, warmup) as clip:
        result = profile_model(
            clip.network.model,
            clip.pictures,
            threads=thread_count(threads),
            frames=frames,
            warmup=warmup,
            source=clip.uri,
            precision=precision,
            progress=clip.advance,
        )
    if json:
        print_json(result.record())
    else:
        _print(result, top)


def _print(result: ProfileResult, top: int) -> None:
    from edgeskip.cli.console import output, percent, print_facts, print_table

    record = result.record()
    overhead = record["overhead"]
    parts = ", ".join(f"{name} {percent(share)}" for name, share in overhead.items() if name != "total")
    facts = [
        ("source", f"{result.source}, {record['frames']} frames"),
        ("machine", f"{result.machine['cpu']}, {result.threads} threads of {result.machine['cores']} cores, "
                    f"load {result.machine['load_average']}"),
        ("level", f"{result.level}, {result.precision}"),
        ("frame", f"{record['ms_median']:.2f} ms median, {record['ms_p95']:.2f} ms p95"),
        ("MACs computed", f"{percent(record['active_mac_fraction_median'])} median"),
        ("no arithmetic", f"{percent(overhead['total'])} of the time: {parts}"),
    ]  # fmt: skip
    print_facts(result.model, facts)
    output().print()
    columns = ("kind", "layers", "median ms", "share", "GFLOP/s")
    print_table("", columns, [(kind["kind"], str(kind["layers"]), *_figures(kind)) for kind in record["kinds"]],
                right=columns[1:])  # fmt: skip
    output().print()
    columns = ("layer", "kind", "shape", "active", "median ms", "share", "GFLOP/s")
    print_table("", columns, [_layer(layer) for layer in record["layers"][:top]], right=columns[3:])


def _layer(layer: dict[str, Any]) -> tuple[str, ...]:
    from edgeskip.cli.console import percent

    active = layer["active_fraction"]
    shape = "x".join(map(str, layer["shape"][1:]))
    return layer["name"], layer["kind"], shape, "" if active is None else percent(active), *_figures(layer)


def _figures(entry: dict[str, Any]) -> tuple[str, str, str]:
    from edgeskip.cli.console import percent

    speed = "" if entry["gflops"] is None else f"{entry['gflops']:.1f}"
    return f"{entry['ms_median']:.3f}", percent(entry["share"]), speed
