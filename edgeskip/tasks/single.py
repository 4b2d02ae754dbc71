"""Choice of the one output that a decoder of a single map reads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.core.errors import ModelError


def single_output(task: str, outputs: Mapping[str, np.ndarray], wanted: str) -> tuple[str, np.ndarray]:
    """Output `wanted`, or the last where that is empty: name and map [1, C, h, w]. Raises ModelError."""
    name = wanted or list(outputs)[-1]
    if name not in outputs:
        raise ModelError(f"task {task}: output {name!r} is not one of the network's: {', '.join(outputs)}")
    value = outputs[name]
    if value.ndim != 4:
        raise ModelError(
            f"task {task}: output {name} has shape {value.shape}, read is [1, C, h, w]",
            hint="choose the output with the task's parameter `output`, or another task with --task",
        )
    return name, value
