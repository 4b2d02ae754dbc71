"""Runs a skip model in numpy, op by op."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.backends.functional import FunctionalRunner
from edgeskip.graph.reference.interpreter import Interpreter


class ReferenceRunner(FunctionalRunner):
    """The oracle. `values` holds every tensor of the last frame (of the last stream, where the batch is fixed)."""

    where = "numpy"
    reason = "computed densely, then masked"

    def load(self) -> None:
        self._interpreter: Interpreter | None = Interpreter(self.model.graph)
        self.values: dict[str, np.ndarray] = {}

    def unload(self) -> None:
        self._interpreter = None
        self.values = {}

    def compute(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert self._interpreter is not None
        self.values = self._interpreter.run(feeds)
        return {name: self.values[name] for name in self.wanted}
