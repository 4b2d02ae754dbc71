"""Pictures of the tables: metric over MACs, and loss over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeskip.demos.overlay.chart import Chart, Series
from edgeskip.demos.overlay.png import write_png
from edgeskip.demos.reproduce.cells import DENSE, DRIFT_GATES, MODES, NETWORKS
from edgeskip.demos.reproduce.rows import Row

LEAST_POINTS = 4.0  # of the metric: a few tenths are noise, and shall look so


def draw_plots(folder: Path, rows: list[Row], drifts: list[Row]) -> None:
    """Write <network>.macs.png and <network>.drift.png for what there is."""
    for network in NETWORKS:
        charts = {"macs": macs_chart(network, rows), "drift": drift_chart(network, drifts)}
        for name, chart in charts.items():
            if chart is not None:
                write_png(folder / f"{network}.{name}.png", chart.draw())


def macs_chart(network: str, rows: list[Row]) -> Chart | None:
    """Metric over the share of MACs: a series per family of gates and mode; None without points."""
    mine = [row for row in rows if row["network"] == network and "value" in row and row["mac_gain"]]
    families: dict[str, list[tuple[float, float]]] = {}
    for row in mine:
        family = row["gate"] if row["gate"] == DENSE else f"{row['gate'].split('_')[0]} {row['mode']}"
        families.setdefault(family, []).append((1 / row["mac_gain"], row["value"]))
    series = [Series(name, np.array(points), joined=False, large=True) for name, points in families.items()]
    title = f"{network}: unseen seeds"
    if not series:
        return None
    return Chart(title, "share of dense MACs", mine[0]["metric"], series, least_height=LEAST_POINTS)


def drift_chart(network: str, rows: list[Row]) -> Chart | None:
    """Loss over the frames after the reference; None without points."""
    series = []
    for mode in MODES:
        for gate in DRIFT_GATES:
            mine = [row for row in rows if (row["network"], row["gate"], row["mode"]) == (network, gate, mode)]
            points = [(np.log10(row["frame"]), row["loss"]) for row in mine if "loss" in row]
            if points:
                series.append(Series(f"{gate.split('_')[0]} {mode}", np.array(points)))
    if not series:
        return None
    title = f"{network}: drift"
    return Chart(title, "log10 of frames after the reference", "points lost", series, least_height=LEAST_POINTS)
