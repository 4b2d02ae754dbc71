"""Backends by name; what is missing is said with its remedy."""

from __future__ import annotations

from typing import Any

import pytest

from edgeskip.backends import registry
from edgeskip.backends.base import Backend, Runner
from edgeskip.core.errors import BackendError
from edgeskip.graph.skip_model import SkipModel


class Absent(Backend):
    name = "absent"
    description = "never there"

    def unavailable_reason(self) -> str | None:
        return "no such device"

    def create_runner(self, model: SkipModel, *, streams: int = 1, threads: int = 1, **options: Any) -> Runner:
        raise AssertionError("an unavailable backend was asked for a runner")


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Absent:
    """A registered backend that can't run, for one test."""
    monkeypatch.setattr(registry, "_backends", dict(registry._backends))
    backend = Absent()
    registry.register(backend)
    return backend


def test_the_names_that_the_commands_offer():
    assert registry.names() == ["tensorrt", "cpu", "onnxruntime", "reference"]


@pytest.mark.parametrize("name", ["tensorrt", "cpu", "onnxruntime", "reference"])
def test_a_backend_has_the_name_that_it_is_known_by(name: str):
    backend = registry.get_backend(name)
    assert backend.name == name
    assert backend.description
    assert registry.get_backend(name) is backend


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(BackendError, match="'gpu'") as caught:
        registry.get_backend("gpu")
    assert "cpu, onnxruntime, reference" in (caught.value.hint or "")


def test_a_name_is_registered_once(absent: Absent):
    with pytest.raises(ValueError, match="absent"):
        registry.register(absent)


def test_an_unavailable_backend_that_is_asked_for_says_why(absent: Absent):
    with pytest.raises(BackendError, match="absent can't run on this machine: no such device") as caught:
        registry.choose("absent")
    assert "reference" in (caught.value.hint or "")


def test_auto_passes_over_what_can_not_run_and_says_so(monkeypatch: pytest.MonkeyPatch, absent: Absent):
    monkeypatch.setattr(registry, "AUTOMATIC_ORDER", ("absent", "reference"))
    backend, reasons = registry.choose("auto")
    assert (backend.name, reasons) == ("reference", "absent: no such device")


def test_a_missing_native_module_is_an_unavailable_backend_with_a_remedy(monkeypatch: pytest.MonkeyPatch):
    from edgeskip.backends.cpu import loader

    monkeypatch.setattr(loader, "NATIVE_MODULE", "edgeskip.backends.cpu._not_built")
    reason = loader.CpuBackend().unavailable_reason()
    assert reason is not None
    assert "pip install" in reason
    assert "\n" not in reason
    with pytest.raises(BackendError, match="native CPU engine"):
        loader.native()


def test_available_leaves_out_what_can_not_run(absent: Absent):
    names = [backend.name for backend in registry.available()]
    assert "reference" in names
    assert "absent" not in names
