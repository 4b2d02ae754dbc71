"""A machine with a GPU, TensorRT and the plugins, none of them real; engines are lowered networks run in numpy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgeskip.backends.tensorrt import runner as runner_module
from edgeskip.backends.tensorrt.library import PluginLibrary
from edgeskip.backends.tensorrt.lowering import LoweringOptions, lower
from edgeskip.backends.tensorrt.options import RunnerOptions
from edgeskip.backends.tensorrt.plan import EnginePlan
from edgeskip.backends.tensorrt.runner import TensorRtRunner
from edgeskip.backends.tensorrt.sidecar import Sidecar, write_engine
from edgeskip.graph.outline import outline
from edgeskip.graph.skip_model import SkipModel
from support.fake_cuda import FakeDevice
from support.fake_plugins import FakePlugins
from support.fake_tensorrt import FakeEngine, FakeTensorRt


@dataclass
class Machine:
    """What a test may change before a runner is activated, and look at after."""

    folder: Path
    device: FakeDevice
    plugins: FakePlugins
    trt: FakeTensorRt

    def build(
        self, model: SkipModel, streams: tuple[int, int] = (1, 4), precision: str = "fp32", **engine: Any
    ) -> Path:
        """An engine file with its description; `engine`: how the engine misbehaves."""
        lowered = lower(model, LoweringOptions(precision))
        plan = f"engine {len(self.trt.engines)} {precision}".encode()
        self.trt.engines[plan] = FakeEngine(lowered, self.device, **engine)
        path = self.folder / f"network{len(self.trt.engines)}.engine"
        sidecar = Sidecar(
            model=model.file,
            model_hash="",
            engine_hash=hashlib.sha256(plan).hexdigest(),
            tensorrt=self.trt.__version__,
            cuda="12.6",
            gpu={"name": self.device.name, "compute_capability": list(self.device.compute_capability)},
            plugin={**self.plugins.info, "path": str(self.folder / "libedgeskip_tensorrt.so")},
            profile={"min": streams[0], "opt": streams[0], "max": streams[1]},
            precision=precision,
            contract=json.loads(model.metadata.to_json()),
            lowering=lowered.record,
            outline=outline(model),
        )
        write_engine(path, plan, sidecar)
        return path

    def runner(self, model: SkipModel, streams: int = 1, engine: Path | None = None, **options: Any) -> TensorRtRunner:
        """A runner of a fresh engine of `model`, or of `engine`."""
        plan = EnginePlan.read(engine or self.build(model))
        return TensorRtRunner(model, plan, streams=streams, options=RunnerOptions.checked(options))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A fake machine that the runner finds; nothing is written outside of the test's folder."""
    device = FakeDevice()
    made = Machine(tmp_path, device, FakePlugins(device), FakeTensorRt({}))
    monkeypatch.setenv("EDGESKIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(runner_module, "open_device", lambda ordinal: _reopened(device))
    monkeypatch.setattr(runner_module, "load_tensorrt", lambda: made.trt)
    monkeypatch.setattr(runner_module, "PluginLibrary", lambda path: PluginLibrary(path, made.plugins))
    return made


def _reopened(device: FakeDevice) -> FakeDevice:
    device.opened += 1
    return device
