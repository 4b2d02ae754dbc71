"""Driver, toolkit, TensorRT, plugins: what is there, and the remedy of what is not."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from edgeskip.backends.tensorrt.device import DriverState, GpuState
from edgeskip.doctor import cuda
from edgeskip.doctor.finding import Finding

ORIN = DriverState("", (12, 6), (GpuState("Orin", (8, 7), 8 << 30, True),))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch):
    """The findings by name on a machine that is described."""

    def look(
        state: DriverState = ORIN, version: str | None = "10.3.0", installed: str | None = "10.3.0",
        plugins: Path | None = None, nvcc: Path | None = None,
    ) -> dict[str, Finding]:  # fmt: skip
        monkeypatch.setattr(cuda, "look_for_driver", lambda: state)
        monkeypatch.setattr(cuda, "_version_by_import", lambda: version)
        monkeypatch.setattr(cuda, "installed_version", lambda module, names: installed)
        monkeypatch.setattr(cuda, "plugin_path", lambda numbers, architecture: plugins)
        monkeypatch.setattr(cuda, "find_nvcc", lambda: nvcc)
        monkeypatch.setattr(cuda, "find_headers", lambda: None)
        return {finding.name: finding for finding in cuda.cuda_findings()}

    return look


def test_a_whole_machine(found, tmp_path: Path) -> None:
    library = tmp_path / "libedgeskip_tensorrt.so"
    library.touch()
    findings = found(plugins=library)
    assert findings["driver"].detail == "CUDA 12.6, 1 devices"
    assert findings["device 0"].detail == "Orin, sm_87, 8.0 GiB shared with the CPU"
    assert findings["tensorrt"].detail == "10.3.0, supported"
    assert findings["plugins"].detail == str(library)
    assert all(findings[name].ok for name in ("driver", "device 0", "tensorrt", "plugins"))


def test_without_a_driver_tensorrt_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runtime ends the process where there is no device."""

    def absent(name: str):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    monkeypatch.setattr(cuda, "_version_by_import", lambda: pytest.fail("tensorrt was imported"))
    findings = {finding.name: finding for finding in cuda.cuda_findings()}
    assert not findings["driver"].ok
    assert findings["driver"].remedy
    assert not findings["tensorrt"].ok
    assert not findings["plugins"].ok


@pytest.mark.parametrize(("status", "meaning"), [(999, "not loaded"), (803, "restart"), (35, "too old"), (12345, "")])
def test_driver_that_fails_to_start_is_told_with_its_error(
    monkeypatch: pytest.MonkeyPatch, status: int, meaning: str
) -> None:
    class Library:
        def cuInit(self, flags: int) -> int:  # noqa: N802
            return status

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    findings = {finding.name: finding for finding in cuda.cuda_findings()}
    assert str(status) in findings["driver"].detail
    assert meaning in findings["driver"].detail
    assert not findings["driver"].ok


def test_an_unsupported_tensorrt_has_its_remedy(found) -> None:
    finding = found(version="8.5.2.2")["tensorrt"]
    assert not finding.ok
    assert "8.5.2.2 is not supported" in finding.detail
    assert "JetPack 6" in finding.remedy


def test_a_tensorrt_that_does_not_import_or_is_absent(found) -> None:
    assert "import fails" in found(version=None)["tensorrt"].detail
    absent = found(version=None, installed=None)["tensorrt"]
    assert absent.detail == "not installed"
    assert "apt install" in absent.remedy


def test_plugins_that_were_not_compiled_and_a_path_that_leads_nowhere(found, tmp_path: Path) -> None:
    missing = found()["plugins"]
    assert missing.detail == "none for TensorRT 10.3.0 and sm_87"
    assert missing.remedy == "edgeskip build --plugins-only"
    assert "does not exist" in found(plugins=tmp_path / "gone.so")["plugins"].detail


def test_a_missing_toolkit_says_what_it_is_for(found) -> None:
    finding = found()["toolkit"]
    assert not finding.ok
    assert "not to run them" in finding.detail
    assert "CUDA_HOME" in finding.remedy
