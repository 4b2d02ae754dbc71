"""Dense runtimes on one convolution, timed by their own clocks.

A network of one node makes a runtime change the layout of its input and output, which in a real network it does once
for many layers; for a depthwise convolution that would be half the time. So each runtime's profiler tells how long the
convolution itself (with bias and activation) took, and layout changes and the call from Python are left out. That is
the time that a kernel of ours has to meet.
"""

from __future__ import annotations

import json
import tempfile
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from edgeskip.core.lazy import require
from edgeskip.evaluate.peers import OnnxRuntimePeer, OpenVinoPeer, Peer, require_peers

# whole microseconds are reported, cut off: half of one is what is lost on average
CUT_OFF_US = 0.5


class TimedPeer(Peer):
    """A peer that knows, after all its runs, how long the network's own operations took in each."""

    @abstractmethod
    def times_ms(self) -> list[float]:
        """Milliseconds of each run so far, in order; the peer can't run again."""


class TimedOnnxRuntime(OnnxRuntimePeer, TimedPeer):
    """ONNX Runtime: one event a node in its profile file."""

    _LAYOUT = ("ReorderInput", "ReorderOutput", "Transpose")

    def _configure(self, options: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="edgeskip-profile-")
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(self._folder.name) / "conv")

    def times_ms(self) -> list[float]:
        events = json.loads(Path(self._session.end_profiling()).read_text())
        self._folder.cleanup()
        times: list[float] = []
        # a node's event comes before that of the run that it belongs to
        current = 0.0
        ends = [(event["ts"] + event.get("dur", 0), event["name"] == "model_run", event) for event in events]
        for _, _, event in sorted(ends, key=lambda end: end[:2]):
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                current += 0.0 if event["args"]["op_name"] in self._LAYOUT else event["dur"] + CUT_OFF_US
            elif event["name"] == "model_run":
                times.append(current / 1e3)
                current = 0.0
        return times


class TimedOpenVino(OpenVinoPeer, TimedPeer):
    """OpenVINO, fed NHWC pictures, the layout of most of its kernels: a call is then little more than the convolution.

    What it is more is learnt from the profiler, which gives the average time of each operation over all runs so far, in
    whole microseconds: see `run_times`.
    """

    settings = {"PERF_COUNT": True}  # noqa: RUF012
    _LAYOUT = ("Reorder", "Parameter", "Result", "Transpose")

    def __init__(self, model: bytes, threads: int, precision: str = "f32") -> None:
        super().__init__(model, threads, precision)
        self._calls_us: list[float] = []
        self._averages_us: list[float] = []

    def _adapted(self, network: Any) -> Any:
        runtime = require("openvino", "bench", "comparison with OpenVINO")
        processor = require("openvino.preprocess", "bench", "comparison with OpenVINO").PrePostProcessor(network)
        for end in (processor.input(), processor.output()):
            end.model().set_layout(runtime.Layout("NCHW"))
            end.tensor().set_layout(runtime.Layout("NHWC"))
        return processor.build()

    def infer(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        picture = np.ascontiguousarray(picture.transpose(0, 2, 3, 1))
        begin = perf_counter_ns()
        outputs = super().infer(picture)
        self._calls_us.append((perf_counter_ns() - begin) / 1e3)
        counted = [item for item in self._request.profiling_info if item.node_type not in self._LAYOUT]
        microseconds = [item.real_time.total_seconds() * 1e6 for item in counted]
        self._averages_us.append(sum(value + CUT_OFF_US for value in microseconds if value))
        return {name: value.transpose(0, 3, 1, 2) for name, value in outputs.items()}

    def times_ms(self) -> list[float]:
        return [value / 1e3 for value in run_times(self._calls_us, self._averages_us)]


def run_times(calls: Sequence[float], averages: Sequence[float]) -> list[float]:
    """Time of the operations in each run, from the whole calls' times and the operations' average after each run.

    Run n took n x average(n) - (n-1) x average(n-1), exact to n units and right in the middle of many runs. So that
    this error makes no minimum, none counts as shorter than the shortest call without what a call costs besides (its
    thread is woken: the lower quartile of call - operations, since a busy machine wakes it late).
    """
    totals = np.arange(1, len(averages) + 1) * np.array(averages)
    runs = np.diff(totals, prepend=0.0)
    besides = max(float(np.percentile(np.array(calls) - runs, 25)), 0.0)
    least = max(min(calls) - besides, CUT_OFF_US)
    return [max(run, least) for run in runs.tolist()]


TIMED_PEERS: dict[str, type[TimedPeer]] = {"onnxruntime": TimedOnnxRuntime, "openvino": TimedOpenVino}


def create_timed_peers(names: Sequence[str], model: bytes, threads: int, precision: str = "f32") -> list[TimedPeer]:
    """The peers called `names` with the ONNX file `model` of one convolution, in `precision` where they can.

    Raises:
        BackendError: a name is unknown or doubled, or the runtime refuses the network.
        MissingPackageError: the runtime is not installed.
    """
    require_peers(names)
    return [TIMED_PEERS[name](model, threads, precision) for name in names]
