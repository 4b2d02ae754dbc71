"""The numpy oracles, by op name: slow, obvious, and what every backend is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgeskip.graph.ir import Node

# (node, inputs with None for absent ones) -> outputs
Oracle = Callable[[Node, Sequence[np.ndarray | None]], list[np.ndarray]]

ORACLES: dict[str, Oracle] = {}


def reference(op_type: str) -> Callable[[Oracle], Oracle]:
    """Register the oracle of `op_type`. Raises ValueError where there is one already."""

    def register(function: Oracle) -> Oracle:
        if op_type in ORACLES:
            raise ValueError(f"op {op_type} has an oracle already")
        ORACLES[op_type] = function
        return function

    return register
