"""The overlay's maps tell which pixels each resolution computed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edgeskip.backends.base import FrameResult, LayerInfo
from edgeskip.core.errors import InputError
from edgeskip.demos.activity import Activity, pool_mask
from edgeskip.graph.ir import Node


def naive_pool(mask, kernel, strides, pads, dilations) -> np.ndarray:
    """The definition: any true pixel in the window."""
    height = (mask.shape[0] + pads[0] + pads[2] - dilations[0] * (kernel[0] - 1) - 1) // strides[0] + 1
    width = (mask.shape[1] + pads[1] + pads[3] - dilations[1] * (kernel[1] - 1) - 1) // strides[1] + 1
    result = np.zeros((height, width), bool)
    for row in range(height):
        for column in range(width):
            for i in range(kernel[0]):
                for j in range(kernel[1]):
                    y = row * strides[0] - pads[0] + i * dilations[0]
                    x = column * strides[1] - pads[1] + j * dilations[1]
                    if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]:
                        result[row, column] |= mask[y, x]
    return result


@pytest.mark.parametrize("seed", range(12))
def test_pool_mask_is_the_candidate_rule(seed: int) -> None:
    generator = np.random.default_rng(seed)
    kernel, strides, dilations = (tuple(int(v) for v in generator.integers(1, 4, 2)) for _ in range(3))
    pads = tuple(int(v) for v in generator.integers(0, 3, 4))
    mask = generator.random((generator.integers(8, 20), generator.integers(8, 20))) < 0.1
    actual = pool_mask(mask, kernel, strides, pads, dilations)
    np.testing.assert_array_equal(actual, naive_pool(mask, kernel, strides, pads, dilations), err_msg=f"seed {seed}")


class FakeRunner:
    """Two convolutions: `a` at full size (3x3), `b` at half size (stride 2), with a residual."""

    def __init__(self, masks: dict[str, np.ndarray]) -> None:
        nodes = [
            Node("SkipConv", ["x", "mask.x", "w"], ["state.0.a.next", "mask.a"],
                 {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, "edgeskip"),
            Node("SkipConv", ["state.0.a.next", "mask.a", "w", "", "z", "mask.z"], ["state.1.b.next", "mask.b"],
                 {"kernel_shape": [1, 1], "strides": [2, 2]}, "edgeskip"),
        ]  # fmt: skip
        self._masks = masks
        self.model = SimpleNamespace(
            graph=SimpleNamespace(nodes=nodes),
            metadata=SimpleNamespace(masks={"x": "mask.x", "a": "mask.a", "b": "mask.b", "z": "mask.z"}),
            frame_inputs=["x"],
            frame_shape=lambda name: (1, 3, 8, 12),
        )
        self.layers = [
            LayerInfo("a", "SkipConv", "a", (1, 4, 8, 12), 9600, 96, mask="mask.a"),
            LayerInfo("b", "SkipConv", "b", (1, 4, 4, 6), 240, 24, mask="mask.b"),
            LayerInfo("vector", "SkipConv", "v", (1, 4, 1, 1), 16, 1, mask="mask.v"),
            LayerInfo("add", "Add", "s", (1, 4, 8, 12), 0, 96),
        ]

    def mask(self, tensor: str) -> np.ndarray:
        if tensor not in self._masks:
            raise InputError(f"{tensor} has no mask")
        return self._masks[tensor][None]


def masks() -> dict[str, np.ndarray]:
    shapes = {"x": (8, 12), "a": (8, 12), "b": (4, 6), "z": (4, 6)}
    return {name: np.zeros(shape, bool) for name, shape in shapes.items()}


def test_stages_show_the_computed_pixels_not_the_changed_ones() -> None:
    """A convolution computes every pixel that a changed input reaches, also where the result hardly moves."""
    given = masks()
    given["x"][4, 6] = True  # one changed pixel; the 3x3 layer computes nine and finds that none changed
    fine, coarse = Activity(FakeRunner(given)).read(FrameResult({}, active_pixels={"a": 9, "b": 0}))
    expected = np.zeros((8, 12), np.float32)
    expected[3:6, 5:8] = 1
    np.testing.assert_array_equal(fine.heat, expected)
    assert (fine.reduction, coarse.reduction) == (1, 2)
    assert not coarse.heat.any()
    assert fine.active_mac_fraction == pytest.approx(9 / 96)
    assert coarse.active_mac_fraction == 0


def test_heat_is_weighed_by_cost_so_that_its_mean_is_the_fraction() -> None:
    given = masks()
    given["x"][4, 6] = given["a"][4, 6] = True
    runner = FakeRunner(given)
    more = LayerInfo("a2", "Conv", "a2", (1, 4, 8, 12), 960, 96)  # no mask: dense
    runner.layers.insert(1, more)
    fine, _ = Activity(runner).read(FrameResult({}, active_pixels={"a": 9, "a2": 96, "b": 1}))
    assert fine.heat[4, 6] == pytest.approx(1)
    assert fine.heat[0, 0] == pytest.approx(960 / 10560)
    assert fine.heat.mean() == pytest.approx(fine.active_mac_fraction)


def test_residual_mask_counts_as_well() -> None:
    given = masks()
    given["z"][1, 2] = True
    _, coarse = Activity(FakeRunner(given)).read(FrameResult({}, active_pixels={"a": 0, "b": 1}))
    assert coarse.heat[1, 2] == 1
    assert coarse.heat.sum() == 1


def test_mask_that_the_backend_does_not_have_falls_back_to_the_layers_own() -> None:
    given = masks()
    del given["x"]
    given["a"][2, 2] = True
    activity = Activity(FakeRunner(given))
    fine, _ = activity.read(FrameResult({}, active_pixels={"a": 9, "b": 0}))
    assert fine.heat[2, 2] == 1
    assert fine.heat.sum() == 1


def test_layer_that_reports_no_pixels_counts_as_dense() -> None:
    fine, _ = Activity(FakeRunner(masks())).read(FrameResult({}, active_pixels={}))
    assert fine.active_mac_fraction == 1
