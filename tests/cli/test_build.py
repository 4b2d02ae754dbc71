"""`edgeskip build`, `export --for tensorrt`, `inspect --for tensorrt`, on a machine without a GPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from support.fake_builder import FakeTensorRT
from support.random_skip import random_skip
from support.real import require_engine

from edgeskip.backends.tensorrt import engine_build
from edgeskip.backends.tensorrt.device.probe import DriverState, GpuState
from edgeskip.cli import build_targets
from edgeskip.core.contract import Preparation
from edgeskip.graph.skip_model import load_skip_model, save_skip_model

ORIN = GpuState("Orin", (8, 7), 8 << 30, True)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small skip model that takes pictures of 40x32."""
    model = random_skip(1, tolerance=0.05, batch="N").model
    model.metadata.inputs = {name: Preparation((40, 32)) for name in model.frame_inputs}
    path = tmp_path_factory.mktemp("network") / "net.skip.onnx"
    save_skip_model(model, path)
    return path


@pytest.fixture
def orin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTensorRT:
    """A machine with a GPU, TensorRT 10.3 and compiled plugins, all of it made up."""
    trt = FakeTensorRT("10.3.0")
    machine = build_targets.Machine(trt, ORIN, DriverState("", (12, 6), (ORIN,)))
    monkeypatch.setattr(build_targets, "require_machine", lambda: machine)
    monkeypatch.setattr(build_targets, "_library_for", lambda *_: tmp_path / "libedgeskip_tensorrt.so")
    monkeypatch.setattr(engine_build, "library_record", lambda library, *_: {"path": str(library), "source_hash": "a"})
    monkeypatch.setenv("EDGESKIP_CACHE", str(tmp_path / "cache"))
    return trt


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeskip.backends.tensorrt import module
    from edgeskip.backends.tensorrt.device import probe

    state = DriverState("no NVIDIA driver (libcuda.so.1)")
    monkeypatch.setattr(probe, "look_for_driver", lambda: state)
    monkeypatch.setattr(module, "look_for_driver", lambda: state)


def test_engine_and_description_are_written(
    edgeskip: Callable, orin: FakeTensorRT, network: Path, tmp_path: Path
) -> None:
    engine = tmp_path / "net.engine"
    outcome = edgeskip("build", network, "--fp16", "--streams", "1:4:8", "-o", engine, "--json")
    assert outcome.code == 0, outcome.err
    assert engine.read_bytes() == b"engine"
    record, description = outcome.json, json.loads((tmp_path / "net.engine.json").read_text())
    assert record["streams"] == "1:4:8"
    assert len(record["layers"]) == len(load_skip_model(network).convolutions)
    assert description["precision"] == "fp16"
    assert description["profile"] == {"min": 1, "opt": 4, "max": 8}
    shown = edgeskip("inspect", engine)
    assert shown.code == 0, shown.err
    assert "Orin (sm_87)" in shown.out
    again = edgeskip("build", engine, "-o", tmp_path / "b.engine")
    assert again.code == 1
    assert "this is an engine already" in again.err


def test_without_a_gpu_the_error_names_the_cpu(failing: Callable, no_gpu: None, network: Path, tmp_path: Path) -> None:
    outcome = failing("build", network, "-o", tmp_path / "net.engine")
    assert "TensorRT needs a CUDA device: no NVIDIA driver" in outcome.err
    assert "--backend cpu" in outcome.err
    assert not list(tmp_path.iterdir())


def test_int8_says_what_is_missing(failing: Callable, no_gpu: None, network: Path, tmp_path: Path) -> None:
    outcome = failing("build", network, "--int8", "-o", tmp_path / "net.engine")
    assert "INT8 needs the range of every tensor" in outcome.err
    assert "--fp16" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["build"],
        ["build", "bundled"],
        ["build", "bundled", "--fp16", "--int8", "-o", "x.engine"],
        ["build", "bundled", "--backend", "cpu", "--fp16", "-o", "x.onnx"],
        ["build", "--plugins-only", "--architectures", "new"],
        ["export", "x.onnx", "--fp16", "-o", "y.onnx"],
        ["inspect", "bundled", "--for", "openvino"],
        ["inspect", "bundled", "--for", "tensorrt", "--gpu", "orin"],
    ],
)
def test_wrong_usage_is_2(edgeskip: Callable, arguments: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert edgeskip(*arguments).code == 2


def test_plugins_without_a_gpu_need_a_name(failing: Callable, no_gpu: None) -> None:
    assert "--architectures 87" in failing("build", "--plugins-only").err


def test_plugins_are_compiled_for_what_is_named(edgeskip: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeskip.backends.tensorrt import plugin_build, toolchain

    tools = SimpleNamespace(tensorrt=(10, 3, 0), cuda=(12, 6))
    asked = []
    monkeypatch.setattr(toolchain, "find_toolchain", lambda include: tools)
    monkeypatch.setattr(plugin_build, "build_plugins", lambda wanted, *_, **options: asked.append(wanted)
                        or plugin_build.PluginBuild(Path("/cache/x.so"), True))  # fmt: skip
    outcome = edgeskip("build", "--plugins-only", "--architectures", "sm_110, 87", "--json")
    assert outcome.code == 0, outcome.err
    assert asked == [[87, 110]]
    assert outcome.json["library"] == "/cache/x.so"
    assert outcome.json["architectures"] == ["sm_87", "sm_110"]


def test_the_cpu_model_is_checked_and_written(edgeskip: Callable, network: Path, tmp_path: Path) -> None:
    require_engine()
    target = tmp_path / "net.skip.onnx"
    outcome = edgeskip("build", network, "--backend", "cpu", "-o", target, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["convolutions"] == len(load_skip_model(network).convolutions)
    assert "engine" in outcome.json["ops"]
    assert edgeskip("inspect", target, "--json").json["dense_macs"] == outcome.json["dense_macs"]


def test_export_for_tensorrt_takes_a_skip_model(edgeskip: Callable, network: Path, tmp_path: Path) -> None:
    lowered = tmp_path / "net.trt.onnx"
    outcome = edgeskip("export", network, "--for", "tensorrt", "--fp16", "-o", lowered, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["opset"] <= 17
    assert "plugin" in {layer["where"] for layer in outcome.json["layers"]}
    assert not onnx.load(lowered).functions
    refused = edgeskip("inspect", lowered)
    assert refused.code == 1
    assert "written for TensorRT" in refused.err


def test_inspect_shows_the_choice_and_why(edgeskip: Callable, network: Path) -> None:
    arguments = ("inspect", network, "--for", "tensorrt", "--fp16", "--gpu", "sm_87", "--expected-active", "0.1")
    outcome = edgeskip(*arguments, "--json")
    assert outcome.code == 0, outcome.err
    layers = outcome.json["layers"]
    assert all((layer["plugin_us"] <= layer["tensorrt_us"]) == (layer["where"] == "plugin") for layer in layers
               if layer["plugin_us"])  # fmt: skip
    text = edgeskip(*arguments).out
    assert "10 % active (--expected-active): plugin" in text
    assert "not measured" in text


def test_inspect_measures_a_clip(edgeskip: Callable, network: Path) -> None:
    require_engine()
    outcome = edgeskip("inspect", network, "--for", "tensorrt", "--gpu", "8.7", "--video", "synthetic:street?seed=1&"
                       "size=80x64&frames=6", "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    known = [layer for layer in outcome.json["layers"] if layer["plugin_us"]]
    assert all(0 <= layer["expected_active"] <= 1 for layer in known)
    assert len({layer["expected_active"] for layer in known}) > 1
    assert "measured on" in known[0]["reason"]
