"""Result files of the benchmarks: a Markdown page for people, CSV for programs, with how they were made."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeskip.core.files import write_bytes

Row = Mapping[str, Any]


def markdown_table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table; columns are the keys of the first."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in columns) + " |" for row in rows]
    return "\n".join(lines)


def write_report(folder: Path, name: str, about: str, machine: Row, command: str, rows: Sequence[Row]) -> list[Path]:
    """Write `name`.md and `name`.csv whole or not at all; return their paths. Raises OutputError."""
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
    facts = {
        "command": f"`{command}`",
        "date": machine["date"],
        "machine": f"{machine['cpu']}, {machine['cores']} cores, level {machine['level']}, {machine['system']}",
        "versions": f"Python {machine['python']}, {versions}",
        "load average at the end": machine["load_average"],
    }
    page = [about, *(f"- {key}: {value}" for key, value in facts.items()), "", markdown_table(rows), ""]
    table = io.StringIO()
    extra = {"command": command, "date": machine["date"], "cpu": machine["cpu"], "versions": versions}
    writer = csv.DictWriter(table, [*rows[0], *extra], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, **extra} for row in rows)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.md", folder / f"{name}.csv"]
    write_bytes(paths[0], "\n".join(page).encode())
    write_bytes(paths[1], table.getvalue().encode())
    return paths


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 else str(value)
