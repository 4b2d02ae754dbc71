"""What a person may choose for an engine, validated once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeskip.backends.tensorrt.versions import HARDWARE, VERBOSITY
from edgeskip.core.errors import BackendError


@dataclass(frozen=True)
class Streams:
    """How many cameras the engine takes at once: at least, best, at most."""

    smallest: int = 1
    best: int = 1
    largest: int = 1

    @classmethod
    def read(cls, text: str) -> Streams:
        """Of "4", "1:8" (best at most) or "1:4:8". Raises BackendError."""
        numbers = [int(part) for part in text.split(":")] if re.fullmatch(r"\d+(:\d+){0,2}", text) else []
        if len(numbers) == 1:
            numbers *= 3
        elif len(numbers) == 2:
            numbers = [numbers[0], numbers[1], numbers[1]]
        if not numbers or not 1 <= numbers[0] <= numbers[1] <= numbers[2]:
            raise BackendError(
                f"--streams {text} is no number of streams: the smallest, the best and the largest, rising from 1",
                hint="such as --streams 4, --streams 1:8 or --streams 1:4:8",
            )
        return cls(*numbers)


@dataclass(frozen=True)
class BuildOptions:
    """Choices for TensorRT's builder. `workspace_bytes` None: all of the device's memory."""

    precision: str = "fp32"
    streams: Streams = Streams()
    workspace_bytes: int | None = None
    optimization_level: int = 3
    tf32: bool = False
    hardware: str = "none"
    version_compatible: bool = False
    verbosity: str = "detailed"
    alias_state: bool = False
    timing_cache: bool = True
    sparse_weights: bool = False
    max_threads: int | None = None
    auxiliary_streams: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.optimization_level <= 5:
            raise BackendError(f"--optimization-level {self.optimization_level}: it goes from 0 to 5")
        for name, value, known in (
            ("--hardware", self.hardware, HARDWARE),
            ("--layer-info", self.verbosity, VERBOSITY),
        ):
            if value not in known:
                raise BackendError(f"{name} {value}: it is one of {', '.join(known)}")
