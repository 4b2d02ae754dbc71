"""Skip convolutions in torch: gates, conversion of a network, losses, statistics, temporal state, checkpoints."""

from edgeskip.core.lazy import require

require("torch", "export", "edgeskip.nn")

from edgeskip.nn.calibrate import calibrate_gates  # noqa: E402
from edgeskip.nn.checkpoint import load_checkpoint  # noqa: E402
from edgeskip.nn.clip import run_clip  # noqa: E402
from edgeskip.nn.convert import convert  # noqa: E402
from edgeskip.nn.gates import Decision, Gate, GumbelGate, NormGate, create_gate, gate_names, register_gate  # noqa: E402
from edgeskip.nn.loss import gate_loss  # noqa: E402
from edgeskip.nn.policy import Policy  # noqa: E402
from edgeskip.nn.skip_conv import SkipConv2d  # noqa: E402
from edgeskip.nn.state import (  # noqa: E402
    dense_mode,
    detach_state,
    load_temporal_state,
    reset_state,
    skip_layers,
    temporal_state_dict,
)
from edgeskip.nn.statistics import MacReport, mac_statistics, reset_statistics  # noqa: E402

__all__ = [
    "Decision",
    "Gate",
    "GumbelGate",
    "MacReport",
    "NormGate",
    "Policy",
    "SkipConv2d",
    "calibrate_gates",
    "convert",
    "create_gate",
    "dense_mode",
    "detach_state",
    "gate_loss",
    "gate_names",
    "load_checkpoint",
    "load_temporal_state",
    "mac_statistics",
    "register_gate",
    "reset_state",
    "reset_statistics",
    "run_clip",
    "skip_layers",
    "temporal_state_dict",
]
