"""What can be missing or not fit: one error that names it and its remedy; everything that was taken is given back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.fake_tensorrt import FakeTensorRt
from support.random_skip import random_skip
from support.tensorrt_machine import Machine

from edgeskip.backends.tensorrt import plugin_build, plugin_sources
from edgeskip.backends.tensorrt import runner as runner_module
from edgeskip.backends.tensorrt.device import DriverState, open_device
from edgeskip.backends.tensorrt.errors import TensorRTError
from edgeskip.backends.tensorrt.library import API_VERSION, PluginLibrary
from edgeskip.backends.tensorrt.options import RunnerOptions
from edgeskip.backends.tensorrt.plan import EnginePlan
from edgeskip.backends.tensorrt.runner import TensorRtRunner
from edgeskip.core.errors import ContractError
from edgeskip.graph.skip_model import SkipModel


@pytest.fixture
def model() -> SkipModel:
    """A small network with an open batch."""
    return random_skip(3, tolerance=0.1, batch="N").model


def refused(machine: Machine, model: SkipModel, engine: Path | None = None, streams: int = 1) -> TensorRTError:
    """The error of activating a runner; nothing may be left behind."""
    with pytest.raises(TensorRTError) as caught:
        machine.runner(model, streams, engine).activate()
    assert machine.device.left_over == 0
    assert machine.device.depth == 0
    assert caught.value.hint
    return caught.value


def test_engine_of_another_tensorrt(machine: Machine, model: SkipModel, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = machine.build(model)
    monkeypatch.setattr(FakeTensorRt, "__version__", "10.13.3.9")
    error = refused(machine, model, engine)
    assert "built with TensorRT 10.3.0.30, this machine has 10.13.3.9" in error.message
    assert "edgeskip build" in (error.hint or "")


def test_engine_of_another_gpu(machine: Machine, model: SkipModel) -> None:
    engine = machine.build(model)
    machine.device.compute_capability, machine.device.name = (11, 0), "Thor"
    error = refused(machine, model, engine)
    assert "Fake GPU (sm_87), this machine has Thor (sm_110)" in error.message


def test_engine_of_another_plugin_library(machine: Machine, model: SkipModel) -> None:
    engine = machine.build(model)
    machine.plugins.info["source_hash"] = "another"
    assert "plugin" in refused(machine, model, engine).message


def test_a_plugin_library_for_another_tensorrt_or_gpu_than_the_engine_needs(machine: Machine, model: SkipModel) -> None:
    """The same source, compiled for something else, in the place where the engine's library was."""
    engine = machine.build(model)
    machine.plugins.info["tensorrt"] = "8.6.2"
    error = refused(machine, model, engine)
    assert "was built for TensorRT 8.6.2, this machine has TensorRT 10.3.0.30" in error.message
    machine.plugins.info |= {"tensorrt": "10.3.0", "architectures": [110]}
    assert "was built for sm_110" in refused(machine, model, engine).message


def test_an_engine_of_another_folder_finds_the_library_that_was_compiled_here(
    machine: Machine, model: SkipModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the remedy of the error, --plugins-only, would mend nothing: it compiles into the user's own cache."""
    plan = EnginePlan.read(machine.build(model))
    assert plan.plugin_here("10.3.0.30", "sm_87") == plan.plugin, "there is no other: the error names it"
    folder = plugin_sources.source_folder()
    assert folder is not None
    cache = machine.folder / f"cache/plugins/tensorrt-10.3.0-cuda-12.6-sm_87-{plugin_sources.source_hash(folder)}"
    cache.mkdir(parents=True)
    compiled = cache / plugin_build.LIBRARY
    compiled.touch()
    assert plan.plugin_here("10.3.0.30", "sm_87") == compiled
    assert plan.plugin_here("10.3.0.30", "sm_110") == plan.plugin
    plan.plugin.touch()
    assert plan.plugin_here("10.3.0.30", "sm_87") == plan.plugin
    monkeypatch.setenv(plugin_build.VARIABLE, "/opt/own.so")
    assert plan.plugin_here("10.3.0.30", "sm_87") == Path("/opt/own.so")


def test_more_streams_than_the_profile_has(machine: Machine, model: SkipModel) -> None:
    engine = machine.build(model, streams=(1, 4))
    error = refused(machine, model, engine, streams=5)
    assert "runs 1 to 4 streams, 5 were asked for" in error.message
    assert "--streams 1:5" in (error.hint or "")


def test_engine_that_tensorrt_refuses_says_what_it_said(machine: Machine, model: SkipModel) -> None:
    engine = machine.build(model)
    machine.trt.engines.clear()
    assert "stdVersionRead" in refused(machine, model, engine).message


def test_plugins_that_tensorrt_refuses(machine: Machine, model: SkipModel) -> None:
    machine.trt.refuses_plugins = True
    assert "--plugins-only" in (refused(machine, model).hint or "")


@pytest.mark.parametrize("limit", [0, 1000, 20_000, 80_000, 200_000])
def test_no_device_memory_left_at_any_point(machine: Machine, model: SkipModel, limit: int) -> None:
    machine.device.limit = limit
    assert "no memory left for" in refused(machine, model).message


def test_a_frame_that_fails_is_one_error_and_the_runner_can_be_closed(machine: Machine, model: SkipModel) -> None:
    engine = machine.build(model)
    runner = machine.runner(model, engine=engine)
    picture = np.zeros((1, *(int(size) for size in model.frame_shape(model.frame_inputs[0])[1:])), np.float32)
    with runner:
        runner.infer(picture)
        next(iter(machine.trt.engines.values())).fails = True
        for _ in range(4):
            with pytest.raises(TensorRTError, match="running the network"):
                runner.infer(picture)
    assert machine.device.left_over == 0


def test_an_engine_without_its_description(machine: Machine, model: SkipModel) -> None:
    engine = machine.build(model)
    (engine.parent / f"{engine.name}.json").unlink()
    with pytest.raises(TensorRTError, match="not beside it"):
        EnginePlan.read(engine)


def test_an_engine_runs_from_its_description_alone(machine: Machine, model: SkipModel) -> None:
    plan = EnginePlan.read(machine.build(model))
    alone = plan.model()
    assert not alone.graph.constants
    assert [info.macs for info in alone.convolutions] == [info.macs for info in model.convolutions]
    picture = np.random.default_rng(0).standard_normal(
        (1, *(int(size) for size in model.frame_shape(model.frame_inputs[0])[1:]))
    )
    with TensorRtRunner(alone, plan, streams=1, options=RunnerOptions()) as runner, machine.runner(model) as whole:
        ours, expected = runner.infer(picture.astype(np.float32)), whole.infer(picture.astype(np.float32))
        assert ours.active_pixels == expected.active_pixels
        assert [layer.mask for layer in runner.layers] == [layer.mask for layer in whole.layers]


@pytest.mark.parametrize("broken", ["nodes", "tensors", "contract"])
def test_a_broken_outline_is_refused(machine: Machine, model: SkipModel, broken: str) -> None:
    engine = machine.build(model)
    file = engine.parent / f"{engine.name}.json"
    record = json.loads(file.read_text())
    del record["outline"][broken]
    file.write_text(json.dumps(record))
    with pytest.raises(ContractError, match="outline"):
        EnginePlan.read(engine).model()


@pytest.mark.parametrize("spoils", [False, True])
def test_the_check_on_the_device_decides_where_state_lies_and_is_remembered(
    machine: Machine, model: SkipModel, spoils: bool
) -> None:
    engine = machine.build(model, spoils_in_place=spoils)
    with machine.runner(model, engine=engine) as runner:
        assert runner.level.endswith("state ping-pong" if spoils else "state in place")
    enqueued = machine.device.calls["enqueue"]
    assert enqueued == 6  # three frames, both ways
    with machine.runner(model, engine=engine) as runner:
        assert runner.level.endswith("state ping-pong" if spoils else "state in place")
    assert machine.device.calls["enqueue"] == enqueued
    verdicts = json.loads((machine.folder / "cache" / "in_place.json").read_text())
    assert list(verdicts.values()) == [not spoils]


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"a": "b"}'])
def test_a_spoilt_memory_of_checks_costs_a_check(machine: Machine, model: SkipModel, content: str) -> None:
    (machine.folder / "cache").mkdir()
    (machine.folder / "cache" / "in_place.json").write_text(content)
    with machine.runner(model) as runner:
        assert runner.level.endswith("state in place")


def test_without_a_driver_nothing_is_touched(model: SkipModel, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeskip.backends.tensorrt import device

    monkeypatch.setattr(device, "look_for_driver", lambda: DriverState("no NVIDIA driver (libcuda.so.1)"))
    monkeypatch.setattr(runner_module, "load_tensorrt", lambda: pytest.fail("tensorrt was loaded"))
    with pytest.raises(TensorRTError, match="no NVIDIA driver") as caught:
        open_device(0)
    assert "--backend cpu" in (caught.value.hint or "")


def test_a_library_that_is_missing_or_no_plugin_library_is_said(tmp_path: Path) -> None:
    with pytest.raises(TensorRTError, match="there is no plugin library"):
        PluginLibrary(tmp_path / "lib.so")
    (tmp_path / "lib.so").write_text("no library")
    with pytest.raises(TensorRTError, match="can't be loaded"):
        PluginLibrary(tmp_path / "lib.so")
    with pytest.raises(TensorRTError, match="can't be loaded"):
        PluginLibrary(tmp_path / "lib.so", object())


def test_a_library_with_other_functions_and_one_that_fails(machine: Machine) -> None:
    machine.plugins.edgeskip_host_api_version = lambda: API_VERSION + 1
    with pytest.raises(TensorRTError, match="functions of version"):
        PluginLibrary(machine.folder / "lib.so", machine.plugins)
    machine.plugins.edgeskip_host_api_version = lambda: API_VERSION
    library = PluginLibrary(machine.folder / "lib.so", machine.plugins)
    machine.device.opened = 1
    with machine.device.current():
        address, stream = machine.device.allocate(64, "a state"), machine.device.new_stream()
        machine.plugins.status = 3
        with pytest.raises(TensorRTError, match="invalid value"):
            library.fill_unknown(address, 64, 0, "nan", stream.handle)
