"""The CPU backend: whether its native module is here, and its runner."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from edgeskip.backends.base import Backend, Runner
from edgeskip.core.errors import BackendError
from edgeskip.graph.skip_model import SkipModel

NATIVE_MODULE = "edgeskip.backends.cpu._native"
BUILD_HINT = "build it with a C++17 compiler: pip install . (in a source checkout: make build)"


def native() -> ModuleType:
    """The native engine. Raises BackendError where it was not built for this Python."""
    try:
        return import_module(NATIVE_MODULE)
    except ImportError as error:
        raise BackendError(f"the native CPU engine can't be loaded: {error}", hint=BUILD_HINT) from error


class CpuBackend(Backend):
    """Runs the contract's ops on active pixels only, in native code; needs no GPU."""

    name = "cpu"
    description = "native engine, computes changed pixels only"

    def unavailable_reason(self) -> str | None:
        """Why the native module is not importable, with what builds it, or None where it is."""
        try:
            native()
        except BackendError as error:
            return f"{error.message}; {error.hint}"
        return None

    def create_runner(self, model: SkipModel, *, streams: int = 1, threads: int = 1, **options: Any) -> Runner:
        """A runner for `model`.

        Options: `level` ("auto" or an instruction set level of `_native.levels()`), `block` (0, 1, 2,
        4, 8: round active sets up to blocks; changes cost only), `panel_rows` (0, or pixels per panel),
        `profile` (measure each operation: `CpuRunner.layer_times_ms`).

        Raises:
            BackendError: an option is unknown, or the native module is missing.
        """
        from edgeskip.backends.cpu.runner import CpuRunner, EngineOptions

        return CpuRunner(model, streams=streams, threads=threads, options=EngineOptions.checked(options))
