"""HRNet-w32 and EfficientDet-D0 with moving patches, beside dense runtimes: python -m benchmarks.run_patches."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from benchmarks.networks import build
from benchmarks.patches import pictures, side_for
from benchmarks.report import markdown_table, write_report
from benchmarks.run_networks import precision_text
from edgeskip.backends.registry import get_backend
from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import EdgeskipError
from edgeskip.evaluate.benchmark import OWN, BenchmarkResult, benchmark
from edgeskip.evaluate.machine import describe_machine
from edgeskip.evaluate.peers import OnnxRuntimePeer
from edgeskip.export.dense import export_dense
from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.skip_model import SkipModel
from edgeskip.video import prepare

ROOT = Path(__file__).resolve().parent
TASKS = {"hrnet_w32": "heatmap", "efficientdet_d0": "tensor"}
THREADS_TARGET = 0.1
WARMUP = 2
ABOUT = """# Large networks with moving patches

A still random picture over which a random patch moves; the patch is as large as gives the target share of MACs.
Everybody runs each frame in turn, in float32 unless `precision` tells otherwise. Times are medians in milliseconds,
behind +- the median absolute deviation.
`time` is ours / the faster peer's; `efficiency` is to the faster peer: (its time / ours) x the frame's MAC fraction,
median over frames (`best`: by the best of both). `error` is the largest difference from the dense network relative to
its largest output. Weights are random (settled batch norms): shapes and arithmetic are the real networks', but every
change spreads further than in a trained one, and heat maps have no clear peaks. So a small share of HRNet's MACs takes
a large tolerance, and its agreement is low there: these rows measure time for work done, not what a tolerance costs.
What trained networks lose is in the table of real videos.
Rows "1 and 2 threads" run the same frames on one and on two threads in turn: `speedup` is one / two.
"""


def main(arguments: list[str]) -> int:
    """Run the chosen networks and targets; print the paths of the table."""
    options = read_options(arguments)
    rows: list[dict[str, Any]] = []
    for name in TASKS:
        if options.only in name:
            for row in measure(name, options):
                rows.append(row)
                print(markdown_table([row]), file=sys.stderr, flush=True)
    if not rows:
        raise EdgeskipError(f"no network holds {options.only!r}", hint=f"networks: {', '.join(TASKS)}")
    machine = describe_machine()
    command = f"python -m benchmarks.run_patches {shlex.join(arguments)}".strip()
    name = f"patches-{options.suffix or machine['date'][:10]}"
    print("\n".join(map(str, write_report(options.output, name, ABOUT, machine, command, rows))))
    return 0


def read_options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run_patches", description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--hrnet", type=Path, dest="hrnet_w32", help="its ONNX file (default: built with timm)")
    parser.add_argument("--efficientdet", type=Path, dest="efficientdet_d0", help="likewise (default: effdet)")
    parser.add_argument("--only", default="", help="networks whose name holds this text")
    parser.add_argument("--targets", default="0,0.05,0.1,0.25,0.5,1", help="shares of active MACs; 0: no change")
    parser.add_argument(
        "--tolerances", default="0.02,0.05,0.1,0.2,0.3,0.5",
        help="of the layers: each target has the first at which the smallest patch computes no more than it",
    )  # fmt: skip
    parser.add_argument("--against", default="onnxruntime,openvino", help="peers, by comma")
    parser.add_argument("--precision", default="f32", help="f32, or bf16 for edgeskip and OpenVINO")
    parser.add_argument(
        "--residual", choices=("fused", "apart"), default="fused", help="where residual sums are formed"
    )
    parser.add_argument("--frames", type=int, default=30, help="timed frames for each target")
    parser.add_argument("--output", type=Path, default=ROOT / "results", help="folder of the table")
    parser.add_argument("--suffix", default="", help="end of the files' names (default: the date)")
    return parser.parse_args(arguments)


@dataclass(frozen=True)
class Setting:
    """A patch and a tolerance that give about `target` of the MACs; `side` as in `patches.pictures`."""

    target: float
    side: float
    tolerance: float
    model: SkipModel
    preparation: Preparation


def measure(name: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Rows of one network, as they come."""
    path = getattr(options, name) or build(name)
    chosen = settings(path, TASKS[name], options)
    scale = output_scale(path, chosen[0].preparation)
    peers = [peer for peer in options.against.split(",") if peer]
    for setting in chosen:
        clip = islice(pictures(setting.preparation.size, setting.side), options.frames + WARMUP)
        result = benchmark(
            setting.model, clip, backend="cpu", peers=peers, warmup=WARMUP, dense=path, source="patches",
            precision=options.precision,
        )  # fmt: skip
        yield row(name, setting, result, scale)
    for setting in chosen:
        if setting.target == THREADS_TARGET:
            yield threads_row(name, setting, options)


def settings(path: Path, task: str, options: argparse.Namespace) -> list[Setting]:
    """For each target the smallest tolerance at which a patch gives it, in the order of the targets."""
    targets = list(dict.fromkeys(float(target) for target in options.targets.split(",")))
    found: dict[float, Setting] = {}
    for tolerance in map(float, options.tolerances.split(",")):
        missing = [target for target in targets if target not in found]
        if not missing:
            break
        model, preparation = skip_model(path, task, tolerance, options.residual == "apart")
        with get_backend("cpu").create_runner(model) as runner:
            for target in missing:
                side = side_for(target, runner, preparation)
                if side is not None:
                    found[target] = Setting(target, side, tolerance, model, preparation)
    for target in targets:
        if target not in found:
            print(f"note: {path.stem} computes more than {target:g} at every tolerance", file=sys.stderr)
    if not found:
        raise EdgeskipError("no target can be reached", hint="give larger targets, or larger tolerances")
    return [found[target] for target in targets if target in found]


def skip_model(path: Path, task: str, tolerance: float, residuals_apart: bool = False) -> tuple[SkipModel, Preparation]:
    """The network as a skip model; the picture's values go in as 0..1."""
    graph = load_graph(path)
    shape = graph.shape(graph.inputs[0])
    preparation = Preparation(size=(shape[3], shape[2]), scale=(1 / 255,) * 3)  # type: ignore[index]
    frames = [prepare(picture, preparation)[0] for picture in islice(pictures(preparation.size, 0.25), 2)]
    threshold = None if tolerance == 0 else 1.0
    return export_dense(
        path, preparation, Task(task), frames, tolerance=tolerance, frame_threshold=threshold,
        residuals_apart=residuals_apart, source_description="2 random pictures",
    ), preparation  # fmt: skip


def output_scale(path: Path, preparation: Preparation) -> float:
    """Largest magnitude of the dense network's outputs."""
    picture = prepare(next(pictures(preparation.size, 0)), preparation)[0]
    outputs = OnnxRuntimePeer(path.read_bytes(), 1).infer(picture)
    return max(float(np.abs(value).max()) for value in outputs.values())


def row(name: str, setting: Setting, result: BenchmarkResult, scale: float) -> dict[str, Any]:
    """One line of the table."""
    own = np.array(result.times_ms[OWN])
    fractions = np.array(result.fractions)
    faster = min(result.peers, key=lambda peer: result.statistics(peer).median)
    best = min(min(result.times_ms[peer]) for peer in result.peers)
    cells: dict[str, Any] = {
        "network": name, "target": f"{setting.target:g}", "patch": round(setting.side, 3),
        "tolerance": setting.tolerance, "threads": result.threads,
        "precision": precision_text(result.precisions), "MACs": float(np.median(fractions)),
        "agreement": result.agreement, "measure": result.details["measure"],
        "error": result.max_abs_error / scale,
    }  # fmt: skip
    for runtime in (OWN, *result.peers):
        times = result.statistics(runtime)
        cells[f"{runtime} ms"] = f"{times.median:.2f} +- {times.spread:.2f}"
    return cells | {
        "time": 1 / result.speedup(faster),
        "time, best": float(own.min()) / best,
        "efficiency": min(result.efficiency(peer) for peer in result.peers),
        "efficiency, best": best * float((fractions / own).max()),
        "speedup": result.speedup(faster),
    }


def threads_row(name: str, setting: Setting, options: argparse.Namespace) -> dict[str, Any]:
    """One and two threads on the same frames, in turn."""
    clip = islice(pictures(setting.preparation.size, setting.side), options.frames + WARMUP)
    frames = [prepare(picture, setting.preparation)[0] for picture in clip]
    backend = get_backend("cpu")
    times: dict[int, list[float]] = {1: [], 2: []}
    fractions = []
    runs = [backend.create_runner(setting.model, threads=n, precision=options.precision) for n in (1, 2)]
    with runs[0] as one, runs[1] as two:
        for index, frame in enumerate(frames):
            runners = [(1, one), (2, two)]
            for count, runner in runners if index % 2 else runners[::-1]:
                begin = perf_counter_ns()
                result = runner.infer(frame)
                times[count].append((perf_counter_ns() - begin) / 1e6)
            fractions.append(result.active_mac_fraction)
    one_ms, two_ms = (np.array(times[count][WARMUP:]) for count in (1, 2))
    return {
        "network": name, "target": f"{setting.target:g}", "patch": round(setting.side, 3),
        "tolerance": setting.tolerance, "threads": "1 and 2", "precision": options.precision,
        "MACs": float(np.median(fractions[WARMUP:])),
        f"{OWN} ms": f"{np.median(one_ms):.2f}, {np.median(two_ms):.2f}; best {one_ms.min():.2f}, {two_ms.min():.2f}",
        "speedup": float(np.median(one_ms / two_ms)),
    }  # fmt: skip


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeskipError as error:
        sys.exit(f"error: {error}")
