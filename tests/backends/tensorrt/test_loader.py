"""From --backend to an engine: what is missing is said in one line, a skip model is built once, engines stand alone."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.random_skip import random_skip
from support.tensorrt_machine import Machine

from edgeskip.backends import registry
from edgeskip.backends.tensorrt import engine_cache, environment
from edgeskip.backends.tensorrt import runner as runner_module
from edgeskip.backends.tensorrt.device import DriverState, GpuState
from edgeskip.backends.tensorrt.errors import TensorRTError
from edgeskip.backends.tensorrt.loader import TensorRtBackend, is_engine, load_engine_model
from edgeskip.backends.tensorrt.options import RunnerOptions
from edgeskip.cli.entry import run
from edgeskip.cli.facts import model_facts
from edgeskip.core.contract import Preparation
from edgeskip.core.errors import BackendError, ModelError
from edgeskip.evaluate.active_share import active_shares
from edgeskip.evaluate.dense import dense_bytes
from edgeskip.graph.skip_model import SkipModel, save_skip_model

GPU = DriverState("", (12, 6), (GpuState("Fake GPU", (8, 7), 8 << 30, True),))


@pytest.fixture
def model() -> SkipModel:
    """A small network with an open batch."""
    return random_skip(3, tolerance=0.1, batch="N").model


@pytest.fixture
def whole(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that has everything; engines are made in numpy."""
    library = machine.folder / "libedgeskip_tensorrt.so"
    library.touch()
    monkeypatch.setenv("EDGESKIP_TENSORRT_PLUGIN", str(library))
    for module in (environment, engine_cache):
        monkeypatch.setattr(module, "look_for_driver", lambda: GPU)
        monkeypatch.setattr(module, "load_tensorrt", lambda driver: machine.trt)
    monkeypatch.setattr(environment, "binding_name", lambda: "fake")
    monkeypatch.setitem(sys.modules, "tensorrt", _module())
    monkeypatch.setattr(engine_cache, "open_device", runner_module.open_device)
    monkeypatch.setattr(engine_cache, "make_engine", lambda *arguments: _make(machine, *arguments))
    return machine


def _module() -> ModuleType:
    from importlib.machinery import ModuleSpec

    module = ModuleType("tensorrt")
    module.__spec__ = ModuleSpec("tensorrt", None)
    return module


def _make(
    machine: Machine, trt: Any, gpu: Any, driver: Any, model: SkipModel, output: Path, library: Path, choices: Any,
    options: Any,
) -> None:  # fmt: skip
    made = machine.build(model, (options.streams.smallest, options.streams.largest), options.precision)
    made.rename(output)
    made.with_name(f"{made.name}.json").rename(output.with_name(f"{output.name}.json"))


def test_auto_passes_tensorrt_over_in_one_line_where_there_is_no_device(
    monkeypatch: pytest.MonkeyPatch, model: SkipModel
) -> None:
    monkeypatch.setattr(environment, "look_for_driver", lambda: DriverState("no NVIDIA driver (libcuda.so.1)"))
    backend, why = registry.choose("auto", model)
    assert backend.name != "tensorrt"
    assert why.startswith("tensorrt: no CUDA device: no NVIDIA driver (libcuda.so.1)")
    assert "\n" not in why
    with pytest.raises(BackendError, match="can't run on this machine: no CUDA device"):
        registry.choose("tensorrt", model)


def test_auto_takes_tensorrt_where_everything_is_there(whole: Machine, model: SkipModel) -> None:
    backend, why = registry.choose("auto", model)
    assert (backend.name, why) == ("tensorrt", "")


def test_who_only_looks_at_a_model_builds_no_engine(whole: Machine, model: SkipModel) -> None:
    """`inspect`, the summary of `export`, and what is measured for the choice of layers before an engine is built."""
    backend, why = registry.choose("auto", model, at_once=True)
    assert backend.name != "tensorrt"
    assert why.startswith("tensorrt: it would build an engine first")
    facts = model_facts(model)
    assert facts["backend"]["name"] != "tensorrt"
    assert "it would build an engine first" in facts["backend"]["why"]
    name = model.frame_inputs[0]
    channels, height, width = (int(size) for size in model.frame_shape(name)[1:])
    model.metadata.inputs[name] = Preparation((width, height), "BGR" if channels == 3 else "GRAY")
    pictures = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    shares = active_shares(model, [pictures[0]] * 3)
    assert set(shares) == {info.name for info in model.convolutions}
    assert set(shares.values()) == {0.0}, "nothing moves, whoever would run a layer"
    assert not whole.trt.engines
    engine = load_engine_model(whole.build(model))
    assert registry.choose("auto", engine, at_once=True)[0].name == "tensorrt"


def test_each_missing_part_is_named(whole: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = TensorRtBackend()
    assert backend.unavailable_reason() is None
    monkeypatch.setenv("EDGESKIP_TENSORRT_PLUGIN", "/nowhere.so")
    assert "/nowhere.so" in (backend.unavailable_reason() or "")
    monkeypatch.delenv("EDGESKIP_TENSORRT_PLUGIN")
    assert "edgeskip build --plugins-only" in (backend.unavailable_reason() or "")
    monkeypatch.setattr(environment, "binding_name", lambda: None)
    assert "neither pycuda nor cuda-bindings" in (backend.unavailable_reason() or "")
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    assert "tensorrt is not installed" in (backend.unavailable_reason() or "")


def test_a_skip_model_is_built_once_with_a_notice(
    whole: Machine, model: SkipModel, caplog: pytest.LogCaptureFixture
) -> None:
    picture = np.random.default_rng(0).standard_normal((1, *model.frame_shape(model.frame_inputs[0])[1:]))
    results = []
    with caplog.at_level(logging.WARNING, "edgeskip"):
        for _ in range(2):
            with TensorRtBackend().create_runner(model) as runner:
                results.append(runner.infer(picture.astype(np.float32)))
    assert [record.message.split(" of ")[0] for record in caplog.records] == ["note: building a TensorRT engine"]
    assert len(whole.trt.engines) == 1
    for name, value in results[0].outputs.items():
        np.testing.assert_array_equal(results[1].outputs[name], value)


def test_precision_and_streams_have_engines_of_their_own(whole: Machine, model: SkipModel) -> None:
    for streams, precision in ((1, "f32"), (1, "f16"), (2, "f32"), (2, "f32")):
        engine_cache.engine_for(model, streams, RunnerOptions(precision=precision))
    assert len(whole.trt.engines) == 3


def test_a_gpu_that_is_not_there_is_an_error(whole: Machine, model: SkipModel) -> None:
    with pytest.raises(TensorRTError, match="device 1 was asked for, there are 1"):
        TensorRtBackend().create_runner(model, device=1)


def test_an_engine_is_built_inside_the_context_of_the_gpu_that_was_asked_for(
    whole: Machine, model: SkipModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = DriverState("", (12, 6), (*GPU.gpus, GpuState("Second GPU", (8, 7), 8 << 30)))
    monkeypatch.setattr(engine_cache, "look_for_driver", lambda: two)
    opened, depths = [], []
    monkeypatch.setattr(engine_cache, "open_device", lambda k: opened.append(k) or runner_module.open_device(k))
    monkeypatch.setattr(
        engine_cache, "make_engine", lambda *given: depths.append(whole.device.depth) or _make(whole, *given)
    )
    engine_cache.engine_for(model, 1, RunnerOptions(device=1))
    assert (opened, depths) == ([1], [1])
    assert (whole.device.depth, whole.device.opened) == (0, 0)


def test_an_engine_that_was_cut_short_is_built_again(whole: Machine, model: SkipModel) -> None:
    engine = engine_cache.engine_for(model, 1, RunnerOptions()).path
    engine.write_bytes(engine.read_bytes()[:3])
    engine_cache.engine_for(model, 1, RunnerOptions())
    assert len(whole.trt.engines) == 2


def test_an_engine_file_is_a_model_that_only_tensorrt_runs(whole: Machine, model: SkipModel) -> None:
    path = whole.build(model)
    assert is_engine(path)
    engine = load_engine_model(path)
    assert registry.choose("auto", engine)[0].name == "tensorrt"
    with pytest.raises(BackendError, match="the model is a TensorRT engine"):
        registry.choose("reference", engine)
    with pytest.raises(ModelError, match="no weights") as caught:
        dense_bytes(engine)
    assert "--dense" in (caught.value.hint or "")


def test_the_commands_run_an_engine_and_a_skip_model(
    whole: Machine, model: SkipModel, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """`demo`, `inspect` and `evaluate` know no word of TensorRT."""
    name = model.frame_inputs[0]
    model.metadata.inputs[name] = Preparation((40, 32), scale=(0.1, 0.1, 0.1))
    file = tmp_path / "small.skip.onnx"
    save_skip_model(model, file)
    source = ["--source", "synthetic:plaza?seed=7&size=80x64", "--frames", "4"]
    play = ["--backend", "tensorrt", "--no-window", "--dense-every", "0", "--json", "--save", str(tmp_path / "o.mp4")]
    engine = whole.build(model)
    for shown in (engine, file):
        record = _json(["demo", "--model", str(shown), *source, *play], capsys)
        assert (record["backend"], record["frames"]) == ("tensorrt", 4)
        assert record["level"].startswith("sm_87, graph")
    assert _json(["inspect", str(engine), "--json"], capsys)
    evaluate = ["evaluate", *source, "--json", "--backend"]
    record = _json([*evaluate, "tensorrt", str(file)], capsys)
    expected = _json([*evaluate, "reference", str(file)], capsys)
    assert record["active_mac_fraction"] == pytest.approx(expected["active_mac_fraction"])
    assert record["agreement"] == pytest.approx(expected["agreement"], abs=1e-4)
    record = _json([*evaluate, "tensorrt", str(engine), "--dense", _dense(model, tmp_path)], capsys)
    assert record["agreement"] == pytest.approx(expected["agreement"], abs=1e-4)


def _json(arguments: list[str], capsys: pytest.CaptureFixture) -> Any:
    code, said = run(arguments), capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out)


def _dense(model: SkipModel, folder: Path) -> str:
    (folder / "dense.onnx").write_bytes(dense_bytes(model))
    return str(folder / "dense.onnx")


def test_the_key_of_the_cache_is_the_whole_model(whole: Machine, model: SkipModel) -> None:
    first = engine_cache.engine_for(model, 1, RunnerOptions()).path
    name = next(iter(model.graph.constants))
    model.graph.constants[name] = model.graph.constants[name] + 1
    assert engine_cache.engine_for(model, 1, RunnerOptions()).path != first
    assert hashlib.sha256(first.read_bytes()).hexdigest()
