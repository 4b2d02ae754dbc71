"""Makes the tables of the paper's claims on unseen, drawn scenes: network x gate x mode, and drift.

Stop it at any time; the same command goes on: a cell that was computed is not computed again, and the report is
written anew after each. Run timings on a machine that does nothing else: --only 'time/*' --only 'large/*'.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edgeskip.core.errors import BackendError, ConfigError, EdgeskipError
from edgeskip.core.lazy import require
from edgeskip.demos.reproduce.cells import DENSE, DRIFT, LARGE, TIME, Cell, select
from edgeskip.demos.reproduce.report import write_report
from edgeskip.demos.reproduce.settings import QUICK, Settings
from edgeskip.demos.reproduce.store import Store, fingerprint

OVERRIDES = (
    "budget", "seed", "gumbel_steps", "warm_steps", "sweeps", "warm_sweeps", "search_clips", "search_frames",
    "tuning_clips", "tuning_frames", "test_clips", "test_frames", "timed_clips", "timed_frames", "drift_streams",
    "residual_streams",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Compute the cells that are chosen and missing."""
    options = _parser().parse_args(arguments)
    try:
        cells = select(options.only)
        if options.list:
            print("\n".join(cell.name for cell in cells))
            return
        reproduce(cells, options)
    except EdgeskipError as error:
        sys.exit(f"error: {error}")


def reproduce(cells: list[Cell], options: argparse.Namespace) -> None:
    """Compute `cells` one by one; the report is written after each.

    Raises:
        EdgeskipError: something is wrong with the folder, the checkpoints or a network.
    """
    chosen = {name: value for name in OVERRIDES if (value := getattr(options, name)) is not None}
    store = Store(options.output, replace(QUICK if options.quick else Settings(), **chosen))
    command = shlex.join(["python", "-m", "edgeskip.demos.reproduce", *_spoken(options, chosen)])
    for cell in cells:
        if not options.report and store.read(cell) is None:
            begin = time.perf_counter()
            outcome = _outcome(cell, store, options)
            print(f"{cell.name}: {outcome}, {time.perf_counter() - begin:.0f} s", flush=True)
            write_report(store, command, options.quick)
    write_report(store, command, options.quick)
    print(f"{options.output / 'results.md'}")


def _outcome(cell: Cell, store: Store, options: argparse.Namespace) -> str:
    """Compute a cell and keep its record; a budget that can't be kept is a result, too."""
    begin = time.process_time()
    try:
        record = compute(cell, store, options.checkpoints, options.threads)
    except ConfigError as error:
        if "can't be reached" not in error.message:
            raise
        record = {"failure": error.message}
    except BackendError as error:  # another machine may be able to
        return f"not measured: {error.message}"
    record |= {"cpu_seconds": round(time.process_time() - begin, 1), "date": _now()}
    store.write(cell, record)
    return record.get("failure", "done")


def compute(cell: Cell, store: Store, checkpoints: Path | None, threads: int) -> dict[str, Any]:
    """The record of one cell."""
    torch = require("torch", "export", "reproducing the tables")
    from edgeskip.demos.reproduce.footage import Footage
    from edgeskip.demos.reproduce.gated import dense_checkpoint, dense_network, gated_network
    from edgeskip.demos.reproduce.large import measure_large
    from edgeskip.demos.reproduce.measure import drift, measure
    from edgeskip.demos.reproduce.players import DensePlayer, make_player
    from edgeskip.demos.reproduce.subjects import SUBJECTS
    from edgeskip.demos.reproduce.timing import measure_time

    torch.set_num_threads(threads)
    subject, settings = SUBJECTS[cell.network], store.settings.of(cell.network)
    checkpoint = dense_checkpoint(cell.network, checkpoints, store.folder, settings)
    about = {"checkpoint_sha256": fingerprint(checkpoint), "training_seed": settings.seed, "torch": torch.__version__}
    shown = store.folder / "footage" / cell.network
    footage = Footage(shown)
    if cell.gate == DENSE:
        return (
            measure(subject, DensePlayer(dense_network(cell.network, checkpoint, settings)), footage, settings) | about
        )
    network = gated_network(cell, checkpoint, store.folder, settings)
    if cell.kind == TIME:
        return measure_time(subject, network, footage, settings) | about
    if cell.kind == LARGE:
        return measure_large(cell, network, checkpoint, shown, settings) | about
    player = make_player(network, subject, cell.mode)
    if cell.kind == DRIFT:
        streams = settings.drift_streams if cell.mode == "refresh" else settings.residual_streams
        return drift(subject, player, DensePlayer(network), footage, settings, streams) | about
    return measure(subject, player, footage, settings) | about


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edgeskip.demos.reproduce", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("--only", action="append", default=[], metavar="PATTERN", help="cells by name, such as 'measure/*/norm_*/*'")
    add("--list", action="store_true", help="print the names of the cells and stop")
    add("--quick", action="store_true", help="shows whether everything runs; the figures mean nothing")
    add("--report", action="store_true", help="write the report of what is there, compute nothing")
    add("--output", "-o", type=Path, default=Path("out/reproduce"), help="folder of the results (%(default)s)")
    add("--checkpoints", type=Path, help="folder of <network>.pt; what is not there is trained (hours)")
    add("--threads", type=int, default=1, help="of torch; timings always have one (%(default)s)")
    for name in OVERRIDES:
        default = getattr(Settings(), name)
        kind, said = (float, "each network's own") if default is None else (type(default), default)
        add(f"--{name.replace('_', '-')}", type=kind, help=f"instead of {said}")
    return parser


def _spoken(options: argparse.Namespace, chosen: dict[str, Any]) -> list[str]:
    """The arguments that make these results again, without folders of this machine."""
    flags = ["--quick"] if options.quick else []
    only = [word for pattern in options.only for word in ("--only", pattern)]
    values = [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return flags + only + values


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
