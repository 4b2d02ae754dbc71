"""How the TensorRT runner works."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from edgeskip.core.errors import BackendError

PRECISIONS = ("f32", "f16")
STATES = ("auto", "in_place", "ping_pong")


@dataclass(frozen=True)
class RunnerOptions:
    """`precision`: that of an engine that is built on the way. `profile`: measure each layer, without a graph. `state`:
    update the state in one buffer, in two that change roles, or ("auto") as a check on the device decides. `graph`:
    launch frames as a CUDA graph. `device`: number of the GPU."""

    precision: str = "f32"
    profile: bool = False
    state: str = "auto"
    graph: bool = True
    device: int = 0

    @classmethod
    def checked(cls, options: dict[str, Any]) -> RunnerOptions:
        """Options by name. Raises BackendError on an unknown name or a value out of range."""
        known = [item.name for item in fields(cls)]
        for name in options:
            if name not in known:
                raise BackendError(f"the tensorrt backend has no option {name!r}", hint=f"it has: {', '.join(known)}")
        result = cls(**options)
        for name, value, allowed in (("precision", result.precision, PRECISIONS), ("state", result.state, STATES)):
            if value not in allowed:
                raise BackendError(f"{name} must be one of {', '.join(allowed)}: {value}")
        return result
