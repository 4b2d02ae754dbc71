"""What a session reads of an engine: sizes are those that TensorRT settles, not guesses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fake_tensorrt import FakeTensorRt

from edgeskip.backends.tensorrt.errors import TensorRTError
from edgeskip.backends.tensorrt.module import make_log, start_tensorrt
from edgeskip.backends.tensorrt.session import Session

BOXES = 8


class Engine:
    """Images [N, 3, 4, 4] become rows [BOXES N, 6]; `values`: how many there are follows from the images."""

    def __init__(self, values: bool = False) -> None:
        self.values, self.streams = values, 0
        self.names = ["images", "rows"]
        self.num_io_tensors = len(self.names)
        self.get_tensor_name = self.names.__getitem__

    def get_tensor_mode(self, name: str) -> str:
        return "input" if name == "images" else "output"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, 3, 4, 4) if name == "images" else (-1, 6)

    def get_tensor_dtype(self, name: str) -> np.dtype:
        return np.dtype(np.float32)

    def create_execution_context(self) -> Context:
        return Context(self)


class Context:
    """Knows all sizes once those of the inputs are given."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.engine.streams = shape[0]
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        rows = -1 if self.engine.values else BOXES * self.engine.streams
        return (self.engine.streams, 3, 4, 4) if name == "images" else (rows, 6)


def opened(tmp_path: Path, engine: Any) -> Session:
    """A session of two streams."""
    trt = FakeTensorRt({b"plan": engine})
    (tmp_path / "network.engine").write_bytes(b"plan")
    return Session(trt, tmp_path / "network.engine", tmp_path / "lib.so", 2, make_log(trt))


def test_an_output_whose_first_size_is_not_the_batch_gets_all_its_memory(tmp_path: Path) -> None:
    tensors = opened(tmp_path, Engine()).tensors
    assert tensors["images"].shape == (2, 3, 4, 4)
    assert tensors["rows"].shape == (2 * BOXES, 6)
    assert tensors["rows"].nbytes == 2 * BOXES * 6 * 4


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("CUDA initialization failure with error: 35", "can't start on this GPU: CUDA initialization failure"),
        ("Cuda Runtime (out of memory)", "no memory left for TensorRT itself"),
    ],
)
def test_a_tensorrt_that_does_not_start_is_an_error_with_its_words(said: str, expected: str) -> None:
    """pybind raises a TypeError that says nothing: the factory returned nullptr."""
    trt = FakeTensorRt({})

    def refuses(log: Any) -> Any:
        log.log("error", said)
        raise TypeError("pybind11::init(): factory function returned nullptr")

    with pytest.raises(TensorRTError, match=re.escape(expected)) as caught:
        start_tensorrt(refuses, make_log(trt))
    assert caught.value.hint


def test_no_memory_for_an_engine_is_not_taken_for_a_broken_engine(tmp_path: Path) -> None:
    trt = FakeTensorRt({b"plan": None})
    (tmp_path / "network.engine").write_bytes(b"plan")
    log = make_log(trt)
    log.log("error", "Requested amount of GPU memory (123 bytes) could not be allocated")
    with pytest.raises(TensorRTError, match="no memory left for the engine"):
        Session(trt, tmp_path / "network.engine", tmp_path / "lib.so", 1, log)


def test_an_output_whose_size_follows_from_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TensorRTError, match="the size of rows follows from values"):
        opened(tmp_path, Engine(values=True))
