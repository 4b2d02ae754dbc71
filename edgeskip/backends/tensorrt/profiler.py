"""Time per layer, from TensorRT's own profiler."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def layer_profiler(trt: Any) -> Any:
    """A trt.IProfiler that keeps the times of the last frame in `times_ms`, by TensorRT's layer name."""

    class LayerTimes(trt.IProfiler):
        """TensorRT calls it for each layer at the end of a frame."""

        def __init__(self) -> None:
            trt.IProfiler.__init__(self)
            self.times_ms: dict[str, float] = {}

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            """One layer of a frame."""
            self.times_ms[layer_name] = self.times_ms.get(layer_name, 0.0) + ms

    return LayerTimes()


def by_tensor(times_ms: dict[str, float], tensors: Iterable[str], other: str) -> dict[str, float]:
    """Milliseconds per dense tensor: a TensorRT layer is called like the nodes that it fuses, which are called like
    their tensors. What carries the name of none is put under `other`."""
    known = sorted(tensors, key=len, reverse=True)
    result: dict[str, float] = {}
    for layer, elapsed in times_ms.items():
        parts = set(re.split(r"\s*\+\s*|[\[\](){}, ]+", layer))
        name = next((tensor for tensor in known if tensor in parts), None)
        name = name or next((tensor for tensor in known if tensor in layer), other)
        result[name] = result.get(name, 0.0) + elapsed
    return result
