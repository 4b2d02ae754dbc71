"""Markdown, CSV and pictures of what a store holds so far. Needs no torch."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from edgeskip.core.files import write_bytes
from edgeskip.demos.reproduce.cells import DRIFT_GATES, MODES, NETWORKS, all_cells
from edgeskip.demos.reproduce.plots import draw_plots
from edgeskip.demos.reproduce.rows import TIMES, TORCH_ONLY, Row, drift_rows, large_rows, main_rows, to_csv
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.store import Store

EXPLANATION = """\
Gates were set on the tuning seeds for {budget} of the dense MACs, gates included; everything here is measured on
unseen test seeds, in percent: refresh in the CPU engine on the exported file, residual and dense in torch. Loss:
points less than the dense network on the same frames, below 0 is a gain. The first frame of a clip is the reference
and not counted. Milliseconds: means, one thread, clip by clip in turn with ONNX Runtime on the dense network;
share: speedup / MAC gain in that run. The residual sum can't be exported: torch only. Reference held: the first
frame's outputs shown for the whole clip, which says how much there is to lose. "-": not run.
"""

LARGE_EXPLANATION = """\
The same networks with every channel twice and each copy's weight halved where it is read (Net2Net), which changes
nothing that they answer: layers as wide as HRNet-w32's and EfficientDet-D0's heads. EfficientDet sees four scenes side
by side, at EfficientDet-D0's size. Loss: on the frames whose time was taken.
"""


def write_report(store: Store, command: str, quick: bool) -> None:
    """Write results.md, results.csv, large.csv, drift.csv and the plots into the store's folder."""
    rows, drifts = main_rows(store), drift_rows(store)
    write_bytes(store.folder / "results.csv", to_csv(rows).encode())
    write_bytes(store.folder / "large.csv", to_csv(large_rows(store)).encode())
    write_bytes(store.folder / "drift.csv", to_csv(drifts).encode())
    write_bytes(store.folder / "results.md", markdown(store, rows, drifts, command, quick).encode())
    draw_plots(store.folder, rows, drifts)


def markdown(store: Store, rows: list[Row], drifts: list[Row], command: str, quick: bool) -> str:
    """The report's text."""
    cells = all_cells()
    done = sum(store.read(cell) is not None for cell in cells)
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    parts = [
        "# Skip-Convolutions, reproduced\n",
        "**A quick run: it shows that everything works, its figures mean nothing.**\n" if quick else "",
        EXPLANATION.format(budget=_budgets(store.settings)),
        f"- command: `{command}`\n- date: {date}\n- cells: {done} of {len(cells)}\n"
        f"- settings: `{json.dumps(asdict(store.settings))}`\n",
        *(_main_table(network, rows) for network in NETWORKS),
        _large_table(large_rows(store)),
        *(_drift_table(network, drifts) for network in NETWORKS),
    ]
    return "\n".join(part for part in parts if part)


def _budgets(settings: Settings) -> str:
    """One figure, or each network's."""
    if settings.budget is not None:
        return f"{settings.budget:g}"
    return " and ".join(f"{settings.of(network).budget:g} ({network})" for network in NETWORKS)


def _main_table(network: str, rows: list[Row]) -> str:
    mine = [row for row in rows if row["network"] == network]
    if not mine:
        return ""
    metric = next((row["metric"] for row in mine if "metric" in row), "metric")
    names = ["gate", "mode", "GMAC / frame", "MACs fewer", metric, "loss", "edgeskip ms", "ONNX Runtime ms", "speedup",
             "share", "frames", "seeds"]  # fmt: skip
    return f"## {network}\n\n" + _table(names, [_main_cells(row) for row in mine])


def _main_cells(row: Row) -> list[str]:
    if "failure" in row:
        return [row["gate"], row["mode"], row["failure"], *[""] * 9]
    times = [_number(row.get(key), 2) for key in TIMES]
    if row.get("wall_clock"):
        times = [row["wall_clock"], *["" if row["wall_clock"] == TORCH_ONLY else "-"] * 3]
    gain = f"{row['mac_gain']:.2f} x" if row["mac_gain"] else "-"
    return [row["gate"], row["mode"], _number(row["gmac"], 4), gain, _number(row["value"], 2),
            _number(row["loss"], 2), *times, str(row["frames"]), row["seeds"]]  # fmt: skip


def _large_table(rows: list[Row]) -> str:
    if not rows:
        return ""
    names = ["network", "input", "gate", "dense GMAC", "MACs fewer", "metric", "loss", "edgeskip ms", "ONNX Runtime ms",
             "speedup", "share", "frames", "seeds"]  # fmt: skip
    lines = [_large_cells(row) for row in rows]
    return f"## At the size of the published networks\n\n{LARGE_EXPLANATION}\n" + _table(names, lines)


def _large_cells(row: Row) -> list[str]:
    if "failure" in row:
        return [row["network"], "", row["gate"], row["failure"], *[""] * 9]
    return [row["network"], row["size"], row["gate"], _number(row["dense_gmac"], 2), f"{row['mac_gain']:.2f} x",
            f"{row['metric']} {row['value']:.2f}", _number(row["loss"], 2), *(_number(row[key], 2) for key in TIMES),
            str(row["frames"]), row["seeds"]]  # fmt: skip


def _drift_table(network: str, rows: list[Row]) -> str:
    mine = [row for row in rows if row["network"] == network]
    if not mine:
        return ""
    moments = sorted({row["frame"] for row in mine if "frame" in row})
    metric = next((row["metric"] for row in mine if "metric" in row), "metric")
    figures = [f"{metric} at {at} (loss)" for at in moments] + [f"error at {at}" for at in moments]
    names = ["gate", "mode", "scenes", *figures]
    lines = [line for gate in DRIFT_GATES for mode in MODES if (line := _drift_cells(gate, mode, moments, mine))]
    note = "Error: squared difference of the outputs to the dense network's, relative to their variance.\n\n"
    return f"## Drift, {network}: frames after the reference\n\n{note}" + _table(names, lines)


def _drift_cells(gate: str, mode: str, moments: list[int], rows: list[Row]) -> list[str]:
    mine = [row for row in rows if (row["gate"], row["mode"]) == (gate, mode)]
    failure = next((row["failure"] for row in mine if "failure" in row), None)
    if failure:
        return [gate, mode, failure, *[""] * (2 * len(moments))]
    at = {row["frame"]: row for row in mine}
    values = [f"{at[t]['value']:.2f} ({at[t]['loss']:+.2f})" if t in at else "-" for t in moments]
    errors = [f"{at[t]['relative_error']:.2g}" if t in at else "-" for t in moments]
    return [gate, mode, str(mine[0]["streams"]), *values, *errors] if mine else []


def _table(names: list[str], lines: list[list[str]]) -> str:
    rows = [names, ["---"] * len(names), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _number(value: Any, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
