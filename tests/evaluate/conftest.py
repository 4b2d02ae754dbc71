"""A network that doubles its picture, and a backend that runs it with a known error and a known cost."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeskip.backends.base import Backend, FrameResult, LayerInfo, Runner
from edgeskip.core.contract import Metadata, Preparation, Task
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.skip_model import SkipModel

SHAPE = (1, 3, 16, 24)
PIXELS = 16 * 24
MACS = 1000


class FakeRunner(Runner):
    """Output = 2 x + error. After a reset everything is active, then `active` of all pixels."""

    def __init__(self, backend, model, **arguments):
        super().__init__(model, **arguments)
        self.backend = backend
        self.fresh = True

    layers = (
        LayerInfo("gate", "SkipGate", "x", SHAPE),
        LayerInfo("conv", "SkipConv", "y", SHAPE, macs=MACS, pixels=PIXELS),
    )
    state_bytes = 0

    def activate_impl(self):
        self.fresh = True

    def deactivate_impl(self):
        self.backend.closed += 1

    def infer_impl(self, inputs):
        self.backend.order.append("edgeskip")
        fraction = 1.0 if self.fresh else self.backend.active
        error = 0.0 if self.fresh else self.backend.error
        self.fresh = False
        outputs = {"y": inputs["x"] * 2 + np.float32(error)}
        return FrameResult(outputs, int(fraction * MACS), MACS, {"conv": int(fraction * PIXELS)})

    def reset_impl(self, stream):
        self.fresh = True

    def mask_impl(self, tensor):
        raise NotImplementedError


class FakeBackend(Backend):
    name = "fake"
    description = "for tests"

    def __init__(self):
        self.active, self.error = 0.25, 0.0
        self.order: list[str] = []
        self.closed = 0
        self.options = {}

    def unavailable_reason(self):
        return None

    def create_runner(self, model, *, streams=1, threads=1, **options):
        self.options = options
        return FakeRunner(self, model, streams=streams, threads=threads)


@pytest.fixture
def fake_backend():
    return FakeBackend()


@pytest.fixture
def doubling_model():
    info = {name: TensorInfo(np.dtype(np.float32), SHAPE) for name in "xy"}
    two = np.float32(2)
    graph = Graph([Node("Mul", ["x", "two"], ["y"])], ["x"], ["y"], {"two": two}, info, 17)
    metadata = Metadata(inputs={"x": Preparation(size=(24, 16), resize="stretch")}, task=Task("tensor"))
    return SkipModel(graph, metadata, "doubling.skip.onnx")


def write_dense(path, output="y"):
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], [output])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, SHAPE)],
        [numpy_helper.from_array(np.float32(2), "two")],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def dense_file(tmp_path):
    return write_dense(tmp_path / "dense.onnx")


@pytest.fixture
def other_dense_file(tmp_path):
    return write_dense(tmp_path / "other.onnx", output="another")


@pytest.fixture
def pictures():
    random = np.random.default_rng(11)
    return [random.integers(0, 256, (32, 48, 3), dtype=np.uint8) for _ in range(12)]
