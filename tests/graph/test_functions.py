"""The function bodies in stock ONNX Runtime give what the numpy oracles give, in every opset from 13 to 23."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.stock import open_stock

from edgeskip.core.contract import ACTIVATIONS, DOMAIN, NORMS, OPS
from edgeskip.graph.functions import functions_for, overload_of
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.onnx_io import to_proto
from edgeskip.graph.reference.interpreter import Interpreter
from edgeskip.graph.skip_model import fill_defaults

OPSETS = range(13, 24)


def check(op_type: str, values: list[np.ndarray | None], opset: int = 17, outputs: int = 2, **attributes: Any) -> dict:
    """Run one op in ONNX Runtime and in numpy, compare, and return what numpy gave."""
    names = [f"in{k}" if value is not None else "" for k, value in enumerate(values)]
    results = [f"out{k}" for k in range(outputs)]
    feeds = {name: value for name, value in zip(names, values, strict=True) if name}
    constants = {name: feeds.pop(name) for name in ("in2", "in3") if op_type == "SkipConv" and name in feeds}
    node = Node(op_type, names, results, attributes, DOMAIN)
    fill_defaults([node])
    info = {name: TensorInfo(value.dtype, value.shape) for name, value in feeds.items()}
    masks = op_type == "SkipMask", True, True
    for name, is_mask in zip(results, masks, strict=False):
        info[name] = TensorInfo(np.dtype(np.int32 if is_mask else np.float32), (None,) * 4)
    graph = Graph([node], list(feeds), results, constants, info, opset)
    expected = Interpreter(graph).run(feeds)
    found = open_stock(to_proto(graph).SerializeToString()).run(results, feeds)
    for name, value in zip(results, found, strict=True):
        assert value.dtype == expected[name].dtype
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)
    return expected


def picture(seed: int, channels: int = 4, height: int = 6, width: int = 7, n: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, channels, height, width)).astype(np.float32)


def some_mask(seed: int, height: int = 6, width: int = 7, share: float = 0.2, n: int = 2) -> np.ndarray:
    return (np.random.default_rng(seed).random((n, 1, height, width)) < share).astype(np.int32)


@pytest.mark.parametrize("opset", OPSETS)
def test_gate_in_every_opset(opset: int) -> None:
    x, ref = picture(1, 3), picture(1, 3)
    ref[0, :, 2:4, 3:5] += 0.5
    ref[1, :, 0, 0] = np.nan
    for norm in NORMS:
        result = check("SkipGate", [x, ref], opset, threshold=0.2, threshold_signed=0.1, norm=norm, window=3)
        assert 0 < result["out1"].mean() < 1


@pytest.mark.parametrize("norm", NORMS)
def test_gate_opens_where_one_channel_is_unknown(norm: str) -> None:
    x, ref = picture(2, 3), picture(2, 3)
    ref[0, 1, 3, 3] = np.nan
    infinity = float("inf")
    mask = check("SkipGate", [x, ref], threshold=infinity, threshold_signed=infinity, norm=norm)["out1"]
    assert mask.sum() == 1
    assert mask[0, 0, 3, 3] == 1


def test_gate_on_vectors_compares_each_picture() -> None:
    x, ref = picture(3, 5, 1, 1), picture(3, 5, 1, 1)
    ref[1] += 1
    mask = check("SkipGate", [x, ref], threshold=0.5, threshold_signed=0.5)["out1"]
    assert mask.ravel().tolist() == [0, 1]


def test_signed_term_ignores_noise_and_sees_a_shift() -> None:
    ref = np.zeros((1, 3, 12, 12), np.float32)
    noise = np.indices((12, 12)).sum(0) % 2 * 2.0 - 1.0
    x = ref + noise.astype(np.float32)
    quiet = check("SkipGate", [x, ref], threshold=1.5, threshold_signed=0.3, window=5)["out1"]
    assert quiet[:, :, 2:-2, 2:-2].sum() == 0
    assert check("SkipGate", [x + 0.6, ref], threshold=2.0, threshold_signed=0.3, window=5)["out1"].all()


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("norm", NORMS)
def test_conv_with_every_input_in_every_opset(opset: int, norm: str) -> None:
    y_prev = picture(11, 4)
    y_prev[0, 2, 1, 1] = np.nan
    inputs = [
        picture(4, 4), some_mask(5), picture(6, 2, 3, 3, n=4), picture(7, 4, 1, 1, n=1).ravel(), picture(8, 4),
        some_mask(9), some_mask(10, share=0.5), np.array([0, 1, 2, 0.5], np.float32), y_prev, some_mask(12, share=0.5),
    ]  # fmt: skip
    geometry = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "group": 2}
    result = check("SkipConv", inputs, opset, 3, **geometry, threshold=0.5, norm=norm, activation="relu")
    assert 0 < result["out1"].mean() < 1
    assert 0 < result["out2"].mean() < 1


_ALPHA = {"clip": [-0.5], "leaky_relu": [0.1], "prelu": [0.1, 0.2, -0.3, 0.4, 1.5], "hard_sigmoid": [0.2]}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("opset", [13, 23])
def test_every_activation(activation: str, opset: int) -> None:
    y_prev = np.full((2, 5, 6, 7), np.nan, np.float32)
    attributes = {"activation": activation, "alpha": _ALPHA.get(activation, []), "beta": 0.75}
    inputs = [picture(1), some_mask(2), 3 * picture(3, 4, 1, 1, n=5), None, None, None, None, None, y_prev]
    result = check("SkipConv", inputs, opset, kernel_shape=[1, 1], threshold=0.0, **attributes)
    changed = np.broadcast_to(result["out1"], y_prev.shape) == 1
    assert np.isfinite(result["out0"][changed]).all()
    assert np.isnan(result["out0"][~changed]).all()


GEOMETRIES = [
    {"kernel_shape": [3, 5], "strides": [2, 1], "pads": [1, 2, 0, 2]},
    {"kernel_shape": [3, 3], "dilations": [4, 4], "pads": [4, 4, 4, 4]},
    {"kernel_shape": [2, 2], "strides": [2, 2], "transposed": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1], "transposed": 1},
    {"kernel_shape": [4, 3], "strides": [2, 3], "pads": [1, 0, 1, 0], "dilations": [1, 2], "transposed": 1, "group": 2},
    {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "group": 4},
]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_every_geometry(geometry: dict) -> None:
    group, kernel = geometry.get("group", 1), geometry["kernel_shape"]
    weight = picture(3, 8 // group, *kernel, n=4) if "transposed" in geometry else picture(3, 4 // group, *kernel, n=8)
    node = Node("SkipConv", [], [], {**geometry, "threshold": 0.0}, DOMAIN)
    fill_defaults([node])
    from edgeskip.graph.reference.convolution import convolve_node

    y_prev = np.full(convolve_node(node, picture(1), weight).shape, np.nan, np.float32)
    mask = np.zeros((2, 1, 6, 7), np.int32)
    mask[0, 0, 2, 3] = 1
    inputs = [picture(1), mask, weight, None, None, None, None, None, y_prev]
    changed = check("SkipConv", inputs, **geometry, threshold=0.0)["out1"]
    assert changed[1].sum() == 0
    assert 1 <= changed[0].sum() <= kernel[0] * kernel[1]


MASKS = [
    {"kind": "pool", "kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
    {"kind": "pool", "kernel_shape": [2, 3], "strides": [1, 2]},
    {"kind": "resize", "sizes": [12, 14], "scales": [2.0, 2.0], "coordinate_transformation_mode": "asymmetric",
     "nearest_mode": "floor"},
    {"kind": "resize", "sizes": [9, 5]},
    {"kind": "resize", "sizes": [12, 14], "mode": "linear", "coordinate_transformation_mode": "align_corners"},
    {"kind": "resize", "sizes": [12, 14], "mode": "linear", "scales": [2.0, 2.0]},
    {"kind": "resize", "sizes": [3, 4], "mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
    {"kind": "reduce"},
    {"kind": "slice", "starts": [1, 0], "ends": [6, 7], "steps": [2, 3]},
    {"kind": "pad", "pads": [1, 2, 0, 3]},
    {"kind": "pad", "pads": [-1, 0, -2, 1]},
    {"kind": "upsample", "factor": 3},
]  # fmt: skip


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("attributes", MASKS, ids=str)
def test_every_mask_kind_in_every_opset(attributes: dict, opset: int) -> None:
    mask = some_mask(opset, share=0.35)
    result = check("SkipMask", [mask], opset, 1, **attributes)["out0"]
    assert set(np.unique(result)) <= {0, 1}
    assert result.any()


@pytest.mark.parametrize("opset", OPSETS)
def test_union_broadcasts_one_bit_masks(opset: int) -> None:
    bit = np.array([0, 1], np.int32).reshape(2, 1, 1, 1)
    result = check("SkipMask", [some_mask(1), bit, some_mask(2)], opset, 1, kind="union")["out0"]
    assert result.shape == (2, 1, 6, 7)
    assert result[1].all()
    assert not result[0].all()


def test_padded_pixels_count_as_their_nearest_pixel() -> None:
    mask = np.zeros((1, 1, 3, 3), np.int32)
    mask[0, 0, 0, 0] = 1
    result = check("SkipMask", [mask], outputs=1, kind="pad", pads=[1, 2, 0, 0])["out0"][0, 0]
    assert result.tolist() == [[1, 1, 1, 0, 0]] * 2 + [[0] * 5] * 2


def test_one_body_serves_all_nodes_of_a_signature() -> None:
    nodes = [
        Node("SkipMask", ["a", "b"], [f"m{k}"], {"kind": "union"}, DOMAIN) for k in range(3)
    ] + [Node("SkipMask", ["a"], ["p"], {"kind": "reduce"}, DOMAIN)]  # fmt: skip
    fill_defaults(nodes)
    graph = Graph(nodes, ["a", "b"], ["p"], {}, {}, 17)
    functions = functions_for(graph)
    assert [function.overload for function in functions] == ["union2", "reduce"]
    assert overload_of(nodes[2], graph) == "union2"
    assert set(functions[0].attribute) | {item.name for item in functions[0].attribute_proto} == set(
        OPS["SkipMask"].attributes
    )
