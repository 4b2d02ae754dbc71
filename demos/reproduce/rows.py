"""The cells of a store as rows of three tables: what the gates cost and save, time of larger networks, and drift. Needs
no torch."""

from __future__ import annotations

import csv
import io
from typing import Any

from edgeskip.demos.reproduce.cells import (
    DENSE,
    DRIFT,
    DRIFT_GATES,
    GATES,
    LARGE,
    MEASURE,
    MODES,
    NETWORKS,
    TIME,
    Cell,
)
from edgeskip.demos.reproduce.store import Store

TORCH_ONLY, HELD = "torch only", "reference held"
TIMES = ("edgeskip_ms", "onnxruntime_ms", "speedup", "share_of_mac_gain")
Row = dict[str, Any]


def main_rows(store: Store) -> list[Row]:
    """A row per network, gate and mode that was measured; `loss` in points against the dense network.

    `HELD`: the outputs of the reference, shown for the rest of the clip at no cost.
    """
    rows: list[Row] = []
    for network in NETWORKS:
        dense = store.read(Cell(MEASURE, network, DENSE))
        if dense is not None:
            rows.append(_row(network, DENSE, "", dense, dense, None))
            rows.append(_held_row(network, dense))
        for gate in GATES:
            for mode in MODES:
                record = store.read(Cell(MEASURE, network, gate, mode))
                if record is not None:
                    rows.append(_row(network, gate, mode, record, dense, _time(store, network, gate, mode)))
    return rows


def large_rows(store: Store) -> list[Row]:
    """A row per network and gate whose wall clock was measured at the size of the published networks."""
    cells = [Cell(LARGE, network, gate, "refresh") for network in NETWORKS for gate in GATES]
    return [_large_row(cell, record) for cell in cells if (record := store.read(cell)) is not None]


def drift_rows(store: Store) -> list[Row]:
    """A row per network, gate, mode and frame after the reference."""
    cells = [Cell(DRIFT, network, gate, mode) for network in NETWORKS for gate in DRIFT_GATES for mode in MODES]
    return [row for cell in cells for row in _drift_rows(cell, store.read(cell) or {})]


def to_csv(rows: list[Row]) -> str:
    """The rows as CSV, columns in the order in which they first occur."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list({key: None for row in rows for key in row}), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(network: str, gate: str, mode: str, record: Row, dense: Row | None, time: Row | str | None) -> Row:
    row: Row = {"network": network, "gate": gate, "mode": mode}
    if "failure" in record:
        return {**row, "failure": record["failure"]}
    metric = record["metric"]
    row |= {"gmac": record["gmac"], "mac_gain": 1 / record["mac_fraction"], "metric": metric, "value": record[metric],
            "loss": None if dense is None else round(dense[metric] - record[metric], 3)}  # fmt: skip
    if isinstance(time, dict) and "failure" in time:
        row["wall_clock"] = time["failure"]
    elif isinstance(time, dict):
        row |= {key: time[key] for key in TIMES}
    elif time is not None:
        row["wall_clock"] = time
    first, last = record["seeds"]
    return {**row, "frames": record["clips"] * record["frames"], "seeds": f"{first}-{last}"}


def _held_row(network: str, dense: Row) -> Row:
    metric, first, last = dense["metric"], *dense["seeds"]
    return {"network": network, "gate": HELD, "mode": "", "gmac": 0.0, "mac_gain": None, "metric": metric,
            "value": dense["held"][metric], "loss": round(dense[metric] - dense["held"][metric], 3),
            "frames": dense["clips"] * dense["frames"], "seeds": f"{first}-{last}"}  # fmt: skip


def _time(store: Store, network: str, gate: str, mode: str) -> Row | str | None:
    return TORCH_ONLY if mode == "residual" else store.read(Cell(TIME, network, gate, mode))


def _large_row(cell: Cell, record: Row) -> Row:
    row: Row = {"network": cell.network, "gate": cell.gate}
    if "failure" in record:
        return {**row, "failure": record["failure"]}
    first, last = record["seeds"]
    return {**row, "size": "{}x{}".format(*record["size"]), "dense_gmac": record["dense_gmac"],
            "mac_gain": 1 / record["mac_fraction"], "metric": record["metric"], "value": record[record["metric"]],
            "loss": record["loss"], **{key: record[key] for key in TIMES}, "frames": record["frames"],
            "seeds": f"{first}-{last}"}  # fmt: skip


def _drift_rows(cell: Cell, record: Row) -> list[Row]:
    common = {"network": cell.network, "gate": cell.gate, "mode": cell.mode}
    if "failure" in record:
        return [{**common, "failure": record["failure"]}]
    rows = []
    for at, figures in record.get("at", {}).items():
        metric = record["metric"]
        gated, dense = figures["gated"][metric], figures["dense"][metric]
        rows.append({
            **common, "frame": int(at), "metric": metric, "value": gated, "dense": dense,
            "loss": round(dense - gated, 3), "relative_error": figures["relative_error"],
            "mac_fraction": record["mac_fraction"], "streams": record["streams"],
            "seeds": "{}-{}".format(*record["seeds"]),
        })  # fmt: skip
    return rows
