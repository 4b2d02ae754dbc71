"""benchmarks/run_gpu_*.py: what they compare and say, on a machine in numpy; the dense engine computes in FP16."""

from __future__ import annotations

import csv
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.tensorrt_machine import Machine

from edgeskip.backends.tensorrt import loader, runner
from edgeskip.cli.tensorrt_options import PluginPolicy
from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.skip_model import save_skip_model

ROOT = Path(__file__).resolve().parents[3]
if not (ROOT / "benchmarks").is_dir():
    pytest.skip("benchmarks/ lies beside the tests in a source checkout only", allow_module_level=True)
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # last, so that the installed edgeskip stays the one that is tested
gpu_dense, run_gpu_frames, run_gpu_network = (
    import_module(f"benchmarks.{name}") for name in ("gpu_dense", "run_gpu_frames", "run_gpu_network")
)
SIZE = (80, 64)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Two convolutions, for one picture."""
    random = np.random.default_rng(0)
    weights = [random.standard_normal((8, channels, 3, 3)).astype(np.float32) / 5 for channels in (3, 8)]
    nodes = [
        helper.make_node("Conv", ["images", "w0"], ["a"], pads=[1] * 4), helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], pads=[1] * 4), helper.make_node("Relu", ["c"], ["heatmaps"]),
    ]  # fmt: skip
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, SIZE[1], SIZE[0]])
        for name, channels in (("images", 3), ("heatmaps", 8))
    ]
    constants = [numpy_helper.from_array(value, f"w{index}") for index, value in enumerate(weights)]
    graph = helper.make_graph(nodes, "small", infos[:1], infos[1:], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


@pytest.fixture
def benched(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Engines are made by the fake builder, and found by the benchmarks."""

    def made(model: Any, path: Path, wanted: Any, _: Any) -> None:
        assert wanted.half
        built = machine.build(model, (int(wanted.streams), int(wanted.streams)), "fp16")
        built.rename(path)
        built.with_name(f"{built.name}.json").rename(path.with_name(f"{path.name}.json"))

    def dense(trt: Any, lowered: Any, library: Path, gpu: Any, options: Any) -> Any:
        machine.trt.engines[b"dense"] = _engine(lowered, machine)
        assert options.precision == "fp16"
        return type("Built", (), {"plan": b"dense"})

    monkeypatch.setattr(import_module("benchmarks.patches"), "SEARCH_STEPS", 3)
    monkeypatch.setattr(run_gpu_network, "require_machine", lambda: machine)
    monkeypatch.setattr(run_gpu_network, "engine", made)
    monkeypatch.setattr(gpu_dense, "build_engine", dense)
    monkeypatch.setattr(gpu_dense, "open_device", lambda: runner.open_device(0))
    monkeypatch.setattr(gpu_dense, "library_of", lambda _: machine.folder / "libedgeskip_tensorrt.so")
    monkeypatch.setattr(type(machine), "gpu", None, raising=False)
    monkeypatch.setattr(loader.TensorRtBackend, "unavailable_reason", lambda self: None)
    return machine


@pytest.mark.parametrize("batch", [2])
def test_network_is_timed_beside_the_dense_engine(
    benched: Machine, network: Path, tmp_path: Path, batch: int, capsys: pytest.CaptureFixture
) -> None:
    table = tmp_path / "network.csv"
    arguments = ["--network", network, "--batch", batch, "--target", 0.4, "--frames", 3, "--folder", tmp_path]
    assert run_gpu_network.main([str(argument) for argument in [*arguments, "--csv", table]]) == 0
    rows = list(csv.DictReader(table.open()))
    assert [row["policy"] for row in rows] == ["all", "auto"]
    for row in rows:
        assert 0.1 < float(row["active"]) < 0.7
        assert float(row["speedup"]) == pytest.approx(float(row["dense_ms"]) / float(row["ms"]))
    assert "slowest layers" in capsys.readouterr().out


def test_dense_engine_computes_the_network_in_half(benched: Machine, network: Path, tmp_path: Path) -> None:
    import onnxruntime

    lowered = gpu_dense.lowered_dense(load_graph(network), str(network))
    assert lowered.fixed_streams is None
    assert {lowered.graph.info[node.outputs[0]].dtype for node in lowered.graph.nodes if node.op_type == "Conv"} == {
        np.dtype(np.float16)
    }
    gpu_dense.build_dense(benched, network, tmp_path / "dense.engine", 2)
    values = np.random.default_rng(1).random((2, 3, SIZE[1], SIZE[0]), np.float32)
    with gpu_dense.DenseEngine(benched, tmp_path / "dense.engine", 2) as dense:
        found = [dense.infer(values)["heatmaps"].copy() for _ in range(5)]
    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    wanted = np.concatenate([session.run(None, {"images": value[None]})[0] for value in values])
    for value in found:
        assert np.abs(value - wanted).max() <= 5e-3 * np.abs(wanted).max()


def test_frames_that_differ_are_told(
    benched: Machine, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    model, _ = run_gpu_network.skip_model(network, "heatmap", 0.0)
    save_skip_model(model, tmp_path / "small.skip.onnx")
    run_gpu_network.engine(model, tmp_path / "s.engine", run_gpu_network.wishes(PluginPolicy.ALL, 1, 0.1), benched)
    arguments = [str(tmp_path / "small.skip.onnx"), str(tmp_path / "s.engine"), "--frames", "3"]
    assert run_gpu_frames.main([*arguments, "--precision", "fp16"]) == 0
    monkeypatch.setitem(run_gpu_frames.TOLERANCES, "fp32", 1e-9)
    assert run_gpu_frames.main([*arguments, "--precision", "fp32"]) == 1
    assert "largest difference" in capsys.readouterr().out


def _engine(lowered: Any, machine: Machine) -> Any:
    from support.fake_tensorrt import FakeEngine

    return FakeEngine(lowered, machine.device)


def test_what_is_not_finite_differs() -> None:
    right = np.ones((1, 2), np.float32)
    assert run_gpu_frames.relative_difference(right * np.nan, right) == float("inf")
    assert run_gpu_frames.relative_difference(right[:, :1], right) == float("inf")
    assert run_gpu_frames.relative_difference(right * 1.5, right * 2) == pytest.approx(0.25)
