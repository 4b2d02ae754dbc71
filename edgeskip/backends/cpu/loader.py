"""The CPU backend: whether its native module is here, and its runner."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

from edgeskip.backends.base import Backend, Runner
from edgeskip.core.errors import BackendError
from edgeskip.graph.skip_model import SkipModel

NATIVE_MODULE = "edgeskip.backends.cpu._native"
PRECISIONS = ("f32", "bf16")
BUILD_HINT = "build it with a C++17 compiler: pip install . (in a source checkout: make test)"


def native() -> ModuleType:
    """The native engine. Raises BackendError where it was not built for this Python."""
    try:
        return import_module(NATIVE_MODULE)
    except ImportError as error:
        raise BackendError(f"the native CPU engine can't be loaded: {error}", hint=BUILD_HINT) from error


def require_precision(precision: str, level: str = "auto") -> None:
    """Raise BackendError where `level` can't compute in `precision` on this CPU."""
    if precision != "bf16" or native().bf16_kernels(level):
        return
    chosen = os.environ.get("EDGESKIP_CPU_LEVEL") or level if level == "auto" else level
    raise BackendError(
        f"precision bf16 needs level avx512 on a CPU with AVX512-BF16 or AMX-BF16; level {chosen} of this one, "
        f"which has {', '.join(native().levels())}, can't do it",
        hint="use --precision f32; bf16 is for AMD from Zen 4, Intel Cooper Lake, and from Sapphire Rapids (AMX)",
    )


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
        `profile` (measure each operation: `CpuRunner.layer_times_ms`), `precision` ("f32", or "bf16":
        convolutions of 16 and more channels multiply factors rounded to bfloat16, where the CPU can).

        Raises:
            BackendError: an option is unknown, this CPU lacks what it asks for, or the native module is missing.
        """
        from edgeskip.backends.cpu.runner import CpuRunner, EngineOptions

        return CpuRunner(model, streams=streams, threads=threads, options=EngineOptions.checked(options))
