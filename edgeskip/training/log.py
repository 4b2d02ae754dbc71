"""The log of a training: one row of a CSV file per logged step, and none twice after a run has gone on."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from edgeskip.core.files import write_bytes
from edgeskip.training.progress import Point, Progress

COLUMNS = (
    "step", "loss", "task_loss", "gate_loss", "price", "temperature", "rate", "target", "mac_fraction",
    "metric", "tuning_mac_fraction",
)  # fmt: skip


class Log:
    """Rows of `file` up to `step` are kept; later ones belong to a run that broke off."""

    def __init__(self, file: Path, step: int) -> None:
        rows = [row for row in read_log(file) if int(row["step"]) <= step] if file.is_file() else []
        write_bytes(file, _lines(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]).encode())
        self._file = file

    def add(self, progress: Progress) -> None:
        """Append a row."""
        values = [getattr(progress, name) for name in COLUMNS[:-2]]
        figures = progress.evaluation
        values += ["", ""] if figures is None else [figures.metric, figures.mac_fraction]
        with self._file.open("a", newline="", encoding="utf-8") as output:
            output.write(_lines(None, [values]))


def read_log(file: Path) -> list[dict[str, str]]:
    """Rows of a log, as text by column. A row that was cut off is left out."""
    with file.open(newline="", encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if row.get(COLUMNS[-1]) is not None]


def write_curve(file: Path, curve: tuple[Point, ...]) -> None:
    """Metric over MACs as CSV: the positions of the knob that were tried."""
    rows = [[point.knob, point.evaluation.mac_fraction, point.evaluation.metric] for point in curve]
    write_bytes(file, _lines(("knob", "mac_fraction", "metric"), rows).encode())


def _lines(header: tuple[str, ...] | None, rows: list[list]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows([[f"{value:.6g}" if isinstance(value, float) else value for value in row] for row in rows])
    return text.getvalue()
