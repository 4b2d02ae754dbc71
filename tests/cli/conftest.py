"""Running the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgeskip.cli.entry import run


@dataclass
class Outcome:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def edgeskip(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Calls `edgeskip` with arguments."""

    def call(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture
def failing(edgeskip: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Calls `edgeskip` and checks that it ends as a user's error: exit 1, one message, a hint, nothing on stdout."""

    def call(*arguments: object) -> Outcome:
        outcome = edgeskip(*arguments)
        assert outcome.code == 1, outcome
        assert outcome.out == ""
        lines = outcome.err.splitlines()
        errors = [index for index, line in enumerate(lines) if line.startswith("error: ")]
        assert len(errors) == 1, outcome.err
        hints = [index for index, line in enumerate(lines) if line.startswith("hint: ")]
        assert len(hints) == 1, outcome.err
        assert lines[hints[0] - 1] == "", "a blank line stands before the hint"
        assert "Traceback" not in outcome.err
        return outcome

    return call


@pytest.fixture(scope="session")
def dense_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dense network: three convolutions, a pooling and a sum, [1, 3, 64, 96] to [1, 4, 16, 24]."""
    path = tmp_path_factory.mktemp("networks") / "small.onnx"
    onnx.save(make_small_network((1, 3, 64, 96)), path)
    return path


@pytest.fixture(scope="session")
def skip_file(dense_file: Path) -> Path:
    """The same network as a skip model."""
    path = dense_file.with_name("small.skip.onnx")
    assert run(["export", str(dense_file), "-o", str(path), "--task", "tensor", "--scale", "0.0039"]) == 0
    return path


@pytest.fixture(scope="session")
def small_network() -> Callable[[tuple[int | str, ...]], onnx.ModelProto]:
    """Makes the network of `dense_file` for an input of some shape."""
    return make_small_network


def make_small_network(shape: tuple[int | str, ...]) -> onnx.ModelProto:
    """The network of `dense_file` for an input of `shape`."""
    generator = np.random.default_rng(5)

    def weight(name: str, *size: int) -> onnx.TensorProto:
        values = generator.normal(0, 1 / np.sqrt(np.prod(size[1:])), size).astype(np.float32)
        return onnx.numpy_helper.from_array(values, name)

    weights = [weight("w0", 8, 3, 3, 3), weight("w1", 8, 8, 3, 3), weight("w2", 4, 8, 1, 1)]
    nodes = [
        onnx.helper.make_node("Conv", ["x", "w0"], ["c0"], pads=[1] * 4, strides=[2, 2], kernel_shape=[3, 3]),
        onnx.helper.make_node("Relu", ["c0"], ["r0"]),
        onnx.helper.make_node("MaxPool", ["r0"], ["p0"], kernel_shape=[2, 2], strides=[2, 2]),
        onnx.helper.make_node("Conv", ["p0", "w1"], ["c1"], pads=[1] * 4, kernel_shape=[3, 3]),
        onnx.helper.make_node("Add", ["c1", "p0"], ["s1"]),
        onnx.helper.make_node("Conv", ["s1", "w2"], ["y"], kernel_shape=[1, 1]),
    ]
    outputs = [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (1, 4, "rows", "columns"))]
    inputs = [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)]
    graph = onnx.helper.make_graph(nodes, "small", inputs, outputs, weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
