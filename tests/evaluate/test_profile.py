"""The profile: every layer has its time, and what it says adds up."""

import json

import numpy as np
import pytest

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import InputError
from edgeskip.evaluate.profile import profile
from edgeskip.export.dense import export_dense
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.onnx_io import save_graph

pytest.importorskip("edgeskip.backends.cpu._native", reason="the native module is not built")

SIZE = (48, 32)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    random = np.random.default_rng(7)
    info = {
        "x": TensorInfo(np.dtype(np.float32), (1, 3, 32, 48)),
        "y": TensorInfo(np.dtype(np.float32), (1, 4, 16, 24)),
    }
    constants = {
        "w0": random.standard_normal((8, 3, 3, 3), np.float32) / 5,
        "w1": random.standard_normal((8, 1, 3, 3), np.float32) / 3,
        "w2": random.standard_normal((4, 8, 1, 1), np.float32) / 3,
    }
    nodes = [
        Node("Conv", ["x", "w0"], ["a"], {"strides": [2, 2], "pads": [1] * 4, "kernel_shape": [3, 3]}),
        Node("Relu", ["a"], ["b"]),
        Node("Conv", ["b", "w1"], ["c"], {"group": 8, "pads": [1] * 4, "kernel_shape": [3, 3]}),
        Node("Conv", ["c", "w2"], ["y"], {"kernel_shape": [1, 1]}),
    ]
    path = tmp_path_factory.mktemp("profile") / "small.onnx"
    save_graph(Graph(nodes, ["x"], ["y"], constants, info, 17), path)
    frames = [random.random((1, 3, 32, 48), np.float32)]
    return export_dense(path, Preparation(size=SIZE, scale=(1 / 255,) * 3), Task(), frames, tolerance=0.05)


def pictures(count: int):
    random = np.random.default_rng(8)
    still = random.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    for _ in range(count):
        picture = still.copy()
        picture[4:12, 8:20] = random.integers(0, 256, (8, 12, 3), np.uint8)
        yield picture


@pytest.fixture(scope="module")
def result(model):
    return profile(model, pictures(7), warmup=2, source="patch")


def test_every_convolution_has_its_kind_time_and_speed(result):
    layers = {layer.kind: layer for layer in result.layers if layer.layer.macs}
    assert set(layers) == {"conv 3x3/2", "depthwise 3x3", "conv 1x1"}
    for layer in layers.values():
        assert len(layer.ms) == len(layer.active) == 5
        assert min(layer.ms) > 0
        assert 0 < max(layer.active) < 1, "only the patch is computed"
        assert layer.gflops == pytest.approx(2 * layer.layer.macs * sum(layer.active) / 1e6 / sum(layer.ms))


def test_times_add_up_to_the_frames(result):
    for index, frame in enumerate(result.frame_ms):
        inside = sum(layer.ms[index] for layer in result.layers)
        assert inside + result.other_ms[index] == pytest.approx(frame)
    overhead = result.overhead()
    assert overhead["gates"] > 0
    assert overhead["total"] == pytest.approx(overhead["gates"] + overhead["masks"] + overhead["outside"])
    assert 0 < overhead["total"] < 1


def test_kinds_and_layers_are_sorted_and_complete(result):
    record = json.loads(json.dumps(result.record()))
    for part in ("kinds", "layers"):
        times = [entry["ms_median"] for entry in record[part]]
        assert times == sorted(times, reverse=True)
    assert sum(kind["layers"] for kind in record["kinds"]) == len(record["layers"])
    assert (record["frames"], record["source"], record["threads"]) == (5, "patch", 1)
    assert 0 < record["active_mac_fraction"] < 1


def test_nothing_to_time_is_refused(model):
    with pytest.raises(InputError):
        profile(model, pictures(2), warmup=2)
