"""The backends, and what the native engine makes of this processor."""

from __future__ import annotations

import importlib

from edgeskip.doctor.finding import Finding

_GROUP = "backends"
_NATIVE = "edgeskip.backends.cpu._native"


def backend_findings() -> list[Finding]:
    """One finding per backend."""
    from edgeskip.backends.registry import names

    return [_finding(name) for name in names()]


def _finding(name: str) -> Finding:
    from edgeskip.backends import registry

    try:
        backend = registry.get_backend(name)
        reason = backend.unavailable_reason()
    except ImportError as error:  # a library of another system or version: said here, not thrown
        reason = f"can't be imported: {error}"
    if reason is not None:
        return Finding(_GROUP, name, False, reason, _remedy(name))
    return Finding(_GROUP, name, True, backend.description + (_engine_text() if name == "cpu" else ""))


def _engine_text() -> str:
    levels, kernels = engine_levels(), engine_bf16_kernels()
    text = f" ({' > '.join(levels)})" if levels else ""
    return text + (f"; --precision bf16: {' > '.join(kernels)}" if kernels else "; no --precision bf16 on this CPU")


def engine_levels() -> list[str]:
    """Instruction set levels of the native engine on this CPU, best first; empty where it isn't built."""
    try:
        return list(importlib.import_module(_NATIVE).levels())
    except ImportError:
        return []


def engine_bf16_kernels() -> list[str]:
    """Kernels for --precision bf16 on this CPU, best first."""
    try:
        return list(importlib.import_module(_NATIVE).bf16_kernels())
    except (ImportError, ValueError):
        return []


def _remedy(name: str) -> str:
    if name == "cpu":
        return "build the native engine: pip install . (needs a C++17 compiler)"
    if name == "tensorrt":
        return "the findings under cuda say what is missing, in this order; docs/jetson.md is the way on a Jetson"
    return f"pip install {name}"
