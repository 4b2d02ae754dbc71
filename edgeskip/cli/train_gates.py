"""`edgeskip train-gates`: gates learn on clips which changes matter, for a budget of MACs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeskip.cli.options import Json, examples

if TYPE_CHECKING:
    from edgeskip.training import Config, Result

EXAMPLE = """\
[model]
factory = "networks.pose:build"   # package.module:function of the dense network
weights = "pose.pth"              # its checkpoint

[[gates]]                         # the first table that takes a layer decides
gate = "norm"
options = { on = "input", trainable = true, tolerance = 0.05 }
include = ["conv1"]
[[gates]]
gate = "gumbel"
options = { block = 4, change = "magnitude" }

[data]
train = "clips/"                  # videos, folders of pictures; or dataset = "package.module:Name"
size = [256, 192]                 # width, height of the network's input

[training]
budget = 0.3                      # share of the dense network's MACs
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    commands = examples(
        "edgeskip train-gates gates.toml", "edgeskip train-gates gates.toml --budget 0.2 -o runs/20",
        "torchrun --nproc-per-node 4 --no-python edgeskip train-gates gates.toml",
    )  # fmt: skip
    # typer joins lines; a paragraph each keeps them apart
    shown = "\n\n".join(f"  {line}".replace("[", "\\[") for line in EXAMPLE.splitlines() if line)
    app.command("train-gates", epilog=f"{commands}\n\n[bold]gates.toml[/bold]\n\n{shown}")(train_gates_command)


def train_gates_command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A .toml or .json file.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Where checkpoints, log and plot go. A run that was "
                     "stopped goes on there.", show_default="`output` of CONFIG, or its name"),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Share of dense MACs.", show_default="that of CONFIG")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Training steps; 0 only fits thresholds.", show_default="that of CONFIG")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew, and lose what the folder holds.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Train gates on clips, without labels: the network learns which changes it may skip within a MAC budget."""
    from edgeskip.cli.console import print_json
    from edgeskip.training import read_config, train_gates

    changes = {key: value for key, value in (("budget", budget), ("steps", steps)) if value is not None}
    settings = read_config(config, **changes)
    folder = output or _folder(settings, config)
    with _bar(settings.training.steps) as report:
        result = train_gates(settings, folder, report, restart)
    if result is None:
        return
    picture = _plot(result)
    record = _record(result, picture)
    if json:
        print_json(record)
    else:
        _print_summary(record)


def _folder(settings: Config, config: Path) -> Path:
    return settings.path(settings.output) if settings.output else config.with_suffix("")


def _bar(steps: int) -> Any:
    """A context with the function that takes each step's progress: a bar on a terminal, else a line per evaluation."""
    import sys

    return _terminal_bar(steps) if sys.stderr.isatty() else _lines()


def _terminal_bar(steps: int) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def bar():
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from edgeskip.cli.console import errors, percent

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                   TextColumn("{task.fields[figures]}"))  # fmt: skip
        metric = ""
        with Progress(*columns, console=errors(), transient=True) as shown:
            task = shown.add_task("steps", total=steps, figures="")

            def report(progress) -> None:
                nonlocal metric
                if progress.evaluation is not None:
                    metric = f", metric {progress.evaluation.metric:.4f}"
                shown.update(task, completed=progress.step, figures=f"MACs {percent(progress.mac_fraction)}{metric}")

            yield report

    return bar()


def _lines() -> Any:
    from contextlib import nullcontext

    from edgeskip.cli.console import percent, say

    def report(progress) -> None:
        found = progress.evaluation
        if found is not None:
            say(f"step {progress.step} of {progress.steps}: MACs {percent(found.mac_fraction)}, "
                f"metric {found.metric:.4f}, loss {progress.loss:.4g}")  # fmt: skip

    return nullcontext(report)


def _record(result: Result, picture: Path) -> dict[str, Any]:
    return {
        "output": str(result.folder),
        "weights": str(result.weights),
        "log": str(result.folder / "log.csv"),
        "plot": str(picture),
        "steps": result.steps,
        "best_step": result.best_step,
        "budget": result.budget,
        "mac_fraction": result.evaluation.mac_fraction,
        "dense_macs": result.dense_macs,
        "macs": result.dense_macs * result.evaluation.mac_fraction,
        "metric": result.evaluation.metric,
        "curve": [
            {"knob": point.knob, "mac_fraction": point.evaluation.mac_fraction, "metric": point.evaluation.metric}
            for point in result.curve
        ],
    }


def _print_summary(record: dict[str, Any]) -> None:
    from edgeskip.cli.console import mega_macs, percent, print_facts

    share = percent(record["mac_fraction"])
    rows = [
        ("MACs", f"{mega_macs(record['macs'])} per frame, {share} of {mega_macs(record['dense_macs'])}; "
                 f"budget {percent(record['budget'])}"),
        ("metric", f"{record['metric']:.4f} on the tuning clips"),
        ("best step", f"{record['best_step']} of {record['steps']}"),
        ("plot", record["plot"]),
    ]  # fmt: skip
    print_facts(record["weights"], rows)


def _plot(result: Result) -> Path:
    """Metric over MACs as PNG: the training's evaluations, the curve of the fit, and the result."""
    import numpy as np

    from edgeskip.demos.overlay.chart import Chart, Series
    from edgeskip.demos.overlay.png import write_png
    from edgeskip.training.log import read_log

    log = result.folder / "log.csv"
    rows = [row for row in read_log(log) if row["metric"]] if log.is_file() else []
    evaluations = [(100 * float(row["tuning_mac_fraction"]), float(row["metric"])) for row in rows]
    curve = sorted((100 * point.evaluation.mac_fraction, point.evaluation.metric) for point in result.curve)
    best = [(100 * result.evaluation.mac_fraction, result.evaluation.metric)]
    named = (("training", evaluations, False, False), ("gates opened and closed", curve, True, False),
             ("result", best, False, True))  # fmt: skip
    series = [Series(name, np.array(points), joined, large) for name, points, joined, large in named if points]
    chart = Chart("Metric over MACs", "MACs, % of the dense network", "metric", series, 100 * result.budget, "budget")
    path = result.folder / "macs.png"
    write_png(path, chart.draw())
    return path
