"""`edgeskip bench MODEL`: time per frame beside dense runtimes, in one run on the same pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeskip.cli.options import (
    DEFAULT_TOLERANCE,
    Backend,
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
    from edgeskip.evaluate.benchmark import BenchmarkResult

Dense = Annotated[
    Path | None,
    typer.Option("--dense", help="The dense network to compare with.", show_default="the model without its gates"),
]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip bench yolox.skip.onnx --source street.mp4 --threads 1",
        "edgeskip bench bundled --against onnxruntime,openvino --frames 200 --json",
    )
    app.command("model", epilog=lines)(bench)


def bench(
    model: Model,
    source: Source = None,
    against: Annotated[
        str, typer.Option(help="Dense runtimes, separated by commas: onnxruntime, openvino; or none.")
    ] = "onnxruntime",
    dense: Dense = None,
    threads: Threads = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames that are timed.")] = 100,
    start: Start = 0,
    warmup: Annotated[int, typer.Option(min=0, help="Frames before them that are not.")] = 10,
    turn: Annotated[
        int, typer.Option(min=1, max=32, help="Frames that each runs before the next does; 1: caches always cold.")
    ] = 1,
    backend: Backend = "auto",
    precision: Precision = "f32",
    json: Json = False,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    frame_threshold: FrameThreshold = None,
    task: TaskName = "auto",
    labels: Labels = None,
    size: Size = None,
) -> None:
    """Time a model beside dense runtimes: same pictures, same threads, in turns within one run."""
    from edgeskip.cli.clips import open_clip
    from edgeskip.cli.console import print_json
    from edgeskip.cli.networks import ExportChoices
    from edgeskip.evaluate.benchmark import benchmark

    precision = read_precision(precision)
    choices = ExportChoices(
        tolerance, frame_threshold, size=read_size(size), task=task, labels=labels, video=source
    )  # fmt: skip
    peers = tuple(name.strip() for name in against.split(",") if name.strip() and name.strip() != "none")
    with open_clip(model, source, choices, start, frames, warmup) as clip:
        result = benchmark(
            clip.network.model,
            clip.pictures,
            backend=backend,
            peers=peers,
            threads=thread_count(threads),
            frames=frames,
            warmup=warmup,
            turn=turn,
            dense=dense or clip.network.dense,
            source=clip.uri,
            precision=precision,
            progress=clip.advance,
        )
    if json:
        print_json(result.record())
    else:
        _print(result)


def _precision_fact(result: BenchmarkResult) -> list[tuple[str, str]]:
    """Who computes in what; nothing where all do in float32."""
    precisions = result.precisions
    if set(precisions.values()) == {"f32"}:
        return []
    return [("precision", ", ".join(f"{name} {precision}" for name, precision in precisions.items()))]


def _print(result: BenchmarkResult) -> None:
    from edgeskip.cli.console import percent, print_facts, print_table

    level = f" ({result.level})" if result.level else ""
    agreement = "not measured" if result.agreement is None else f"{result.agreement:.3f} with {result.reference}"
    facts = [
        ("source", f"{result.source}, {len(result.fractions)} frames after {result.warmup}"),
        ("machine", f"{result.machine['cpu']}, {result.threads} threads of {result.machine['cores']} cores, "
                    f"load {result.machine['load_average']}"),
        ("backend", f"{result.backend}{level}"),
        *_precision_fact(result),
        ("MACs computed", percent(result.active_mac_fraction)),
        ("agreement", agreement),
    ]  # fmt: skip
    print_facts(result.model, facts)
    print()
    rows = []
    for name in result.times_ms:
        times = result.statistics(name)
        ratio = (
            (f"{result.speedup(name):.2f} x", f"{result.efficiency(name):.2f}") if name in result.peers else ("", "")
        )
        rows.append((name, f"{times.median:.2f}", f"{times.p95:.2f}", f"{times.spread:.2f}", *ratio))
    columns = ("", "median ms", "p95 ms", "+-", "edgeskip is faster by", "efficiency")
    print_table("", columns, rows, right=columns[1:])
    if result.camera_ms:
        _print_camera(result)


def _print_camera(result: BenchmarkResult) -> None:
    from edgeskip.cli.console import print_table

    rows = []
    for name in result.camera_ms:
        times = result.camera_statistics(name)
        ratio = f"{result.camera_speedup(name):.2f} x" if name in result.peers else ""
        rows.append((name, f"{times.median:.2f}", f"{times.p95:.2f}", f"{times.spread:.2f}", ratio))
    agreement = "" if result.camera_agreement is None else f", agreement {result.camera_agreement:.3f}"
    columns = ("", "median ms", "p95 ms", "+-", "edgeskip is faster by")
    print_table(f"from the camera's picture, preparing included{agreement}", columns, rows, right=columns[1:])
