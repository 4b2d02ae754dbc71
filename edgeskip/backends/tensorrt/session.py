"""One engine, deserialised, with one execution context: names, shapes and addresses of its tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.module import load_plugins, start_tensorrt

_DYNAMIC = -1


@dataclass(frozen=True)
class TensorSpec:
    """An input or output as the engine has it; the batch is that of the session."""

    name: str
    is_input: bool
    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all streams."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


class Session:
    """Runs an engine for `streams` pictures at once. Everything happens inside `with device.current()`."""

    def __init__(self, trt: Any, path: Path, plugins: Path, streams: int, log: Any) -> None:
        """`trt`: the module; `log`: its logger, with the last errors in `log.errors`.

        Raises:
            TensorRTError: the plugins or the engine can't be loaded, or no memory is left for it.
        """
        self._trt, self._log, self.path = trt, log, path
        load_plugins(trt, str(plugins), log)
        self._runtime = start_tensorrt(trt.Runtime, log)
        try:
            plan = path.read_bytes()
        except OSError as error:
            raise errors.engine_unloadable(str(path), error.strerror or str(error)) from error
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None and "memory" in self._said().lower():
            raise errors.out_of_memory(f"the engine {path}", None)
        if self._engine is None:
            raise errors.engine_unloadable(str(path), self._said())
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise errors.out_of_memory(f"the engine {path}", None)
        self.tensors = self._read_tensors(streams)

    def bind(self, name: str, address: int) -> None:
        """Let the engine read or write tensor `name` at `address`."""
        if not self._context.set_tensor_address(name, address):
            raise errors.engine_unloadable(str(self.path), f"tensor {name} can't be bound: {self._said()}")

    def enqueue(self, stream: int) -> bool:
        """Put one frame into a stream; False where TensorRT refuses, with its reason in `refusal`."""
        return bool(self._context.execute_async_v3(stream))

    @property
    def refusal(self) -> str:
        """What TensorRT said last."""
        return self._said()

    def profile_with(self, profiler: Any) -> None:
        """Report every layer's time of each frame to `profiler` (a trt.IProfiler)."""
        self._context.profiler = profiler

    def close(self) -> None:
        """Give engine and context back, the context first."""
        self._context = None
        self._engine = None
        self._runtime = None

    def _read_tensors(self, streams: int) -> dict[str, TensorSpec]:
        engine, mode = self._engine, self._trt.TensorIOMode.INPUT
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        shapes = {name: tuple(int(size) for size in engine.get_tensor_shape(name)) for name in names}
        inputs = {name for name in names if engine.get_tensor_mode(name) == mode}
        for name in inputs:
            if not self._context.set_input_shape(name, _with_batch(shapes[name], streams)):
                raise errors.engine_unloadable(str(self.path), f"input {name} takes no {streams} streams")
        return {name: TensorSpec(name, name in inputs, self._dtype(name), self._settled(name)) for name in names}

    def _settled(self, name: str) -> tuple[int, ...]:
        """The shape that follows from the inputs': an output need not have the batch as a size of its own."""
        shape = tuple(int(size) for size in self._context.get_tensor_shape(name))
        if any(size < 0 for size in shape):
            raise errors.engine_unloadable(str(self.path), f"the size of {name} follows from values: {shape}")
        return shape

    def _dtype(self, name: str) -> np.dtype:
        return np.dtype(self._trt.nptype(self._engine.get_tensor_dtype(name)))

    def _said(self) -> str:
        return "; ".join(self._log.errors[-2:]) or "TensorRT gave no reason"


def _with_batch(shape: tuple[int, ...], streams: int) -> tuple[int, ...]:
    """The batch is the only open size of an input."""
    return tuple(streams if size == _DYNAMIC else size for size in shape)
