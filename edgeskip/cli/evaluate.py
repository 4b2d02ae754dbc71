"""`edgeskip evaluate`: agreement with the dense network on a video, and the cost of each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgeskip.cli.bench import Dense
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
    engine_options,
    examples,
    read_size,
    thread_count,
)

if TYPE_CHECKING:
    from edgeskip.evaluate.accuracy import AccuracyResult


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip evaluate yolox.skip.onnx --source street.mp4 --frames 200", "edgeskip evaluate bundled --json"
    )
    app.command("evaluate", epilog=lines)(evaluate)


def evaluate(
    model: Model,
    source: Source = None,
    dense: Dense = None,
    threads: Threads = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames that are counted.")] = 100,
    start: Start = 0,
    warmup: Annotated[int, typer.Option(min=0, help="Frames before them that are not.")] = 1,
    backend: Backend = "auto",
    precision: Precision = "f32",
    json: Json = False,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    frame_threshold: FrameThreshold = None,
    task: TaskName = "auto",
    labels: Labels = None,
    size: Size = None,
) -> None:
    """Measure how well a model agrees with its dense network on a video, and what each layer computed."""
    from edgeskip.cli.clips import open_clip
    from edgeskip.cli.console import print_json
    from edgeskip.cli.networks import ExportChoices
    from edgeskip.evaluate.accuracy import evaluate as measure

    options = engine_options(precision)
    choices = ExportChoices(
        tolerance, frame_threshold, size=read_size(size), task=task, labels=labels, video=source
    )  # fmt: skip
    with open_clip(model, source, choices, start, frames, warmup) as clip:
        result = measure(
            clip.network.model,
            clip.pictures,
            backend=backend,
            threads=thread_count(threads),
            frames=frames,
            warmup=warmup,
            dense=dense or clip.network.dense,
            options=options,
            progress=clip.advance,
        )
    if json:
        print_json(result.record())
    else:
        _print(clip.network.model.file, clip.uri, result)


def _print(model: str, uri: str, result: AccuracyResult) -> None:
    from edgeskip.cli.console import percent, print_facts, print_table

    counted = ", ".join(f"{name} {_figure(value)}" for name, value in result.details.items() if name != "measure")
    facts = [
        ("source", f"{uri}, {result.frames} frames"),
        ("task", result.task),
        ("backend", result.backend),
        ("agreement", f"{result.agreement:.4f} ({result.details.get('measure', '')}: {counted})"),
        ("MACs computed", percent(result.active_mac_fraction)),
        ("largest error", f"{result.max_abs_error:.4g} of any output value"),
    ]
    print_facts(model, facts)
    print()
    rows = [(cost.name, f"{cost.macs / 1e6:.2f}", percent(cost.active_fraction)) for cost in result.per_layer]
    print_table("Layers", ("layer", "MMAC", "computed"), rows, right=("MMAC", "computed"))


def _figure(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
