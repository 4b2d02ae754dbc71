"""The description of an engine: read, validated, and compared with the machine; each mismatch says what to rebuild."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.fake_builder import FakeTensorRT
from support.random_skip import random_skip

from edgeskip.backends.tensorrt import engine_build
from edgeskip.backends.tensorrt.build_options import BuildOptions, Streams
from edgeskip.backends.tensorrt.device.probe import DriverState, GpuState
from edgeskip.backends.tensorrt.engine_build import make_engine
from edgeskip.backends.tensorrt.errors import TensorRTError
from edgeskip.backends.tensorrt.library import require_library_fits
from edgeskip.backends.tensorrt.sidecar import Here, Sidecar, model_hash, read_sidecar, require_fitting, sidecar_path
from edgeskip.graph.outline import model_of_outline

ORIN = GpuState("Orin", (8, 7), 8 << 30, True)
HERE = Here("10.3.0", "Orin", (8, 7), {"source_hash": "abc"})


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An engine as `edgeskip build` leaves it, made by the fake builder."""
    monkeypatch.setenv("EDGESKIP_CACHE", str(tmp_path / "cache"))
    record = {"tensorrt": "10.3.0", "source_hash": "abc", "path": "/lib/x.so"}
    monkeypatch.setattr(engine_build, "library_record", lambda *_: record)
    model = random_skip(1, batch="N").model
    model.file = "net.skip.onnx"
    options = BuildOptions("fp16", Streams(1, 2, 4))
    driver = DriverState("", (12, 6), (ORIN,))
    path = tmp_path / "net.engine"
    result = make_engine(FakeTensorRT("10.3.0"), ORIN, driver, model, path, Path("/lib/x.so"), {}, options)
    assert result.sidecar.model_hash == model_hash(model)
    assert path.read_bytes() == b"engine"
    return path


def test_what_was_written_is_read(engine: Path) -> None:
    sidecar = read_sidecar(engine)
    assert (sidecar.tensorrt, sidecar.cuda, sidecar.precision) == ("10.3.0", "12.6", "fp16")
    assert sidecar.profile == {"min": 1, "opt": 2, "max": 4}
    assert sidecar.gpu == {"name": "Orin", "compute_capability": [8, 7]}
    assert len(sidecar.metadata.states) == len(sidecar.lowering["states"])
    model = model_of_outline(sidecar.outline, "net.engine")
    assert [info.name for info in model.convolutions] == [layer["name"] for layer in sidecar.lowering["layers"]]
    assert [path.name for path in engine.parent.iterdir() if path.suffix in (".engine", ".json")] != []
    assert not list(engine.parent.glob(".net*")), "no temporary file stays"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version 2, this edgeskip reads version 1"),
        ({"states": None}, "unexpected keyword"),
        ({"profile": {"min": 1}}, "an entry is missing"),
        ({"lowering": {}}, "an entry is missing"),
        ({"contract": {"contract": 99}}, "contract version 99"),
        ({"engine_hash": "0" * 64}, "belongs to another engine"),
    ],
)
def test_a_broken_description_is_refused(engine: Path, change: dict, says: str) -> None:
    path = sidecar_path(engine)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(TensorRTError, match=says) as caught:
        read_sidecar(engine)
    assert "edgeskip build" in caught.value.hint


def test_text_that_is_no_json_is_refused(engine: Path) -> None:
    sidecar_path(engine).write_text("{")
    with pytest.raises(TensorRTError, match="not the description of an engine"):
        read_sidecar(engine)
    sidecar_path(engine).unlink()
    with pytest.raises(TensorRTError, match="is not beside it"):
        read_sidecar(engine)
    engine.unlink()
    with pytest.raises(TensorRTError, match="no such file"):
        read_sidecar(engine)


def test_a_truncated_engine_is_refused(engine: Path) -> None:
    engine.write_bytes(b"engi")
    with pytest.raises(TensorRTError, match="truncated"):
        read_sidecar(engine)


@pytest.mark.parametrize(
    ("here", "streams", "says"),
    [
        (replace(HERE, tensorrt="10.13.0"), 1, "TensorRT 10.3.0, this machine has 10.13.0"),
        (Here("10.3.0", "Thor", (11, 0)), 1, r"GPU Orin \(sm_87\), this machine has Thor \(sm_110\)"),
        (replace(HERE, plugin={"source_hash": "def"}), 1, "plugin abc, this machine has def"),
        (HERE, 5, "1 to 4 streams, 5 were asked for"),
    ],
)
def test_another_machine_is_told_what_to_rebuild(engine: Path, here: Here, streams: int, says: str) -> None:
    sidecar = read_sidecar(engine)
    require_fitting(sidecar, engine, HERE, 4)
    with pytest.raises(TensorRTError, match=says) as caught:
        require_fitting(sidecar, engine, here, streams)
    assert f"edgeskip build net.skip.onnx {'--streams 1:5 ' if streams > 4 else ''}-o {engine}" in caught.value.hint


def test_engines_made_for_more_machines_run_there(engine: Path) -> None:
    sidecar = read_sidecar(engine)
    wide: Sidecar = replace(sidecar, options={"hardware": "ampere+", "version_compatible": True})
    require_fitting(wide, engine, Here("10.13.0", "RTX 4090", (8, 9)), 1)
    for here in (Here("11.4.0", "RTX 4090", (8, 9)), Here("10.13.0", "T4", (7, 5))):
        with pytest.raises(TensorRTError):
            require_fitting(wide, engine, here, 1)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"tensorrt": "8.6.2", "architectures": [87]}, "TensorRT 8.6.2, this machine has TensorRT 10.3.0"),
        ({"tensorrt": "10.13.0", "architectures": [87]}, "TensorRT 10.13.0"),
        ({"tensorrt": "10.3.0", "architectures": [90]}, "sm_90"),
        ({"tensorrt": "10.3.0", "architectures": [80, 86, 90]}, "sm_80, sm_86, sm_90"),  # a Jetson runs no other code
    ],
)
def test_a_library_for_another_machine_is_refused(record: dict, says: str) -> None:
    require_library_fits({"tensorrt": "10.3.0", "architectures": [80, 87]}, "x.so", "10.3.0", ORIN)
    with pytest.raises(TensorRTError, match=says) as caught:
        require_library_fits(record, "x.so", "10.3.0", ORIN)
    assert "--plugins-only" in caught.value.hint


def test_a_missing_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TensorRTError, match="there is no plugin library"):
        engine_build.library_record(tmp_path / "x.so", "10.3.0", ORIN)
    (tmp_path / "x.so").write_bytes(b"no library")
    with pytest.raises(TensorRTError, match="can't be loaded"):
        engine_build.library_record(tmp_path / "x.so", "10.3.0", ORIN)
