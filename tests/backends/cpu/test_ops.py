"""Each op that the engine knows, frame by frame against the numpy reference, with its masks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from support.small_skip import Oracle, dense_graph, moving_pictures, skipping

from edgeskip.backends.cpu.loader import CpuBackend
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import SkipModel

pytestmark = pytest.mark.skipif(
    CpuBackend().unavailable_reason() is not None, reason=f"{CpuBackend().unavailable_reason()}"
)
RANDOM = np.random.default_rng(11)


def vector(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@dataclass
class Case:
    """A chain of ops from "x" to "y"; `positive`: x is made positive first (for logarithms and powers)."""

    name: str
    nodes: list[Node]
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    shape: tuple[int, ...] = (1, 4, 9, 11)
    positive: bool = False
    opset: int = 18


def op(kind: str, *inputs: str, to: str = "y", **attributes: Any) -> Node:
    return Node(kind, list(inputs), [to], attributes)


def unary_cases() -> list[Case]:
    plain = ["Relu", "Sigmoid", "Tanh", "HardSwish", "Exp", "Neg", "Abs", "LeakyRelu", "HardSigmoid"]
    cases = [Case(kind, [op(kind, "x")]) for kind in plain]
    cases += [Case(kind, [op(kind, "x")], positive=True) for kind in ("Sqrt", "Log", "Reciprocal")]
    low, high = np.float32(-0.3), np.float32(0.4)
    cases += [
        Case("LeakyRelu-alpha", [op("LeakyRelu", "x", alpha=0.3)]),
        Case("HardSigmoid-slope", [op("HardSigmoid", "x", alpha=0.3, beta=0.4)]),
        Case("Clip", [op("Clip", "x", "low", "high")], {"low": np.array(low), "high": np.array(high)}),
        Case("Clip-below", [op("Clip", "x", "low")], {"low": np.array(low)}),
        Case("Clip-above", [op("Clip", "x", "", "high")], {"high": np.array(high)}),
        Case("PRelu-channels", [op("PRelu", "x", "s")], {"s": vector(4, 1, 1)}),
        Case("PRelu-scalar", [op("PRelu", "x", "s")], {"s": vector(1)}),
    ]
    return cases


def binary_cases() -> list[Case]:
    operands = {
        "scalar": vector(),
        "channel": vector(4, 1, 1),
        "plane": vector(1, 1, 9, 11),
        "full": vector(1, 4, 9, 11),
    }
    cases = []
    for kind, (name, value) in itertools.product(("Add", "Sub", "Mul", "Div", "Max", "Min"), operands.items()):
        value = np.abs(value) + 0.5 if kind == "Div" else value
        cases.append(Case(f"{kind}-{name}", [op(kind, "x", "c")], {"c": value}))
        cases.append(Case(f"{name}-{kind}", [op(kind, "c", "x")], {"c": value}, positive=kind == "Div"))
    cases.append(Case("Pow-2", [op("Pow", "x", "c")], {"c": np.array(2, np.float32)}))
    cases.append(Case("Pow-channels", [op("Pow", "x", "c")], {"c": vector(4, 1, 1)}, positive=True))
    cases.append(Case("2-Pow", [op("Pow", "c", "x")], {"c": np.array(2, np.float32)}))
    pool = op("MaxPool", "x", to="p", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    average = op("GlobalAveragePool", "x", to="v")
    one_channel = op("Slice", "p", "from", "to", "axis", to="m")
    part = {"from": ints(1), "to": ints(2), "axis": ints(1)}
    for kind in ("Add", "Sub", "Mul", "Max"):
        cases.append(Case(f"{kind}-tensors", [pool, op(kind, "x", "p")]))
        cases.append(Case(f"{kind}-itself", [op(kind, "x", "x")]))
        cases.append(Case(f"{kind}-vector", [average, op(kind, "v", "x")]))
        cases.append(Case(f"{kind}-one-channel", [pool, one_channel, op(kind, "x", "m")], part))
    for kind in ("Sum", "Max", "Min"):
        cases.append(Case(f"{kind}-of-three", [pool, average, op(kind, "x", "p", "v")]))
        cases.append(Case(f"{kind}-of-one", [op(kind, "x")]))
    norm = {"g": vector(4), "b": vector(4), "m": vector(4), "v": np.abs(vector(4)) + 0.1}
    cases.append(Case("BatchNormalization", [op("BatchNormalization", "x", "g", "b", "m", "v", epsilon=1e-3)], norm))
    return cases


def pool_cases() -> list[Case]:
    cases = []
    for kind in ("MaxPool", "AveragePool"):
        for ceil, stride in ((0, 1), (0, 2), (1, 2), (1, 3)):
            geometry = {"kernel_shape": [3, 3], "strides": [stride] * 2, "pads": [1, 1, 1, 1], "ceil_mode": ceil}
            cases.append(Case(f"{kind}-stride{stride}-ceil{ceil}", [op(kind, "x", **geometry)], shape=(1, 4, 9, 10)))
        cases.append(Case(f"{kind}-uneven", [op(kind, "x", kernel_shape=[2, 3], strides=[1, 2], pads=[1, 0, 0, 1])]))
        for rule in ("SAME_UPPER", "SAME_LOWER", "VALID"):
            geometry = {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": rule}
            cases.append(Case(f"{kind}-{rule}", [op(kind, "x", **geometry)]))
    padded = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}
    cases.append(Case("AveragePool-padding-counted", [op("AveragePool", "x", **padded)]))
    cases.append(
        Case("MaxPool-dilated", [op("MaxPool", "x", kernel_shape=[3, 3], dilations=[2, 2], pads=[2, 2, 2, 2])])
    )
    cases += [Case(kind, [op(kind, "x")]) for kind in ("GlobalAveragePool", "GlobalMaxPool")]
    return cases


def softmax_cases() -> list[Case]:
    nodes = [op("Softmax", "x", axis=1)]
    return [Case(f"Softmax-{channels}", nodes, shape=(1, channels, 5, 7)) for channels in (3, 80)]


def resize_cases() -> list[Case]:
    cases = []
    coordinates = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
    roundings = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    for size, rule in itertools.product(((18, 22), (13, 7), (5, 5), (1, 1)), coordinates):
        target = {"size": ints(1, 4, *size)}
        attributes = {"coordinate_transformation_mode": rule}
        name = f"{size[0]}x{size[1]}-{rule}"
        cases.append(Case(f"linear-{name}", [op("Resize", "x", "", "", "size", mode="linear", **attributes)], target))
        for rounding in roundings:
            node = op("Resize", "x", "", "", "size", mode="nearest", nearest_mode=rounding, **attributes)
            cases.append(Case(f"nearest-{name}-{rounding}", [node], target))
    scale = {"scale": np.array([1, 1, 1.6, 2.3], np.float32)}
    for mode in ("linear", "nearest"):
        node = op(
            "Resize", "x", "", "scale", mode=mode, coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )
        cases.append(Case(f"{mode}-scales", [node], scale))
    return cases


def moving_cases() -> list[Case]:
    pads = {"pads": ints(0, 0, 1, 2, 0, 0, 3, 0), "value": np.array(1.5, np.float32)}
    cut = {"from": ints(2, -9), "to": ints(100, 9), "axes": ints(2, 3), "steps": ints(2, 3)}
    mixed = {"from": ints(1, 3), "to": ints(3, 8), "axes": ints(1, 3)}
    every = {"from": ints(0), "to": ints(4), "axes": ints(1), "steps": ints(2)}
    split = Node("Split", ["x"], ["a", "b"], {"axis": 1, "num_outputs": 2})
    even = (1, 4, 8, 12)
    return [
        Case("Pad", [op("Pad", "x", "pads", "value")], pads),
        Case("Slice-picture", [op("Slice", "x", "from", "to", "axes", "steps")], cut),
        Case("Slice-both", [op("Slice", "x", "from", "to", "axes")], mixed),
        Case("Slice-channel-step", [op("Slice", "x", "from", "to", "axes", "steps")], every),
        Case("Gather-shuffle", [op("Gather", "x", "i", axis=1)], {"i": ints(2, 0, -1, 1, 2)}),
        Case("Split-Concat", [split, op("Concat", "b", "a", axis=1)]),
        Case("Concat-constant", [op("Concat", "c", "x", axis=1)], {"c": vector(1, 2, 9, 11)}),
        Case("Concat-twice", [op("Relu", "x", to="r"), op("Concat", "r", "x", "r", axis=1)]),
        Case("SpaceToDepth", [op("SpaceToDepth", "x", blocksize=2)], shape=even),
        Case("DepthToSpace-DCR", [op("DepthToSpace", "x", blocksize=2, mode="DCR")], shape=even),
        Case("DepthToSpace-CRD", [op("DepthToSpace", "x", blocksize=2, mode="CRD")], shape=even),
    ]


def conv_cases() -> list[Case]:
    cases = []

    def add(name: str, kind: str, weight: np.ndarray, after: tuple[Node, ...] = (), **attributes: Any) -> None:
        last = op(kind, "x", "w", "b", to="c" if after else "y", **attributes)
        group = attributes.get("group", 1)
        outputs = weight.shape[1] * group if kind == "ConvTranspose" else weight.shape[0]
        constants = {"w": weight, "b": vector(outputs), "slope": vector(outputs, 1, 1)}
        cases.append(Case(f"{kind}-{name}", [last, *after], constants))

    add("pointwise", "Conv", vector(6, 4, 1, 1))
    add("3x3", "Conv", vector(6, 4, 3, 3), pads=[1, 1, 1, 1])
    add("stride", "Conv", vector(6, 4, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2])
    add("dilated", "Conv", vector(6, 4, 3, 3), pads=[2, 2, 2, 2], dilations=[2, 2])
    add("uneven", "Conv", vector(6, 4, 2, 5), pads=[0, 1, 1, 3], strides=[1, 2])
    add("grouped", "Conv", vector(6, 2, 3, 3), pads=[1, 1, 1, 1], group=2)
    add("depthwise", "Conv", vector(4, 1, 5, 5), pads=[2, 2, 2, 2], group=4)
    add("depthwise-multiplied", "Conv", vector(8, 1, 3, 3), pads=[1, 1, 1, 1], group=4)
    add("2x2", "ConvTranspose", vector(4, 6, 2, 2), strides=[2, 2])
    add("4x4", "ConvTranspose", vector(4, 6, 4, 4), strides=[2, 2], pads=[1, 1, 1, 1])
    add("odd", "ConvTranspose", vector(4, 6, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    add("grouped", "ConvTranspose", vector(4, 3, 4, 4), strides=[2, 2], pads=[1, 1, 1, 1], group=2)
    for kind in ("Relu", "Sigmoid", "HardSwish", "LeakyRelu"):
        add(f"then-{kind}", "Conv", vector(6, 4, 3, 3), (op(kind, "c"),), pads=[1, 1, 1, 1])
    add("then-PRelu", "Conv", vector(6, 4, 1, 1), (op("PRelu", "c", "slope"),))
    silu = (op("Sigmoid", "c", to="s"), op("Mul", "c", "s"))
    add("then-SiLU", "Conv", vector(6, 4, 1, 1), silu)
    excited = [op("GlobalAveragePool", "x", to="v"), op("Mul", "x", "v", to="m"), op("Conv", "m", "w")]
    cases.append(Case("Conv-of-a-product", excited, {"w": vector(6, 4, 1, 1)}))
    add("residual", "Conv", vector(4, 4, 3, 3), (op("Add", "c", "x", to="r"), op("Relu", "r")), pads=[1, 1, 1, 1])
    return cases


CASES = [
    *unary_cases(), *binary_cases(), *pool_cases(), *softmax_cases(), *resize_cases(), *moving_cases(), *conv_cases(),
]  # fmt: skip


def model_of(case: Case, **options: Any) -> SkipModel:
    nodes = [Node(node.op_type, list(node.inputs), list(node.outputs), dict(node.attributes)) for node in case.nodes]
    canonical = any("Conv" in node.op_type for node in nodes)
    return skipping(dense_graph(nodes, case.constants, shape=case.shape, opset=case.opset), canonical, **options)


def compare(model: SkipModel, case: Case, frames: int = 6) -> None:
    oracle = Oracle(model)
    with CpuBackend().create_runner(model) as runner:
        assert [layer.op for layer in runner.layers if layer.where != "engine"] == []
        for number, picture in enumerate(moving_pictures(case.shape, frames, seed=5)):
            picture = np.abs(picture) + np.float32(0.1) if case.positive else picture
            expected, result = oracle.step(picture), runner.infer(picture)
            np.testing.assert_allclose(
                result.outputs["y"], expected["y"], rtol=3e-5, atol=3e-5, err_msg=f"frame {number}"
            )
            for tensor in ("x", "y"):
                mask = model.mask_of(tensor)
                np.testing.assert_array_equal(
                    runner.mask(tensor), expected[mask][:, 0] != 0, err_msg=f"mask of {tensor}, frame {number}"
                )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_op_equals_the_reference_on_every_frame(case: Case):
    compare(model_of(case), case)


def test_padding_by_less_than_nothing_crops():
    """onnx's own reference can't, ONNX Runtime can: the expected picture is cut out by hand."""
    graph = dense_graph([op("Pad", "x", "pads")], {"pads": ints(0, 0, -1, 2, 0, 0, 1, -3)})
    with CpuBackend().create_runner(skipping(graph, canonical=False)) as runner:
        for picture in moving_pictures((1, 4, 9, 11), 5, seed=1):
            expected = np.pad(picture[:, :, 1:, :-3], ((0, 0), (0, 0), (0, 1), (2, 0)))
            np.testing.assert_array_equal(runner.infer(picture).outputs["y"], expected)


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
def test_thresholds_hide_the_same_changes_as_in_the_reference(norm: str):
    case = next(case for case in CASES if case.name == "Conv-residual")
    first = [
        Node(node.op_type, list(node.inputs), list(node.outputs), dict(node.attributes)) for node in case.nodes[:-1]
    ]
    second = [op("Relu", "r", to="s"), op("Conv", "s", "w", "b", pads=[1, 1, 1, 1])]
    graph = dense_graph([*first, *second], case.constants)
    scales = dict.fromkeys(("s", "y", "x", "r", "c"), 1.0)
    model = skipping(graph, tolerance=0.3, frame_threshold=0.2, norm=norm, scales=scales)
    thresholds = [node.attributes["threshold"] for node in model.graph.nodes if node.op_type == "SkipConv"]
    assert max(thresholds) == pytest.approx(0.3)
    compare(model, Case("thresholds", []), frames=12)


def test_resize_tables_are_what_onnx_runtime_computes():
    """The engine's tables against ONNX Runtime itself, for every rule and awkward sizes."""
    onnxruntime = pytest.importorskip("onnxruntime")
    from edgeskip.graph.onnx_io import to_proto

    x = np.random.default_rng(3).standard_normal((1, 4, 9, 11)).astype(np.float32)
    for case in resize_cases():
        graph = dense_graph(
            [Node("Resize", list(case.nodes[0].inputs), ["y"], dict(case.nodes[0].attributes))], case.constants
        )
        session = onnxruntime.InferenceSession(to_proto(graph).SerializeToString(), providers=["CPUExecutionProvider"])
        with CpuBackend().create_runner(skipping(graph, canonical=False)) as runner:
            ours, (theirs,) = runner.infer(x).outputs["y"], session.run(None, {"x": x})
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5, err_msg=case.name)
