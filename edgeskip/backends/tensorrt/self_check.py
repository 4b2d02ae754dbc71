"""Whether this TensorRT gives the right result where a state is read and written at one address: tried, not assumed.

Two frames are run both ways, the second changed in part, so that it reads what the first wrote. Every output, mask and
state has to be the same to the last bit. What was found is remembered for this engine, GPU and driver.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeskip.core.errors import EdgeskipError
from edgeskip.core.files import write_bytes

Frames = list[dict[str, np.ndarray]]
_FRAMES = 3


def in_place_is_right(run: Callable[[bool, Frames], list[bytes]], inputs: dict[str, tuple[int, ...]]) -> bool:
    """Compare both ways. `run` is told whether to update in place and what to feed (by input, NCHW), and returns what
    every frame left behind; `inputs` are the shapes to feed."""
    frames = check_frames(inputs)
    return run(False, frames) == run(True, frames)


def check_frames(inputs: dict[str, tuple[int, ...]]) -> Frames:
    """A random picture, the same with a changed corner, and that once more."""
    rng = np.random.default_rng(0)
    first = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in inputs.items()}
    second = {name: value.copy() for name, value in first.items()}
    for value in second.values():
        corner = value[..., : max(1, value.shape[-2] // 3), : max(1, value.shape[-1] // 3)]
        corner += rng.standard_normal(corner.shape).astype(np.float32)
    return [first, second, second][:_FRAMES]


def remembered(file: Path, key: str, find: Callable[[], bool]) -> bool:
    """What `file` says under `key`, else what `find` finds, which is then written there where that is possible."""
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    if not isinstance(known, dict):
        known = {}
    if isinstance(known.get(key), bool):
        return known[key]
    found = find()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, json.dumps({**known, key: found}, indent=1).encode())
    except (OSError, EdgeskipError):
        pass  # a folder that can't be written costs a check at every start, no more
    return found
