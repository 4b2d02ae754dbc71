"""Backends by name, and the choice among those that this machine has."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from edgeskip.backends.base import Backend
from edgeskip.core.errors import BackendError
from edgeskip.graph.skip_model import SkipModel

# fastest first; the oracle is never chosen by itself where another one runs
AUTOMATIC_ORDER = ("tensorrt", "cpu", "onnxruntime", "reference")

_factories: dict[str, Callable[[], Backend]] = {}
_backends: dict[str, Backend] = {}


def register(backend: Backend) -> None:
    """Make `backend` known under its name. Raises ValueError where the name is taken."""
    if backend.name in _factories or backend.name in _backends:
        raise ValueError(f"a backend named {backend.name!r} is registered already")
    _backends[backend.name] = backend


def names() -> list[str]:
    """Names of all registered backends, those of the automatic order first."""
    known = [*_factories, *(name for name in _backends if name not in _factories)]
    return sorted(known, key=lambda name: (_rank(name), name))


def get_backend(name: str) -> Backend:
    """The backend called `name`, usable on this machine or not.

    Raises:
        BackendError: no backend has that name.
    """
    if name not in _backends:
        if name not in _factories:
            raise BackendError(f"there is no backend {name!r}", hint=f"choose one of: auto, {', '.join(names())}")
        _backends[name] = _factories[name]()
    return _backends[name]


def available() -> list[Backend]:
    """Backends that can run on this machine, best first."""
    return [backend for backend in map(get_backend, names()) if backend.unavailable_reason() is None]


def choose(name: str, model: SkipModel | None = None, *, at_once: bool = False) -> tuple[Backend, str]:
    """The backend for `name`, or with "auto" the best one that can run `model` here; with `at_once` the best one that
    needs to build nothing first, for those who only look at a model.

    Returns the backend and one line why the better ones were not taken ("" where none was passed over).

    Raises:
        BackendError: the backend is unknown or can't run here, or with "auto" none can.
    """
    if name != "auto":
        backend = get_backend(name)
        reason = _engine_refusal(backend, model) or backend.unavailable_reason()
        if reason is not None:
            others = ", ".join(other.name for other in available()) or "none"
            raise BackendError(
                f"backend {name} can't run on this machine: {reason}", hint=f"backends that can: {others}"
            )
        return backend, ""
    return _best(model, at_once)


def _best(model: SkipModel | None, at_once: bool) -> tuple[Backend, str]:
    passed_over: list[str] = []
    for backend in map(get_backend, names()):
        reason = backend.unavailable_reason() or _refusal(backend, model)
        if reason is None and at_once and backend.builds_first and not (model is not None and model.engine):
            reason = "it would build an engine first"
        if reason is None:
            return backend, "; ".join(passed_over)
        passed_over.append(f"{backend.name}: {reason}")
    raise BackendError(
        f"no backend can run here: {'; '.join(passed_over)}", hint="see what is missing with: edgeskip doctor"
    )


def _engine_refusal(backend: Backend, model: SkipModel | None) -> str | None:
    """An engine is one backend's own: its graph has no weights."""
    foreign = model is not None and model.engine and backend.name != "tensorrt"
    return "the model is a TensorRT engine" if foreign else None


def _refusal(backend: Backend, model: SkipModel | None) -> str | None:
    """Why `backend` can't run `model`, asked of backends that offer `refusal(model)`."""
    if reason := _engine_refusal(backend, model):
        return reason
    ask = getattr(backend, "refusal", None)
    return ask(model) if ask is not None and model is not None else None


def _rank(name: str) -> int:
    return AUTOMATIC_ORDER.index(name) if name in AUTOMATIC_ORDER else len(AUTOMATIC_ORDER)


def _lazily(module: str, cls: str) -> Callable[[], Backend]:
    return lambda: getattr(import_module(module), cls)()


_factories.update(
    {
        "tensorrt": _lazily("edgeskip.backends.tensorrt.loader", "TensorRtBackend"),
        "cpu": _lazily("edgeskip.backends.cpu.loader", "CpuBackend"),
        "onnxruntime": _lazily("edgeskip.backends.onnxruntime.loader", "OnnxRuntimeBackend"),
        "reference": _lazily("edgeskip.backends.reference.loader", "ReferenceBackend"),
    }
)
