"""The contract's activations and norms over channels, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def activate(x: np.ndarray, kind: str, alpha: Sequence[float] = (), beta: float = 0.0) -> np.ndarray:
    """act(x) for x [N, C, H, W]. Raises ValueError on a kind that the contract does not have."""
    if kind == "none":
        return x
    if kind in _SIMPLE:
        return _SIMPLE[kind](x)
    if kind == "clip":
        return np.minimum(np.maximum(x, alpha[0]), beta)
    if kind == "leaky_relu":
        return np.where(x < 0, alpha[0] * x, x)
    if kind == "prelu":
        return np.where(x < 0, np.asarray(alpha).reshape(1, -1, 1, 1) * x, x)
    if kind == "hard_sigmoid":
        return np.clip(alpha[0] * x + beta, 0, 1)
    raise ValueError(f"unknown activation {kind!r}")


def channel_norm(difference: np.ndarray, kind: str) -> np.ndarray:
    """norm_c of [N, C, H, W] as [N, 1, H, W]: root mean square, mean or maximum of the magnitudes."""
    magnitude = np.abs(difference.astype(np.float64))
    if kind == "l2":
        return np.sqrt(np.mean(magnitude**2, axis=1, keepdims=True))
    if kind == "l1":
        return np.mean(magnitude, axis=1, keepdims=True)
    if kind == "linf":
        return np.max(magnitude, axis=1, keepdims=True)
    raise ValueError(f"unknown norm {kind!r}")


def _sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


_SIMPLE = {
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * _sigmoid(x),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
}
