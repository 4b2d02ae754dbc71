"""The cells of the tables: each is one measurement, with a name, computed once. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from edgeskip.core.contract import BLOCKS
from edgeskip.core.errors import ConfigError

NETWORKS = ("hrnet_pose_small", "efficientdet_small")
DENSE = "dense"
GATES = ("norm_input", "norm_output", *(f"gumbel_{block}" for block in BLOCKS))
MODES = ("residual", "refresh")
# one gate of each family: 3000 frames in torch take long
DRIFT_GATES = ("norm_output", "gumbel_4")
MEASURE, TIME, LARGE, DRIFT = "measure", "time", "large", "drift"


@dataclass(frozen=True)
class Cell:
    """`kind`: "measure" (metric and MACs), "time" (wall clock), "large" (wall clock and metric at the size of the
    published networks) or "drift"; `mode` is "" for the dense network."""

    kind: str
    network: str
    gate: str
    mode: str = ""

    @property
    def name(self) -> str:
        """Such as measure/hrnet_pose_small/gumbel_4/refresh."""
        return "/".join(part for part in (self.kind, self.network, self.gate, self.mode) if part)


def all_cells() -> list[Cell]:
    """All of them, what is cheap first. Residual sums can't be exported, so they have no wall clock."""
    measured = [Cell(MEASURE, network, DENSE) for network in NETWORKS]
    measured += [Cell(MEASURE, network, gate, mode) for gate in GATES for network in NETWORKS for mode in MODES]
    timed = [Cell(kind, network, gate, "refresh") for kind in (TIME, LARGE) for gate in GATES for network in NETWORKS]
    drifting = [Cell(DRIFT, network, gate, mode) for gate in DRIFT_GATES for network in NETWORKS for mode in MODES]
    return measured + timed + drifting


def select(patterns: Sequence[str]) -> list[Cell]:
    """Cells whose name matches one of `patterns` (`fnmatch`); all without any.

    Raises:
        ConfigError: a pattern that names no cell.
    """
    cells = all_cells()
    for pattern in patterns:
        if not any(fnmatchcase(cell.name, pattern) for cell in cells):
            raise ConfigError(
                f"--only {pattern!r} names no cell",
                hint=f"such as {cells[2].name}, 'measure/*/gumbel_*' or '*/{NETWORKS[0]}/*'; --list shows all",
            )
    return [cell for cell in cells if not patterns or any(fnmatchcase(cell.name, pattern) for pattern in patterns)]
