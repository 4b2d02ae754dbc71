"""`edgeskip bench`: a group of three measurements, of which timing a model needs no name."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

from edgeskip.cli import bench_conv, bench_model, bench_profile
from edgeskip.cli.options import examples

DEFAULT = "model"
Dense = bench_model.Dense


class BenchGroup(TyperGroup):
    """`edgeskip bench MODEL ...` is `edgeskip bench model MODEL ...`."""

    def parse_args(self, ctx, args: list[str]) -> list[str]:
        """Put the default command's name before arguments that begin with no command's name."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    lines = examples(
        "edgeskip bench yolox.skip.onnx --source street.mp4 --threads 1",
        "edgeskip bench conv --shapes benchmarks/shapes/resnet50_224.csv --active 1,0.1 --against openvino",
        "edgeskip bench profile yolox.skip.onnx --source street.mp4",
    )
    group = typer.Typer(
        cls=BenchGroup, rich_markup_mode="rich", subcommand_metavar="MODEL [ARGS]... | COMMAND [ARGS]..."
    )
    for module in (bench_model, bench_conv, bench_profile):
        module.register(group)
    app.add_typer(group, name="bench", help=_HELP, epilog=lines)


_HELP = """Time a model, the kernels, or each layer, beside dense runtimes in the same run.

[bold]edgeskip bench MODEL[/bold] times a model on a video; its options: [bold]edgeskip bench model --help[/bold].
A model in a file called conv or profile is ./conv or ./profile."""
