"""The application: every command, and the options of `edgeskip` itself."""

from __future__ import annotations

from typing import Annotated

import typer

from edgeskip import __version__
from edgeskip.cli import bench, build, demo, doctor, evaluate, export, inspect, train_gates
from edgeskip.cli.options import examples

app = typer.Typer(
    name="edgeskip",
    help="Video networks whose frames cost only what changed.",
    epilog=examples("edgeskip demo", "edgeskip export yolox.onnx -o yolox.skip.onnx", "edgeskip doctor"),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edgeskip {__version__}")
        raise typer.Exit


@app.callback()
def edgeskip(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Video networks whose frames cost only what changed."""


for module in (demo, export, train_gates, build, inspect, bench, evaluate, doctor):
    module.register(app)
