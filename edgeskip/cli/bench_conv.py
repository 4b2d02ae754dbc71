"""`edgeskip bench conv`: the convolution kernels, active in part, beside dense runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeskip.cli.options import Json, Precision, Threads, examples, read_precision, thread_count

if TYPE_CHECKING:
    from edgeskip.evaluate.conv_benchmark import ConvBenchmark, ConvRow


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip bench conv --shapes benchmarks/shapes/resnet50_224.csv --active 1,0.5,0.1,0.03",
        "edgeskip bench conv --shapes shapes.json --level all --against onnxruntime,openvino --json",
    )
    app.command("conv", epilog=lines)(conv)


def conv(
    shapes: Annotated[
        Path,
        typer.Option(
            "--shapes",
            metavar="FILE",
            show_default=False,
            help="Convolutions: JSON or CSV with in_channels, out_channels, height, width, kernel and, where needed, "
            "stride, pad, dilation, group, activation, count, name.",
        ),
    ],
    active: Annotated[
        str, typer.Option(help="Shares of the output pixels that are active, separated by commas.")
    ] = "1",
    pattern: Annotated[
        str, typer.Option(help="Where they lie: patches (one rectangle that moves) or scattered (single pixels).")
    ] = "patches",
    level: Annotated[str, typer.Option(help="Instruction sets: auto (the best), all, or names by comma.")] = "auto",
    against: Annotated[
        str, typer.Option(help="Dense runtimes, separated by commas: onnxruntime, openvino; or none.")
    ] = "onnxruntime",
    threads: Threads = 1,
    precision: Precision = "f32",
    repeats: Annotated[int, typer.Option(min=1, help="Timed runs of each shape, share, level and runtime.")] = 10,
    json: Json = False,
) -> None:
    """Time the convolution kernels at several active shares beside the whole convolution of dense runtimes.

    GFLOP/s count the active pixels only, so a kernel that keeps its speed shows the same figure at each share. Times
    are by each engine's own clock: layout changes of the dense runtimes and calls from Python are left out. With
    --precision bf16 OpenVINO computes in bfloat16 too; ONNX Runtime, the engine's depthwise layers and those of fewer
    than 16 channels stay in float32.
    """  # fmt: skip
    from edgeskip.cli.console import print_json, progress
    from edgeskip.evaluate.conv_benchmark import benchmark_convolutions
    from edgeskip.evaluate.conv_shapes import read_shapes

    listed = read_shapes(shapes)
    peers = tuple(name.strip() for name in against.split(",") if name.strip() and name.strip() != "none")
    with progress("shapes", len(listed)) as advance:
        result = benchmark_convolutions(
            listed, read_shares(active), level=level, peers=peers, threads=thread_count(threads), repeats=repeats,
            pattern=pattern, precision=read_precision(precision), progress=advance,
        )  # fmt: skip
    if json:
        print_json(result.record())
    else:
        _print(result, shapes, peers)


def read_shares(text: str) -> tuple[float, ...]:
    """Shares in (0, 1] of "1,0.5,0.1". Raises typer.BadParameter."""
    try:
        shares = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        shares = ()
    if not shares or not all(0 < share <= 1 for share in shares):
        raise typer.BadParameter(f"{text!r} is not a list of shares above 0 and up to 1, such as 1,0.5,0.1",
                                 param_hint="--active")  # fmt: skip
    return shares


def _print(result: ConvBenchmark, file: Path, peers: tuple[str, ...]) -> None:
    from edgeskip.cli.console import output, print_facts, print_table

    machine = result.machine
    facts = [
        ("machine", f"{machine['cpu']}, {result.threads} threads of {machine['cores']} cores, "
                    f"load {machine['load_average']}"),
        ("active pixels", f"{result.pattern}; GFLOP/s count these only, medians of {result.repeats} runs"),
    ]  # fmt: skip
    if result.precision != "f32":
        facts.append(("precision", f"edgeskip and openvino {result.precision}, onnxruntime f32"))
    if (machine["load_average"] or 0) > machine["cores"]:
        facts.append(("note", "other programs run too, which slows long runs more than short ones: see the best runs"))
    print_facts(str(file), facts)
    output().print()
    columns = ("shape", "level", "active", "pixels", "edgeskip GFLOP/s", "+-", *peers, "ratio", "best", "error")
    print_table("", columns, [_cells(row, peers) for row in result.rows], right=columns[2:])
    output().print()
    about = ("all, by count", "level", "active", "shapes", "edgeskip GFLOP/s", *peers)
    columns = (*about, "efficiency", "best", "least ratio", "at")
    print_table("", columns, [_total(total, peers) for total in result.totals()], right=columns[2:-1])


def _cells(row: ConvRow, peers: tuple[str, ...]) -> tuple[str, ...]:
    record = row.record()
    return (
        row.shape.name, row.level, f"{row.active:g}", f"{row.pixels:.0f}", f"{row.gflops():.1f}",
        f"{100 * record['spread']:.0f} %", *(f"{row.gflops(name):.1f}" for name in peers), _number(record["ratio"]),
        _number(record["ratio_best"]), _number(row.error, ".0e"),
    )  # fmt: skip


def _total(total: dict[str, Any], peers: tuple[str, ...]) -> tuple[str, ...]:
    return (
        total["kind"], total["level"], f"{total['active']:g}", str(total["shapes"]), f"{total['edgeskip_gflops']:.1f}",
        *(f"{total[f'{name}_gflops']:.1f}" for name in peers), _number(total["efficiency"]),
        _number(total["efficiency_best"]), _number(total["ratio_least"]), total["shape_least"] or "",
    )  # fmt: skip


def _number(value: float | None, form: str = ".2f") -> str:
    return "" if value is None else format(value, form)
