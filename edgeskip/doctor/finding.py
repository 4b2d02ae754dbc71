"""One line of the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """`name` within `group`; `ok` whether it is there; `detail` version or what was found; `remedy` the command
    or action that brings it, "" where there is nothing to do; `needed`: edgeskip does not run without it."""

    group: str
    name: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = False

    def to_record(self) -> dict[str, Any]:
        """The finding as plain values, for JSON."""
        return asdict(self)
