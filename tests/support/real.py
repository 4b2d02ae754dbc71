"""The shared networks on the shared videos, prepared as their authors do (see the data's README)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from edgeskip.graph.ir import Graph
from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.passes.pipeline import simplify
from edgeskip.graph.passes.place_gates import GateOptions, place_gates
from edgeskip.graph.skip_model import SkipModel
from support.onnx_run import run_all_tensors
from support.shared import shared_file

NETWORKS = (
    "yolox_nano_640x384", "yunet_n_640x384", "retinaface_mnet025_640x384", "fastestdet_352x352", "hourglass_192x192",
)  # fmt: skip
# video: first frame of a passage in which something happens
VIDEOS = {
    "one-by-one-person.mp4": 150, "asl-book.mkv": 0, "highway.avi": 600, "car-detection.mp4": 100, "dashcam.mp4": 0,
}  # fmt: skip
MEAN = {"retinaface_mnet025_640x384": (104.0, 117.0, 123.0)}
SCALE = {"fastestdet_352x352": 1 / 255}


def network_file(network: str) -> Path:
    """The `.onnx` file; skips the test where it is absent."""
    return shared_file(f"networks/{network}.onnx")


@cache
def canonical(network: str) -> Graph:
    """The canonical dense graph of a shared network."""
    return simplify(load_graph(network_file(network)))


def skip_model(network: str, tolerance: float = 0.0) -> SkipModel:
    """The network at `tolerance`; its scales are taken from one frame of the highway."""
    scales = _scales(network) if tolerance else {}
    steps = 6 * SCALE.get(network, 1) if tolerance else 0
    return place_gates(canonical(network), GateOptions(tolerance=tolerance, frame_threshold=steps, scales=scales))


def pictures(network: str, video: str, frames: int, start: int | None = None) -> Iterator[np.ndarray]:
    """Up to `frames` pictures [1, 3, H, W] of `video` from frame `start`; fewer where it ends."""
    height, width = (int(size) for size in canonical(network).info[canonical(network).inputs[0]].shape[2:])
    capture = cv2.VideoCapture(str(shared_file(f"videos/{video}")))
    for _ in range(VIDEOS[video] if start is None else start):
        capture.grab()
    for _ in range(frames):
        there, frame = capture.read()
        if not there:
            break
        resized = cv2.resize(frame, (width, height)).astype(np.float32) - np.float32(MEAN.get(network, (0, 0, 0)))
        yield np.ascontiguousarray(resized.transpose(2, 0, 1)[None] * np.float32(SCALE.get(network, 1)))
    capture.release()


@cache
def _scales(network: str) -> dict[str, float]:
    """Mean over pixels of the l2 norm over channels, of every tensor of the dense network."""
    picture = next(pictures(network, "highway.avi", 1))
    values = run_all_tensors(onnx.load(str(network_file(network))), picture)
    return {
        name: float(np.sqrt(np.mean(value.astype(np.float64) ** 2, axis=1)).mean())
        for name, value in values.items()
        if value.ndim == 4
    }


def require_engine() -> None:
    """Skip where the native module is not built."""
    from edgeskip.backends.cpu.loader import CpuBackend

    reason = CpuBackend().unavailable_reason()
    if reason:
        pytest.skip(reason)
