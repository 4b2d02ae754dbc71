"""The names that are used exist in NVIDIA's own bindings, version by version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.fake_builder import FakeTensorRT
from support.tensorrt_bindings import require_wheels, run_in, unpack

from edgeskip.backends.tensorrt.errors import TensorRTError
from edgeskip.backends.tensorrt.versions import COMMON, SOME, parse_version, require_supported


@pytest.mark.parametrize("text", ["8.6.1", "8.6.2.3", "10.3.0", "10.13.3.9.post1", "10.16.0", "11.4.0.106"])
def test_supported_versions(text: str) -> None:
    assert require_supported(text) == parse_version(text)


@pytest.mark.parametrize("text", ["8.5.3", "8.4", "9.2.0", "10.0.1", "10.2.0", "12.0.0", "7", ""])
def test_other_versions_are_refused(text: str) -> None:
    with pytest.raises(TensorRTError, match=r"8\.6, and 10\.3 to 11"):
        require_supported(text)


def test_names_exist_in_the_real_bindings(tmp_path: Path) -> None:
    """All members of COMMON, and those of SOME just where they are said to be."""
    for version, wheel in require_wheels().items():
        environment = unpack(wheel, tmp_path / version)
        owners = sorted({*COMMON, *(owner for owner, _ in SOME)})
        script = (
            "import json, tensorrt_bindings as trt\n"
            f"names = {owners!r}\n"
            "print(json.dumps({name: dir(getattr(trt, name, None)) for name in names} | {'': dir(trt)}))"
        )
        found = run_in(environment, script)
        for owner, members in COMMON.items():
            assert not set(members) - set(found[owner]), f"{version}: {owner}"
        assert {"get_plugin_registry", "ILogger", "nptype", "Runtime"} <= set(found[""])
        number = parse_version(version)[:2]
        for (owner, name), (first, gone) in SOME.items():
            there = first <= number and (gone is None or number < gone)
            assert (name in found[owner]) == there, f"{version}: {owner}.{name}"


def test_a_logger_and_a_monitor_can_be_made_of_the_real_classes(tmp_path: Path) -> None:
    script = """
import json, sys
sys.path.insert(0, {root!r})
import tensorrt_bindings as trt
from edgeskip.backends.tensorrt import versions
from edgeskip.backends.tensorrt.module import make_log
from edgeskip.backends.tensorrt.progress import make_monitor
log = make_log(trt)
log.log(trt.ILogger.Severity.ERROR, "broken")
log.log(trt.ILogger.Severity.INFO, "said")
heard = []
monitor = make_monitor(trt, lambda share, phase: heard.append(share) or True)
if monitor is not None:
    monitor.phase_start("a", None, 2)
    monitor.step_complete("a", 0)
print(json.dumps({{"errors": log.errors, "heard": heard, "monitor": monitor is not None,
    "flags": versions.network_flags(trt), "half": versions.may_compute_half(trt) is not None,
    "level": int(versions.hardware_level(trt, "ampere+")), "sources": versions.sources_without_cudnn(trt)}}))
"""
    import edgeskip

    root = str(Path(edgeskip.__file__).resolve().parents[1])
    for version, wheel in require_wheels().items():
        said = run_in(unpack(wheel, tmp_path / version), script.format(root=root))
        major = parse_version(version)[0]
        assert said["errors"] == ["broken"]
        assert said["monitor"] == (major >= 10)
        assert said["heard"] == ([0.5] if major >= 10 else [])
        assert bool(said["flags"]) == (major < 11)
        assert said["half"] == (major == 8)
        assert said["sources"] > 0


@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "10.13.0", "11.4.0"])
def test_the_fake_has_what_the_real_one_has(version: str) -> None:
    """Else the builder's tests would prove nothing."""
    fake, number = FakeTensorRT(version), parse_version(version)[:2]
    for (owner, name), (first, gone) in SOME.items():
        if owner in ("IBuilderConfig", "IPluginRegistry", "ParserError", "ILayer"):
            continue
        there = first <= number and (gone is None or number < gone)
        assert hasattr(getattr(fake, owner), name) == there, f"{owner}.{name}"
    json.dumps(COMMON)
