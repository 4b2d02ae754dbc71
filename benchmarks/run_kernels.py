"""Time the convolutions of real networks beside dense runtimes: python -m benchmarks.run_kernels."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from benchmarks.report import markdown_table, write_report
from edgeskip.core.errors import EdgeskipError
from edgeskip.evaluate.conv_benchmark import ConvBenchmark, benchmark_convolutions
from edgeskip.evaluate.conv_shapes import read_shapes

ROOT = Path(__file__).resolve().parent
ABOUT = """# Convolution kernels on the shapes of {name}

GFLOP/s on the active pixels, and of dense runtimes on all pixels: medians, each by its own clock, in one run.
{precision}.
`ratio` is to the faster peer (`best`: by the best run of each), `spread` the median absolute deviation of our runs,
`error` the largest difference from the first peer relative to its largest value.
Active pixels: {pattern}; {threads} thread(s), {repeats} runs each.

Totals count each shape as often as the network has it (`efficiency_best`: by the best runs, the better figure where the
machine did other things too, since these interrupt long runs and not short ones):

{totals}

## By shape
"""
PRECISIONS = {
    "f32": "All in float32",
    "bf16": "edgeskip (layers of 16 and more channels, not depthwise) and OpenVINO in bf16, ONNX Runtime in f32",
}


def main(arguments: list[str]) -> int:
    """Measure the chosen shape files; print the paths of the tables."""
    options = read_options(arguments)
    files = [path for path in sorted(options.shapes.glob("*.csv")) if options.only in path.stem]
    if not files:
        raise EdgeskipError(
            f"no file in {options.shapes} holds {options.only!r}", hint="make them: benchmarks.make_shapes"
        )
    for path in files:
        print(f"{path.stem}", file=sys.stderr, flush=True)
        result = benchmark_convolutions(
            read_shapes(path), [float(share) for share in options.active.split(",")], level=options.level,
            peers=[name for name in options.against.split(",") if name], threads=options.threads,
            repeats=options.repeats, pattern=options.pattern, precision=options.precision,
        )  # fmt: skip
        totals = markdown_table([readable(total) for total in result.totals()])
        print(totals, file=sys.stderr, flush=True)
        print("\n".join(map(str, write(path.stem, result, totals, options, arguments))))
    return 0


def read_options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run_kernels", description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--shapes", type=Path, default=ROOT / "shapes", help="folder of shape files")
    parser.add_argument("--only", default="", help="files whose name holds this text")
    parser.add_argument("--active", default="1,0.5,0.1,0.03", help="shares of active pixels")
    parser.add_argument("--pattern", default="patches", help="patches or scattered")
    parser.add_argument("--level", default="auto", help="auto, all, or instruction sets by comma")
    parser.add_argument("--against", default="onnxruntime,openvino", help="peers, by comma")
    parser.add_argument("--threads", type=int, default=1, help="threads of everybody")
    parser.add_argument("--precision", default="f32", help="f32, or bf16 for edgeskip and OpenVINO")
    parser.add_argument("--repeats", type=int, default=20, help="timed runs of each")
    parser.add_argument("--output", type=Path, default=ROOT / "results", help="folder of the tables")
    parser.add_argument("--suffix", default="", help="end of the files' names (default: the date)")
    return parser.parse_args(arguments)


def write(
    name: str, result: ConvBenchmark, totals: str, options: argparse.Namespace, arguments: list[str]
) -> list[Path]:
    """Write the table of one shape file."""
    about = ABOUT.format(
        name=name, pattern=result.pattern, threads=result.threads, repeats=result.repeats, totals=totals,
        precision=PRECISIONS[result.precision],
    )  # fmt: skip
    suffix = options.suffix or result.machine["date"][:10]
    command = f"python -m benchmarks.run_kernels {shlex.join(arguments)}".strip()
    rows = [readable(row.record()) for row in result.rows]
    return write_report(options.output, f"kernels-{name}-{suffix}", about, result.machine, command, rows)


def readable(record: dict[str, Any]) -> dict[str, Any]:
    """A row with the digits that mean something."""
    return {key: _rounded(value) if isinstance(value, float) else value for key, value in record.items()}


def _rounded(value: float) -> float:
    return round(value) if value >= 100 else float(f"{value:.3g}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeskipError as error:
        sys.exit(f"error: {error}")
