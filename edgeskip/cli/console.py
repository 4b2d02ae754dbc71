"""Data to stdout, messages to stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def say(text: str) -> None:
    """A message for the person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_json(record: Any) -> None:
    """`record` as JSON on stdout; numbers that JSON does not have become null."""
    print(json.dumps(_plain(record), indent=2))


def print_facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    """A title and aligned "name  value" lines on stdout."""
    from rich.text import Text

    facts = list(facts)
    console = output()
    if title:
        console.print(Text(title, style="bold"), soft_wrap=True)
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        console.print(Text.assemble((f"{name:<{width}}  ", "dim"), value), soft_wrap=True)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """A table on stdout; the columns named in `right` are aligned right."""
    from rich.table import Table

    table = Table(box=None, title=title or None, title_justify="left", title_style="bold", pad_edge=False,
                  header_style="dim", padding=(0, 2, 0, 0))  # fmt: skip
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_literal(cell) for cell in row))
    output().print(table)


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Any]:
    """A progress bar on stderr where that is a terminal; yields a function to call after each step."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors(), transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda *_: bar.advance(task)


def output() -> Any:
    """The rich console of stdout; as wide as need be where it is a file, so that no line is folded."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 10_000)


def errors() -> Any:
    """The rich console of stderr."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False)


def mebibytes(count: float) -> str:
    """Bytes in a unit that a person reads."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


def mega_macs(count: float) -> str:
    """Multiply-accumulates in a unit that a person reads."""
    return f"{count / 1e9:.2f} GMAC" if count >= 1e9 else f"{count / 1e6:.1f} MMAC"


def percent(fraction: float) -> str:
    """A share, with as many digits as it needs."""
    return f"{100 * fraction:.1f} %" if fraction < 0.0995 else f"{100 * fraction:.0f} %"


def _literal(text: str) -> Any:
    """Text in which brackets are no markup."""
    from rich.text import Text

    return Text(text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
