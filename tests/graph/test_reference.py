"""The numpy oracles against ONNX Runtime: an oracle that is wrong would pass everything that copies it."""

from __future__ import annotations

import numpy as np
import pytest
from support.stock import open_stock

from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.onnx_io import to_proto
from edgeskip.graph.reference.activations import activate, channel_norm
from edgeskip.graph.reference.convolution import convolve, convolve_transposed
from edgeskip.graph.reference.interpreter import Interpreter
from edgeskip.graph.reference.registry import ORACLES, reference


def compare(op_type: str, values: list[np.ndarray], opset: int = 17, constants: int = 0, **attributes) -> np.ndarray:
    names = [f"in{k}" if value.size else "" for k, value in enumerate(values)]
    table = {name: value for name, value in zip(names, values, strict=True) if name}
    fixed = {name: table.pop(name) for name in names[len(names) - constants :] if name}
    info = {name: TensorInfo(value.dtype, value.shape) for name, value in table.items()}
    info["y"] = TensorInfo(np.dtype(np.float32), (None,) * 4)
    graph = Graph([Node(op_type, names, ["y"], attributes)], list(table), ["y"], fixed, info, opset)
    wanted = open_stock(to_proto(graph).SerializeToString()).run(["y"], table)[0]
    found = Interpreter(graph).run(table)["y"]
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    return found


def picture(channels: int = 4, height: int = 9, width: int = 11, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, channels, height, width)).astype(np.float32)


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("strides", [[1, 1], [2, 3]])
@pytest.mark.parametrize("dilations", [[1, 1], [2, 1]])
def test_convolution(group: int, strides: list[int], dilations: list[int]) -> None:
    x, pads = picture(), [1, 2, 0, 1]
    w = np.random.default_rng(1).normal(size=(8, 4 // group, 3, 2)).astype(np.float32)
    geometry = {"strides": strides, "pads": pads, "dilations": dilations, "group": group}
    wanted = compare_conv("Conv", x, w, geometry)
    np.testing.assert_allclose(convolve(x, w, strides, pads, dilations, group), wanted, rtol=1e-5, atol=1e-5)
    w = np.random.default_rng(1).normal(size=(4, 8 // group, 3, 2)).astype(np.float32)
    padding = [1, 0] if strides[0] > 1 else [0, 0]
    wanted = compare_conv("ConvTranspose", x, w, {**geometry, "output_padding": padding})
    found = convolve_transposed(x, w, strides, pads, dilations, group, padding)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def compare_conv(op_type: str, x: np.ndarray, w: np.ndarray, geometry: dict) -> np.ndarray:
    info = {"x": TensorInfo(x.dtype, x.shape), "y": TensorInfo(x.dtype, (None,) * 4)}
    graph = Graph([Node(op_type, ["x", "w"], ["y"], geometry)], ["x"], ["y"], {"w": w}, info, 17)
    return open_stock(to_proto(graph).SerializeToString()).run(None, {"x": x})[0]


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 0, 1, 1]])
def test_pooling(ceil_mode: int, pads: list[int]) -> None:
    geometry = {"kernel_shape": [3, 2], "strides": [2, 3], "pads": pads, "ceil_mode": ceil_mode}
    compare("MaxPool", [picture()], **geometry)
    compare("AveragePool", [picture()], **geometry)
    if not ceil_mode:  # how padding counts in a window that ceil_mode adds differs between runtimes
        compare("AveragePool", [picture()], count_include_pad=1, **geometry)
    compare("MaxPool", [picture()], kernel_shape=[3, 3], auto_pad="SAME_UPPER", strides=[2, 2])
    compare("MaxPool", [picture()], kernel_shape=[3, 2], auto_pad="SAME_LOWER", strides=[2, 2])


def test_global_pooling() -> None:
    compare("GlobalAveragePool", [picture()])
    compare("GlobalMaxPool", [picture()])


@pytest.mark.parametrize(
    "coordinates", ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
)
@pytest.mark.parametrize("target", [(18, 22), (5, 7), (13, 1), (9, 23)])
def test_resize(coordinates: str, target: tuple[int, int]) -> None:
    opset = 19 if coordinates == "half_pixel_symmetric" else 17
    none = np.empty(0, np.float32)
    sizes = np.array([2, 4, *target], np.int64)
    scales = np.array([1, 1, target[0] / 9 + 1e-4, target[1] / 11 + 1e-4], np.float32)
    common = {"opset": opset, "coordinate_transformation_mode": coordinates}
    compare("Resize", [picture(), none, none, sizes], constants=1, mode="linear", **common)
    compare("Resize", [picture(), none, scales], constants=1, mode="linear", **common)
    # half_pixel_symmetric adds a rounding error to every position: floor and ceil of a whole number are a toss there
    exact = ("floor", "ceil") if coordinates != "half_pixel_symmetric" else ()
    for rule in ("round_prefer_floor", "round_prefer_ceil", *exact):
        compare("Resize", [picture(), none, none, sizes], constants=1, mode="nearest", nearest_mode=rule, **common)


def test_norms_are_means_so_that_channels_do_not_matter() -> None:
    x = picture()
    doubled = np.concatenate([x, x], axis=1)
    for kind in ("l2", "l1", "linf"):
        np.testing.assert_allclose(channel_norm(x, kind), channel_norm(doubled, kind))
    np.testing.assert_allclose(channel_norm(np.full((1, 3, 1, 1), -2.0), "l2"), 2.0)


def test_activations_at_known_points() -> None:
    x = np.array([-4.0, -1.0, 0.0, 2.0, 8.0]).reshape(1, 1, 1, 5)
    assert activate(x, "clip", [0.0], 6.0).ravel().tolist() == [0, 0, 0, 2, 6]
    assert activate(x, "leaky_relu", [0.25]).ravel().tolist() == [-1, -0.25, 0, 2, 8]
    np.testing.assert_allclose(activate(x, "hard_swish").ravel(), [0, -1 / 3, 0, 5 / 3, 8])
    np.testing.assert_allclose(activate(x, "hard_sigmoid", [0.2], 0.5).ravel(), [0, 0.3, 0.5, 0.9, 1])
    np.testing.assert_allclose(activate(x, "silu").ravel()[3], 2 / (1 + np.exp(-2.0)))
    with pytest.raises(ValueError, match="unknown activation"):
        activate(x, "wishful")


def test_an_op_that_nothing_runs_is_one_clear_error() -> None:
    graph = Graph([Node("Teleport", ["x"], ["y"], {}, "com.example")], ["x"], ["y"], {}, {}, 17)
    with pytest.raises(ModelError, match=r"Teleport.*com\.example.*writes y"):
        Interpreter(graph)


def test_an_op_has_one_oracle() -> None:
    assert {"SkipConv", "SkipGate", "SkipMask", "FusedConv"} <= set(ORACLES)
    with pytest.raises(ValueError, match="SkipConv has an oracle already"):
        reference("SkipConv")(lambda node, inputs: [])
