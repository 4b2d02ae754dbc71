"""The numpy reference as a backend."""

from __future__ import annotations

from typing import Any

from edgeskip.backends.base import Backend
from edgeskip.backends.reference.runner import ReferenceRunner
from edgeskip.core.errors import BackendError
from edgeskip.graph.skip_model import SkipModel


class ReferenceBackend(Backend):
    """Slow and obvious; what the others are compared with."""

    name = "reference"
    description = "numpy, op by op: the oracle that every other backend is compared with"

    def unavailable_reason(self) -> str | None:
        return None

    def create_runner(self, model: SkipModel, *, streams: int = 1, threads: int = 1, **options: Any) -> ReferenceRunner:
        if options:
            raise BackendError(f"the reference backend has no options, {sorted(options)} were given")
        return ReferenceRunner(model, streams=streams, threads=threads)
