"""The doctor tells what is there and what to do about the rest, and never falls over."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from edgeskip.cli.entry import run
from edgeskip.doctor import Finding, devices, examine, packages
from edgeskip.doctor.engine import backend_findings


def test_every_finding_has_a_detail_and_what_is_missing_and_needed_has_a_remedy() -> None:
    findings = examine()
    assert {finding.group for finding in findings} == {"machine", "backends", "packages", "cuda", "devices"}
    for finding in findings:
        assert finding.name, finding
        assert finding.detail, finding
        if not finding.ok and finding.needed:
            assert finding.remedy, finding


def test_json_has_the_version_and_every_finding(capsys) -> None:
    assert run(["doctor", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert set(record) == {"edgeskip", "findings"}
    assert set(record["findings"][0]) == {"group", "name", "ok", "detail", "remedy", "needed"}
    assert len(record["findings"]) == len(examine())


def test_text_shows_a_remedy_for_what_is_missing(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    import edgeskip.doctor

    found = [
        Finding("packages", "numpy", True, "2.0"),
        Finding("packages", "openvino", False, "for comparison", 'pip install "edgeskip[bench]"'),
    ]
    monkeypatch.setattr(edgeskip.doctor, "examine", lambda: found)
    assert run(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    numpy_line = next(line for line in lines if "numpy" in line)
    assert numpy_line.split() == ["ok", "numpy", "2.0"]
    index = next(index for index, line in enumerate(lines) if "openvino" in line)
    assert lines[index].split()[0] == "missing"
    assert lines[index + 1].strip() == 'pip install "edgeskip[bench]"'


def test_hidden_package_is_missing_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openvino" else real(name))
    found = {finding.name: finding for finding in packages.package_findings()}
    assert not found["openvino"].ok
    assert not found["openvino"].needed
    assert found["openvino"].remedy == 'pip install "edgeskip[bench]"'
    assert found["numpy"].ok
    assert found["numpy"].detail[0].isdigit()


def test_system_build_without_a_record_counts_as_installed() -> None:
    assert packages.installed_version("json", ("no-such-distribution-for-json",)) == "installed"
    assert packages.installed_version("no_such_module_anywhere", ()) is None


def test_broken_backend_is_a_finding_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeskip.backends import registry

    def broken(name: str):
        raise ImportError("libstrange.so.1: cannot open shared object file")

    monkeypatch.setattr(registry, "get_backend", broken)
    findings = backend_findings()
    assert findings
    assert not any(finding.ok for finding in findings)
    assert all("libstrange" in finding.detail for finding in findings)


def test_cameras_come_in_order_with_their_names(tmp_path: Path) -> None:
    for index in (10, 2, 0):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / "dev" / f"video{index}").touch()
        (tmp_path / "names" / f"video{index}").mkdir(parents=True)
        (tmp_path / "names" / f"video{index}" / "name").write_text(f"Camera {index}\n")
    found = devices.camera_findings(tmp_path / "dev", tmp_path / "names")
    assert [Path(finding.name).name for finding in found] == ["video0", "video2", "video10"]
    assert [finding.detail for finding in found] == ["Camera 0", "Camera 2", "Camera 10"]
    assert all(finding.ok for finding in found)


def test_no_camera_has_a_remedy(tmp_path: Path) -> None:
    (only,) = devices.camera_findings(tmp_path, tmp_path)
    assert not only.ok
    assert "--source" in only.remedy


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, None), ({"DISPLAY": ":0"}, ":0"), ({"WAYLAND_DISPLAY": "wayland-0"}, "wayland-0")],
    ids=str,
)
@pytest.mark.skipif("sys.platform != 'linux'", reason="other systems always have a display")
def test_display(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str | None) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert devices.display_name() == expected
