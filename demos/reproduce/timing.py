"""Wall clock of the exported network in the CPU engine, frame by frame beside ONNX Runtime on the dense one."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.reproduce.measure import SPLIT, seeds
from edgeskip.demos.reproduce.settings import Settings
from edgeskip.demos.reproduce.subjects import Subject
from edgeskip.evaluate.benchmark import OWN, benchmark
from edgeskip.export.torch_network import export_torch

PEER, WARM_UP, VERIFIED = "onnxruntime", 5, 8


def measure_time(subject: Subject, network: nn.Module, settings: Settings) -> dict[str, Any]:
    """Mean milliseconds of both over the same frames, one thread each, and the share of the MAC gain that is time.

    Means, not medians: where a few frames hold most of the motion, the median frame has fewer MACs than the mean says.

    Raises:
        ModelError: a network that can't be exported.
        BackendError: no native engine here.
    """
    tuning = subject.clips("tuning", 1, VERIFIED).frames(0)[0]
    model = export_torch(network, subject.preparation, subject.task, list(to_input(tuning)[:, None]))
    clips = subject.clips(SPLIT, settings.timed_clips, settings.timed_frames + WARM_UP)
    own, peer, fractions, error, result = [], [], [], 0.0, None
    for index in range(len(clips)):
        pictures = clips.frames(index)[0]
        result = benchmark(model, pictures, backend="cpu", peers=(PEER,), threads=1, warmup=WARM_UP)
        own += result.times_ms[OWN]
        peer += result.times_ms[PEER]
        fractions += result.fractions
        error = max(error, result.max_abs_error)
    fraction, speedup = float(np.mean(fractions)), float(np.mean(peer) / np.mean(own))
    return {
        "edgeskip_ms": float(np.mean(own)), "onnxruntime_ms": float(np.mean(peer)), "speedup": speedup,
        "mac_fraction": fraction, "share_of_mac_gain": speedup * fraction, "frames": len(own),
        "largest_difference_to_dense": error, "level": result.level, "machine": result.machine, **seeds(clips),
    }  # fmt: skip
