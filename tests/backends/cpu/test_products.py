"""A picture times a vector that the convolution behind it multiplies as it reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.native_plan import EMPTY, ConvCase, native, new_tensor, ones, random_mask
from support.recording_plan import RecordingPlan
from support.small_skip import dense_graph, skipping

from edgeskip.backends.cpu.planner import make_plan
from edgeskip.graph.ir import Node

CASES = {
    "narrow": ConvCase(5, 7, (11, 66), (1, 1), pads=[0, 0, 0, 0]),
    "wide": ConvCase(196, 48, (9, 70), (1, 1), pads=[0, 0, 0, 0]),
    "heavy": ConvCase(512, 192, (5, 8), (1, 1), pads=[0, 0, 0, 0]),
    "strided": ConvCase(24, 16, (12, 13), (1, 1), [2, 2], [0, 0, 0, 0]),
    "grouped": ConvCase(12, 18, (7, 9), (1, 1), pads=[0, 0, 0, 0], group=3),
    "depthwise": ConvCase(35, 35, (7, 9), (1, 1), pads=[0, 0, 0, 0], group=35),
}


def plan_of(case: ConvCase, fused: bool) -> tuple[Any, dict[str, int]]:
    """Mul and convolution as two ops, or as one."""
    rng = np.random.default_rng(case.inputs)
    plan, ids = native.Plan(), {}
    ids["x"], _ = new_tensor(plan, *case.size, case.inputs)
    ids["scale"], _ = new_tensor(plan, 1, 1, case.inputs)
    product, ids["mask_x"] = new_tensor(plan, *case.size, case.inputs)
    ids["y"], ids["mask_y"] = new_tensor(plan, *case.output, case.outputs)
    if not fused:
        plan.add_binary("mul", "mul", ids["x"], ids["scale"], product, ids["mask_x"], "none", EMPTY, 0.0)
    plan.add_conv(
        "conv", ids["x"] if fused else product, ids["mask_x"], ids["y"], ids["mask_y"],
        rng.standard_normal(case.weight_shape()).astype(np.float32), None, case.strides, case.pads, case.dilations,
        case.group, False, "silu", EMPTY, 0.0, 0.05, "l2", 1, **({"scale": ids["scale"]} if fused else {}),
    )  # fmt: skip
    return plan, ids


@pytest.mark.parametrize(("panel_rows", "threads"), [(0, 1), (3, 1), (0, 2)])
@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize("name", CASES)
def test_multiplied_while_read_is_multiplied_before(name: str, level: str, panel_rows: int, threads: int):
    case, rng = CASES[name], np.random.default_rng(7)
    results = []
    plans = [plan_of(case, fused) for fused in (False, True)]
    streams = [native.Engine(plan, threads, level=level, panel_rows=panel_rows).new_stream() for plan, _ in plans]
    for frame, share in enumerate([1.0, 0.2, 1.0, 0.02]):
        x = rng.standard_normal((case.inputs, *case.size)).astype(np.float32)
        scale = rng.standard_normal((case.inputs, 1, 1)).astype(np.float32)
        mask = ones(case.size) if share == 1.0 else random_mask(rng, *case.size, share)
        results = []
        for stream, (_, ids) in zip(streams, plans, strict=True):
            stream.write(ids["x"], x)
            if share == 1.0:  # a new scale makes every pixel active
                stream.write(ids["scale"], scale)
            stream.write_mask(ids["mask_x"], mask)
            stream.run(0, 2 if stream is streams[0] else 1)
            results.append((stream.read(ids["y"]), stream.read_mask(ids["mask_y"])))
        for before, fused in zip(*results, strict=True):
            np.testing.assert_array_equal(before, fused, err_msg=f"frame {frame}")


def test_a_scale_needs_a_kernel_of_one_pixel():
    plan = native.Plan()
    x, mask = new_tensor(plan, 6, 8, 4)
    scale, _ = new_tensor(plan, 1, 1, 4)
    y, mask_y = new_tensor(plan, 6, 8, 4)
    with pytest.raises(ValueError, match="scale needs a 1x1 kernel"):
        plan.add_conv(
            "conv", x, mask, y, mask_y, np.ones((4, 4, 3, 3), np.float32), None, [1, 1], [1, 1, 1, 1], [1, 1], 1,
            False, "none", EMPTY, 0.0, 0.0, "l2", 1, scale=scale,
        )  # fmt: skip


def excited(kernel: int, second_reader: bool) -> RecordingPlan:
    """x -> pool -> Mul(x, pooled) -> Conv, and maybe somebody else who reads the product."""
    rng = np.random.default_rng(3)
    nodes = [
        Node("GlobalAveragePool", ["x"], ["v"]),
        Node("Mul", ["v", "x"], ["m"]),
        Node("Conv", ["m", "w"], ["c"], {"pads": [kernel // 2] * 4}),
        Node("Add", ["c", "m"], ["s"]) if second_reader else Node("Tanh", ["c"], ["s"]),
        Node("MaxPool", ["s"], ["y"], {"kernel_shape": [2, 2]}),
    ]
    weight = rng.standard_normal((4, 4, kernel, kernel)).astype(np.float32)
    plan = RecordingPlan()
    make_plan(skipping(dense_graph(nodes, {"w": weight})), plan)
    return plan


def test_the_product_of_a_squeeze_and_excite_block_is_never_stored():
    plan = excited(1, second_reader=False)
    (conv,) = plan.named("conv")
    assert plan.named("binary") == plan.named("chain") == []
    assert plan.tensors[conv["scale"]][2] == plan.tensors[conv["x"]][2] == 4
    assert plan.buffers[plan.tensors[conv["scale"]][0]][:2] == (1, 1)


@pytest.mark.parametrize(("kernel", "second_reader"), [(3, False), (1, True)])
def test_a_product_that_is_read_more_than_once_is_stored(kernel: int, second_reader: bool):
    plan = excited(kernel, second_reader)
    assert [op["scale"] for op in plan.named("conv")] == [-1]
    assert [op["kind"] for op in plan.named("binary")] == ["mul"]
