"""PCK: the share of joints found closer than a fraction of the person's size."""

from __future__ import annotations

import numpy as np

from edgeskip.core.errors import InputError
from edgeskip.demos.networks.recipe import HEATMAP_STRIDE, JOINT_NAMES
from edgeskip.tasks.heatmap import peaks

TORSO = (1, 8)  # left shoulder, right hip
NORMALISATIONS = ("torso", "box")
PCK_FRACTION = 0.2


def joints_from_heatmaps(maps: np.ndarray) -> np.ndarray:
    """Heat maps [N, K, h, w] to joints float32 [N, K, 2] in input pixels: the highest pixel, moved a quarter of
    a pixel towards its higher neighbour (Newell, Yang, Deng, arXiv 1603.06937)."""
    return np.stack([(peaks(single, refine=True)[0] + 0.5) * HEATMAP_STRIDE for single in maps])


def person_sizes(joints: np.ndarray, normalisation: str = "torso") -> np.ndarray:
    """Sizes [N] of the persons with joints [N, 13, 2].

    "torso": distance of left shoulder and right hip (Sapp, Taskar, MODEC, CVPR 2013); "box": longer side of the box
    around all joints, usual on Penn Action and JHMDB, and about three times as lenient.

    Raises:
        InputError: no such normalisation.
    """
    if normalisation == "torso":
        return np.linalg.norm(joints[:, TORSO[0]] - joints[:, TORSO[1]], axis=-1)
    if normalisation == "box":
        return (joints.max(1) - joints.min(1)).max(-1)
    raise InputError(f"no normalisation {normalisation!r}", hint=f"one of {', '.join(NORMALISATIONS)}")


def hits(
    found: np.ndarray, true: np.ndarray, fraction: float = PCK_FRACTION, normalisation: str = "torso"
) -> np.ndarray:
    """bool [N, K]: joints `found` within `fraction` of the person's size of the `true` ones, both [N, K, 2]."""
    reach = fraction * person_sizes(true, normalisation)
    return np.linalg.norm(found - true, axis=-1) <= reach[:, None]


def pck(found: np.ndarray, true: np.ndarray, visible: np.ndarray, fraction: float = PCK_FRACTION,
        normalisation: str = "torso") -> float:  # fmt: skip
    """Share of visible joints [N, K] that are hits; NaN without any."""
    counted = hits(found, true, fraction, normalisation)[visible.astype(bool)]
    return float(counted.mean()) if counted.size else float("nan")


def pck_by_joint(found: np.ndarray, true: np.ndarray, visible: np.ndarray) -> dict[str, float]:
    """PCK@0.2 of the torso for each of `JOINT_NAMES`."""
    shown = visible.astype(bool)
    hit = hits(found, true)
    found_share = [hit[shown[:, k], k].mean() if shown[:, k].any() else np.nan for k in range(len(JOINT_NAMES))]
    return {name: round(float(share), 4) for name, share in zip(JOINT_NAMES, found_share, strict=True)}
