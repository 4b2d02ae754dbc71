"""HRNet-w32 at 1088x832 with a moving patch, beside TensorRT's dense FP16: python -m benchmarks.run_gpu_network.

Both run from prepared pictures in host memory to outputs in host memory, each frame one CUDA graph. Weights may be
random: the patch and the tolerance are chosen so that about the target share of the multiply-accumulates is active.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from benchmarks.gpu_dense import DenseEngine, build_dense
from benchmarks.networks import build
from benchmarks.patches import pictures, side_for
from benchmarks.report import markdown_table
from benchmarks.run_patches import skip_model
from edgeskip.backends.base import Runner
from edgeskip.backends.registry import get_backend
from edgeskip.cli.build_targets import EngineWishes, Machine, engine, require_machine
from edgeskip.cli.networks import open_network
from edgeskip.cli.tensorrt_options import PluginPolicy
from edgeskip.core.contract import Preparation
from edgeskip.core.errors import EdgeskipError
from edgeskip.core.files import write_bytes
from edgeskip.graph.skip_model import SkipModel
from edgeskip.video import prepare

TASK = "heatmap"
WARM_UP = 10
TOLERANCES = (0.05, 0.1, 0.2, 0.3, 0.5)
PROFILED = 20


def main(arguments: list[str]) -> int:
    """Print the table and the slowest layers; write the CSV."""
    options = read_options(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    machine = require_machine()
    network = options.network or build("hrnet_w32_1088x832", options.folder)
    tested = Comparison(options, machine, network)
    rows = [tested.row(policy) for policy in (PluginPolicy.ALL, PluginPolicy.AUTO)]
    print(markdown_table(rows))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(options.csv, text.getvalue().encode())
    print(f"\nslowest layers, ms, without a graph:\n\n{markdown_table(tested.slowest())}")
    return 0


def read_options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run_gpu_network", description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--network", type=Path, help="dense ONNX file (default: built with timm)")
    parser.add_argument("--batch", type=int, default=1, help="pictures at once")
    parser.add_argument("--target", type=float, default=0.1, help="share of active MACs")
    parser.add_argument("--frames", type=int, default=100, help="timed frames")
    parser.add_argument("--folder", type=Path, default=Path("out/gpu"), help="of engines and of the built network")
    parser.add_argument("--csv", type=Path, default=Path("out/gpu/network.csv"), help="where the rows go")
    return parser.parse_args(arguments)


class Comparison:
    """Engines of one network for one batch, on one clip."""

    def __init__(self, options: argparse.Namespace, machine: Machine, network: Path) -> None:
        """Finds patch and tolerance, builds and times the dense engine. Raises EdgeskipError."""
        self._options, self._machine, self._network = options, machine, network
        self._model, self._preparation, self._tolerance, self._side = self._setting()
        self._frames = self._clip()
        dense = options.folder / f"dense-{options.batch}.engine"
        build_dense(machine, network, dense, options.batch)
        with DenseEngine(machine, dense, options.batch) as running:
            self._dense_ms = timed(running.infer, self._frames)

    def row(self, policy: PluginPolicy) -> dict[str, Any]:
        """Times of the engine of a policy beside the dense one."""
        with self._runner(policy, self._model) as runner:
            fractions: list[float] = []
            times = timed(lambda value: fractions.append(runner.infer(value).active_mac_fraction), self._frames)
            level = getattr(runner, "level", "")
        ours, dense = float(np.median(times)), float(np.median(self._dense_ms))
        return {
            "network": self._network.stem, "batch": self._options.batch, "policy": policy.value,
            "tolerance": self._tolerance, "patch": round(self._side, 3),
            "active": float(np.median(fractions[WARM_UP:])),
            "ms": ours, "dense_ms": dense, "speedup": dense / ours, "level": level.replace(",", ";"),
        }  # fmt: skip

    def slowest(self) -> list[dict[str, Any]]:
        """Where the time goes in the engine whose layers are all the plugin's."""
        with self._runner(PluginPolicy.ALL, self._model, profile=True) as runner:
            for value in self._frames[:WARM_UP]:
                runner.infer(value)
            times: dict[str, float] = runner.layer_times_ms()  # type: ignore[attr-defined]
        ranked = sorted(times.items(), key=lambda item: -item[1])[:PROFILED]
        return [{"layer": name, "ms": ms, "share": ms / sum(times.values())} for name, ms in ranked]

    def _setting(self) -> tuple[SkipModel, Preparation, float, float]:
        """The smallest tolerance at which some patch gives the target."""
        for tolerance in TOLERANCES:
            model, preparation = skip_model(self._network, TASK, tolerance)
            with self._runner(PluginPolicy.ALL, model, tolerance=tolerance, batch=1) as runner:
                side = side_for(self._options.target, runner, preparation)
            if side is not None:
                return model, preparation, tolerance, side
        raise EdgeskipError("the target can't be reached at any tolerance", hint="give a larger --target")

    def _clip(self) -> list[np.ndarray]:
        """Prepared pictures [batch, C, H, W]; each camera's patch has a way of its own."""
        count, batch = self._options.frames + WARM_UP, self._options.batch
        cameras = [pictures(self._preparation.size, self._side, seed) for seed in range(1, batch + 1)]
        distinct = min(count, 16 if batch > 1 else 32)  # host memory; the clip then begins again
        frames = [
            np.concatenate([prepare(next(camera), self._preparation)[0] for camera in cameras])
            for _ in range(distinct)
        ]  # fmt: skip
        return [frames[index % distinct] for index in range(count)]

    def _runner(
        self, policy: PluginPolicy, model: SkipModel, *, tolerance: float | None = None, batch: int | None = None,
        profile: bool = False,
    ) -> Runner:  # fmt: skip
        batch = batch or self._options.batch
        name = f"{policy.value}-{batch}-{self._tolerance if tolerance is None else tolerance:g}.engine"
        path = self._options.folder / name
        if not path.exists():
            engine(model, path, wishes(policy, batch, self._options.target), self._machine)
        return get_backend("tensorrt").create_runner(open_network(str(path)).model, streams=batch, profile=profile)


def wishes(policy: PluginPolicy, batch: int, active: float) -> EngineWishes:
    """FP16, all else as `edgeskip build` has it."""
    return EngineWishes(
        half=True, streams=str(batch), policy=policy, expected_active=active if policy is PluginPolicy.AUTO else None,
        video=None, layer_times=None, workspace_mib=None, optimization_level=3, tf32=False, timing_cache=True,
        hardware="none", version_compatible=False, layer_info="detailed", sparse_weights=False, auxiliary_streams=None,
        alias_state=False, tensorrt_include=None, force=False, threads=None,
    )  # fmt: skip


def timed(infer: Any, frames: list[np.ndarray]) -> list[float]:
    """Milliseconds of each frame after the warm-up; `infer` waits for its result."""
    times = []
    for value in frames:
        begin = perf_counter_ns()
        infer(value)
        times.append((perf_counter_ns() - begin) / 1e6)
    return times[WARM_UP:]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeskipError as error:
        sys.exit(f"error: {error}")
