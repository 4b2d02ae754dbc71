"""Where the time of a frame goes, for the networks of `cases`: python -m benchmarks.run_profile."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case, export_case
from benchmarks.report import markdown_table, write_report
from edgeskip.core.errors import EdgeskipError
from edgeskip.evaluate.profile import ProfileResult, profile
from edgeskip.video import open_source

ROOT = Path(__file__).resolve().parent
ABOUT = """# Where the time of a frame goes

Milliseconds by kind of layer: median over frames of the sum. `share` is of the median frame, `GFLOP/s` on the active
pixels, "outside" what a frame takes besides its layers (Python, copies in and out). The last line of a network is its
frame.
"""


def main(arguments: list[str]) -> int:
    """Profile the chosen cases; print the paths of the table."""
    options = read_options(arguments)
    rows: list[dict[str, Any]] = []
    for case in (case for case in CASES if options.only in f"{case.network} {case.video}"):
        result = measure(case, options)
        rows += table(case, result)
        print(markdown_table(table(case, result)), file=sys.stderr, flush=True)
    if not rows:
        raise EdgeskipError(f"no case holds {options.only!r}", hint=f"networks: {', '.join(c.network for c in CASES)}")
    command = f"python -m benchmarks.run_profile {shlex.join(arguments)}".strip()
    name = f"profile-{options.suffix or result.machine['date'][:10]}"
    print("\n".join(map(str, write_report(options.output, name, ABOUT, result.machine, command, rows))))
    return 0


def read_options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run_profile", description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    default = Path(os.environ.get("EDGESKIP_SHARED", ROOT.parent.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=default, help="folder with data/networks and data/videos")
    parser.add_argument("--only", default="", help="cases whose network or video holds this text")
    parser.add_argument("--threads", type=int, default=1, help="threads of the engine")
    parser.add_argument("--frames", type=int, default=300, help="timed frames at most")
    parser.add_argument("--warmup", type=int, default=10, help="frames before them")
    parser.add_argument("--output", type=Path, default=ROOT / "results", help="folder of the table")
    parser.add_argument("--suffix", default="", help="end of the files' names (default: the date)")
    return parser.parse_args(arguments)


def measure(case: Case, options: argparse.Namespace) -> ProfileResult:
    """Profile the case's network on its clip."""
    frames = min(case.frames, options.frames)
    model = export_case(case, options.shared)
    with open_source(case.video_path(options.shared), start=case.start, frames=frames + options.warmup) as source:
        return profile(
            model, (frame.picture for frame in source), threads=options.threads, warmup=options.warmup,
            source=case.video,
        )  # fmt: skip


def table(case: Case, result: ProfileResult) -> list[dict[str, Any]]:
    """Lines of one network."""
    record = result.record()
    frame = record["ms_median"]
    kinds = [
        *record["kinds"],
        {"kind": "outside", "layers": "", "ms_median": record["outside_ms_median"],
         "share": record["outside_ms_median"] / frame, "gflops": None},
        {"kind": "frame", "layers": "", "ms_median": frame, "share": 1.0, "gflops": None},
    ]  # fmt: skip
    about = {"network": case.network, "video": case.video, "MACs": record["active_mac_fraction_median"]}
    return [
        {**about, "kind": kind["kind"], "layers": kind["layers"], "ms": kind["ms_median"], "share": kind["share"],
         "GFLOP/s": kind["gflops"]}
        for kind in kinds
    ]  # fmt: skip


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeskipError as error:
        sys.exit(f"error: {error}")
