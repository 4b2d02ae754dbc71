"""Time the five shared networks beside dense runtimes and write the table: python -m benchmarks.run_networks."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case, choose_setting, export_case
from benchmarks.report import markdown_table, write_report
from edgeskip.backends.registry import choose
from edgeskip.cli.facts import feature_map_bytes
from edgeskip.core.errors import EdgeskipError
from edgeskip.evaluate.benchmark import OWN, BenchmarkResult, benchmark
from edgeskip.evaluate.peers import PEERS
from edgeskip.graph.skip_model import SkipModel
from edgeskip.video import open_source

ROOT = Path(__file__).resolve().parent
ABOUT = """# Speed of the five shared networks

Dense runtimes and edgeskip run by turns of a few frames (`turn`), on the same prepared pictures, in one run.
Times are milliseconds per frame: median and, behind +-, median absolute deviation. What the columns
mean and what was chosen how: [README](../README.md).
"""


def main(arguments: list[str]) -> int:
    """Run the chosen cases; 0 when all of them were measured."""
    options = read_options(arguments)
    rows = []
    for case in chosen_cases(options):
        print(f"{case.network} on {case.video}, tolerance {case.tolerance:g}", file=sys.stderr, flush=True)
        if options.choose:
            case = choose_setting(case, options.shared, options.warmup)
        result, state_ratio = measure(case, options)
        rows.append(row(case, result, state_ratio))
        print(markdown_table(rows[-1:]), file=sys.stderr, flush=True)
    machine = result.machine
    name = f"networks-{options.suffix or machine['date'][:10]}"
    command = f"python -m benchmarks.run_networks {shlex.join(arguments)}".strip()
    paths = write_report(options.output, name, ABOUT, machine, command, rows)
    print("\n".join(map(str, paths)))
    return 0


def read_options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run_networks", description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    default = Path(os.environ.get("EDGESKIP_SHARED", ROOT.parent.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=default, help="folder with data/networks and data/videos")
    parser.add_argument("--only", default="", help="cases whose network or video holds this text")
    parser.add_argument("--against", default="onnxruntime", help=f"peers, by comma, among {', '.join(PEERS)}")
    parser.add_argument("--threads", type=int, default=1, help="threads of edgeskip and of each peer")
    parser.add_argument("--precision", default="f32", help="f32, or bf16 for edgeskip and OpenVINO")
    parser.add_argument("--frames", type=int, help="timed frames per case (default: each case's own)")
    parser.add_argument("--warmup", type=int, default=10, help="frames before them that are not timed")
    parser.add_argument("--turn", type=int, default=1, help="frames that each runs before the next does, 1 to 32")
    parser.add_argument("--repeats", type=int, default=1, help="passes over each clip")
    parser.add_argument("--tolerance", type=float, help="for all cases (default: each case's own)")
    parser.add_argument("--frame-threshold", type=float, help="for all cases (default: each case's own)")
    parser.add_argument("--choose", action="store_true", help="look for each case's setting instead of taking its own")
    parser.add_argument("--backend", default="auto", help="backend of edgeskip")
    parser.add_argument("--output", type=Path, default=ROOT / "results", help="folder of the table")
    parser.add_argument("--suffix", default="", help="end of the files' names (default: the date)")
    return parser.parse_args(arguments)


def chosen_cases(options: argparse.Namespace) -> list[Case]:
    """The cases that were asked for, with the values that were given."""
    fields = ("frames", "tolerance", "frame_threshold")
    given = {name: getattr(options, name) for name in fields if getattr(options, name) is not None}
    cases = [replace(case, **given) for case in CASES if options.only in f"{case.network} {case.video}"]
    if not cases:
        raise EdgeskipError(f"no case holds {options.only!r}", hint=f"networks: {', '.join(c.network for c in CASES)}")
    return cases


def measure(case: Case, options: argparse.Namespace) -> tuple[BenchmarkResult, float]:
    """Export the case's network and time it beside the file that it was exported from; its state memory too."""
    model = export_case(case, options.shared)
    with open_source(case.video_path(options.shared), start=case.start, frames=case.frames + options.warmup) as source:
        result = benchmark(
            model, (frame.picture for frame in source), backend=options.backend,
            peers=[name for name in options.against.split(",") if name], threads=options.threads,
            warmup=options.warmup, repeats=options.repeats, dense=case.network_path(options.shared), source=case.video,
            precision=options.precision, turn=options.turn,
        )  # fmt: skip
    return result, state_ratio(model, options.backend)


def state_ratio(model: SkipModel, backend: str) -> float:
    """Memory of one stream / the float32 feature maps of the dense network (its tensors after fusing)."""
    with choose(backend, model)[0].create_runner(model) as runner:
        return runner.state_bytes / feature_map_bytes(model)


def row(case: Case, result: BenchmarkResult, state: float) -> dict[str, Any]:
    """One line of the table."""
    frames = len(result.fractions) // result.repeats
    first = case.start + result.warmup
    cells: dict[str, Any] = {
        "network": case.network,
        "video, frames": f"{case.video} {first}-{first + frames}",
        "tolerance": case.tolerance,
        "frame threshold": case.frame_threshold,
        "agreement": result.agreement,
        "measure": result.details.get("measure", ""),
        "MACs": result.active_mac_fraction,
        "threads": result.threads,
        "turn": result.turn,
        "backend": f"{result.backend} {result.level or ''}".strip(),
        "precision": precision_text(result.precisions),
        "state / feature maps": state,
    }
    for name in (OWN, *result.peers):
        times = result.statistics(name)
        cells |= {f"{name} ms": f"{times.median:.2f} +- {times.spread:.2f}", f"{name} p95 ms": round(times.p95, 2)}
    for name in result.peers:
        cells |= {
            f"speedup, {name}": result.speedup(name),
            f"speedup of the clip, {name}": result.speedup_total(name),
            f"efficiency, {name}": result.efficiency(name),
        }
    return cells | camera_cells(result)


def camera_cells(result: BenchmarkResult) -> dict[str, Any]:
    """The same from the camera's picture, preparing included, where edgeskip prepares it."""
    if not result.camera_ms:
        return {}
    times = {name: result.camera_statistics(name) for name in (OWN, *result.peers)}
    return {
        "from camera: agreement": result.camera_agreement,
        **{f"from camera: {name} ms": f"{time.median:.2f} +- {time.spread:.2f}" for name, time in times.items()},
        **{f"from camera: speedup, {name}": result.camera_speedup(name) for name in result.peers},
    }


def precision_text(precisions: dict[str, str]) -> str:
    """ "f32" where all compute in it, else who in what."""
    if set(precisions.values()) == {"f32"}:
        return "f32"
    return ", ".join(f"{name} {precision}" for name, precision in precisions.items())


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeskipError as error:
        sys.exit(f"error: {error}")
