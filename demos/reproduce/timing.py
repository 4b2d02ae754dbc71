"""Wall clock of the exported network in the CPU engine, clip by clip in turn with ONNX Runtime on the dense one."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.reproduce.footage import Footage
from edgeskip.demos.reproduce.measure import SPLIT, seeds
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.subjects import Subject
from edgeskip.evaluate.benchmark import OWN, benchmark
from edgeskip.export.torch_network import export_torch

PEER, VERIFIED = "onnxruntime", 8
REFERENCE = 1  # the first frame of a clip, which is not counted


def measure_time(subject: Subject, network: nn.Module, footage: Footage, settings: Settings) -> dict[str, Any]:
    """Mean milliseconds of both over the same frames of the test clips, one thread each, and the share of the MAC gain
    that is time. Each runs a whole clip, then the other the same: who runs alone on a device finds its own state in
    the caches.

    Means, not medians: where a few frames hold most of the motion, the median frame has fewer MACs than the mean says.
    `from_picture`: the same from the camera's picture, which ONNX Runtime's side prepares with OpenCV.

    Raises:
        ModelError: a network that can't be exported.
        BackendError: no native engine here.
    """
    tuning = subject.clips("tuning", 1, VERIFIED).frames(0)[0]
    model = export_torch(network, subject.preparation, subject.task, list(to_input(tuning)[:, None]))
    length = REFERENCE + settings.timed_frames
    clips = subject.clips(SPLIT, settings.timed_clips, length)
    pictures = (footage.clip(clips, index)[0] for index in range(len(clips)))
    once = {"backend": "cpu", "peers": (PEER,), "threads": 1, "warmup": REFERENCE, "turn": length}
    runs = [benchmark(model, clip, **once) for clip in pictures]
    fractions = [fraction for run in runs for fraction in run.fractions]
    fraction = float(np.mean(fractions))
    return {
        **_ratio([run.times_ms for run in runs], fraction), "mac_fraction": fraction,
        "from_picture": _ratio([run.camera_ms for run in runs], fraction),
        "size": list(subject.preparation.size), "dense_gmac": model.dense_macs / 1e9, "frames": len(fractions),
        "largest_difference_to_dense": max(run.max_abs_error for run in runs), "level": runs[0].level,
        "machine": runs[0].machine, **seeds(clips),
    }  # fmt: skip


def _ratio(times_ms: list[dict[str, list[float]]], fraction: float) -> dict[str, float]:
    own, peer = (float(np.mean([value for times in times_ms for value in times[name]])) for name in (OWN, PEER))
    return {"edgeskip_ms": own, "onnxruntime_ms": peer, "speedup": peer / own,
            "share_of_mac_gain": peer / own * fraction}  # fmt: skip
