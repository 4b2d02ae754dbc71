"""One rule per op: which mask its output gets, and which ops have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.passes.place_masks import MaskRule, mask_rule

FLOAT = np.dtype(np.float32)
PICTURE = (1, 4, 6, 8)
VECTOR = (1, 4, 1, 1)


def rule(
    op_type: str, inputs: list[Any], out: tuple[int, ...] = PICTURE, outputs: int = 1, **attributes: Any
) -> MaskRule | None:
    """Rule of one node; an input is a shape (a variable tensor) or an array (a constant)."""
    names, info, constants = [], {}, {}
    for index, value in enumerate(inputs):
        names.append(f"x{index}" if value is not None else "")
        if isinstance(value, tuple):
            info[names[-1]] = TensorInfo(FLOAT, value)
        elif value is not None:
            constants[names[-1]] = np.asarray(value)
    results = [f"y{index}" for index in range(outputs)]
    info.update({name: TensorInfo(FLOAT, out) for name in results})
    node = Node(op_type, names, results, attributes)
    return mask_rule(node, Graph([node], [], results, constants, info, 17))


SAME = MaskRule("union", ("x0",))
BOTH = MaskRule("union", ("x0", "x1"))

TABLE = [
    (rule("Relu", [PICTURE]), SAME),
    (rule("Add", [PICTURE, PICTURE]), BOTH),
    (rule("Add", [PICTURE, np.ones((4, 1, 1))]), SAME),
    (rule("Add", [PICTURE, np.ones((1, 2, 6, 8))]), SAME),
    (rule("Mul", [PICTURE, VECTOR]), BOTH),
    (rule("Mul", [PICTURE, (1, 1, 6, 8)]), BOTH),
    (rule("Sum", [PICTURE, PICTURE, PICTURE]), MaskRule("union", ("x0", "x1", "x2"))),
    (rule("Add", [PICTURE, (1, 4, 6, 1)]), None),
    (rule("Add", [VECTOR, np.ones((1, 4, 6, 8))]), None),
    (rule("Concat", [PICTURE, PICTURE], (1, 8, 6, 8), axis=1), BOTH),
    (rule("Concat", [PICTURE, PICTURE], (1, 4, 12, 8), axis=2), None),
    (rule("Split", [PICTURE], outputs=2, axis=1), SAME),
    (rule("Split", [PICTURE], outputs=2, axis=2), None),
    (rule("Gather", [PICTURE, np.array([2, 0])], axis=1), SAME),
    (rule("Gather", [PICTURE, np.array([2, 0])], axis=2), None),
    (rule("Softmax", [PICTURE], axis=1), SAME),
    (rule("Softmax", [PICTURE]), None),
    (rule("MaxPool", [PICTURE], (1, 4, 3, 4), kernel_shape=[2, 2], strides=[2, 2]),
     MaskRule("pool", ("x0",), {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0] * 4, "dilations": [1, 1],
                                "ceil_mode": 0})),
    (rule("GlobalAveragePool", [PICTURE], VECTOR), MaskRule("reduce", ("x0",))),
    (rule("ReduceMean", [PICTURE], VECTOR, axes=[-1, 2]), MaskRule("reduce", ("x0",))),
    (rule("ReduceMax", [PICTURE], (1, 1, 6, 8), axes=[1]), SAME),
    (rule("ReduceMean", [PICTURE], (1, 4, 6, 1), axes=[3]), None),
    (rule("DepthToSpace", [PICTURE], (1, 1, 12, 16), blocksize=2), MaskRule("upsample", ("x0",), {"factor": 2})),
    (rule("SpaceToDepth", [PICTURE], (1, 16, 3, 4), blocksize=2),
     MaskRule("pool", ("x0",), {"kernel_shape": [2, 2], "strides": [2, 2]})),
    (rule("Slice", [PICTURE, [1], [3], [1]], (1, 2, 6, 8)), SAME),
    (rule("Slice", [PICTURE, [1, -3], [100, -1], [2, 3], [2, 1]], (1, 4, 3, 2)),
     MaskRule("slice", ("x0",), {"starts": [1, 5], "ends": [6, 7], "steps": [2, 1]})),
    (rule("Slice", [PICTURE, [5], [-100], [2], [-1]]), None),
    (rule("Pad", [PICTURE, [0, 0, 1, 2, 0, 0, 3, -1]]), MaskRule("pad", ("x0",), {"pads": [1, 2, 3, -1]})),
    (rule("Pad", [PICTURE, [0, 1, 0, 0, 0, 0, 0, 0]]), SAME),
    (rule("Pad", [PICTURE, [0, 0, 1, 1, 0, 0, 1, 1]], mode="reflect"), None),
    (rule("Resize", [PICTURE, None, np.float32([1, 1, 2, 2])], (1, 4, 12, 16), mode="linear"),
     MaskRule("resize", ("x0",), {"mode": "linear", "coordinate_transformation_mode": "half_pixel",
                                  "nearest_mode": "round_prefer_floor", "scales": [2.0, 2.0], "sizes": [12, 16]})),
    (rule("Resize", [PICTURE, None, np.float32([1, 1, 2, 2])], (1, 4, 12, 16), mode="cubic"), None),
    (rule("Transpose", [PICTURE], (1, 6, 8, 4), perm=[0, 2, 3, 1]), None),
    (rule("InstanceNormalization", [PICTURE, np.ones(4), np.ones(4)]), None),
]  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), TABLE, ids=[str(k) for k in range(len(TABLE))])
def test_rule(found: MaskRule | None, expected: MaskRule | None) -> None:
    assert found == expected
