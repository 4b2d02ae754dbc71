"""Networks with no decoder: their outputs as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.placement import Placement
from edgeskip.tasks.base import Decoder, Tensors
from edgeskip.tasks.parameters import Parameters
from edgeskip.tasks.registry import register


@register
class TensorDecoder(Decoder):
    """Hands the outputs on. No parameters."""

    name = "tensor"

    @classmethod
    def create(cls, task: Task, preparation: Preparation) -> TensorDecoder:
        Parameters(task).finish()
        return cls()

    @classmethod
    def preparation(cls, size: tuple[int, int]) -> Preparation:
        return Preparation(size=size, resize="stretch")

    @classmethod
    def matches(cls, input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> bool:
        return True

    def decode(self, outputs: Mapping[str, np.ndarray], placement: Placement, margin: float = 0.0) -> Tensors:
        return Tensors(dict(outputs))
