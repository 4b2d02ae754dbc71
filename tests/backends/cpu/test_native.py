"""The binding of the native engine: what it refuses, streams, state, and its stub."""

from __future__ import annotations

import ast
import inspect
import threading
from pathlib import Path

import numpy as np
import pytest
from support.native_plan import EMPTY, ConvCase, ConvNetwork, native, new_tensor, ones
from support.subprocesses import run_python


class Base:
    """A plan with tensors and masks to build wrong ops from."""

    def __init__(self) -> None:
        self.plan = native.Plan()
        self.x, self.mask_x = new_tensor(self.plan, 8, 10, 4)
        self.y, self.mask_y = new_tensor(self.plan, 8, 10, 6)
        self.small, self.mask_small = new_tensor(self.plan, 4, 5, 4)
        self.same, self.mask_same = new_tensor(self.plan, 8, 10, 4)
        self.one, self.mask_one = new_tensor(self.plan, 1, 1, 4)
        self.like_y, _ = new_tensor(self.plan, 8, 10, 6)

    def conv(self, **changes) -> int:
        arguments = {
            "name": "c", "x": self.x, "mask_x": self.mask_x, "y": self.y, "mask_y": self.mask_y,
            "weight": np.zeros((6, 4, 3, 3), np.float32), "bias": np.zeros(6, np.float32), "strides": [1, 1],
            "pads": [1, 1, 1, 1], "dilations": [1, 1], "group": 1, "transposed": False, "activation": "none",
            "alpha": EMPTY, "beta": 0.0, "threshold": 0.0, "norm": "l2", "block": 1,
        }  # fmt: skip
        return self.plan.add_conv(**{**arguments, **changes})

    def gate(self, **changes) -> int:
        arguments = {
            "name": "g", "x": self.x, "y": self.same, "mask_y": self.mask_same, "norm": "l2", "threshold": 1.0,
            "threshold_signed": 1.0, "window": 3,
        }  # fmt: skip
        return self.plan.add_gate(**{**arguments, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": 99}, "x is tensor 99"),
        ({"y": -1}, "y is tensor -1"),
        ({"mask_x": 99}, "mask_x is mask 99"),
        ({"mask_x": 2}, "mask_x is 4x5, expected 8x10"),
        ({"mask_y": 2}, "mask_y is 4x5, expected 8x10"),
        ({"weight": np.zeros((6, 3, 3, 3), np.float32)}, "x has 4 channels, expected 3"),
        ({"weight": np.zeros((5, 4, 3, 3), np.float32), "bias": None}, "y has 6 channels, expected 5"),
        ({"weight": np.zeros((6, 4, 0, 3), np.float32)}, "weight is empty"),
        ({"group": 4}, "no multiple of group 4"),
        ({"group": 0}, "group must be at least 1"),
        ({"group": 2}, "x has 4 channels, expected 8"),
        ({"bias": np.zeros(5, np.float32)}, "bias has 5 values, expected 6"),
        ({"bias": EMPTY}, "bias is empty"),
        ({"channel_weight": np.zeros(5, np.float32)}, "channel_weight has 5 values, expected 6"),
        ({"strides": [2, 2]}, "y is 8x10, expected 4x5"),
        ({"strides": [0, 1]}, "strides must be at least 1"),
        ({"strides": [1]}, "strides has 1 values, expected 2"),
        ({"pads": [1, 1]}, "pads has 2 values, expected 4"),
        ({"pads": [0, 0, 0, 0]}, "y is 8x10, expected 6x8"),
        ({"dilations": [1, 0]}, "dilations must be at least 1"),
        ({"activation": "relu7"}, "unknown activation 'relu7'"),
        ({"activation": "exp"}, "unknown activation 'exp'"),
        ({"activation": "clip"}, "alpha, expected 1"),
        ({"activation": "prelu", "alpha": np.zeros(3, np.float32)}, "expected 1 or 6"),
        ({"threshold": -1.0}, "threshold must be at least 0"),
        ({"threshold": float("nan")}, "threshold must be at least 0"),
        ({"norm": "l3"}, "unknown norm 'l3'"),
        ({"block": 3}, "block must be 1, 2, 4 or 8: 3"),
        ({"z": 0}, "z has 4 channels, expected 6"),
        ({"z": 2}, "z is 4x5, expected 8x10"),
        ({"mask_z": 2}, "mask_z is 4x5"),
        ({"gate": 1}, "gate and pending go together"),
        ({"gate": 1, "pending": 1}, "pending is also another mask"),
        ({"gate": 3, "pending": 2}, "pending is 4x5"),
        ({"y": 0}, "x and y share channels"),
        ({"activated": (99, "relu", EMPTY, 0.0)}, "activated is tensor 99"),
        ({"activated": (2, "relu", EMPTY, 0.0)}, "activated is 4x5, expected 8x10"),
        ({"activated": (3, "relu", EMPTY, 0.0)}, "activated has 4 channels, expected 6"),
        ({"activated": (1, "relu", EMPTY, 0.0)}, "activated and another tensor share channels"),
        ({"activated": (5, "relu7", EMPTY, 0.0)}, "unknown activation 'relu7'"),
        ({"activated": (5, "clip", EMPTY, 0.0)}, "alpha, expected 1"),
        ({"transposed": True, "weight": np.zeros((4, 6, 3, 3), np.float32), "strides": [2, 2]}, "8 high, expected 15"),
    ],
)
def test_conv_refuses(changes, message):
    with pytest.raises(ValueError, match=r"add_conv 'c': .*") as error:
        Base().conv(**changes)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 4}, "window must be odd: 4"),
        ({"window": 0}, "window must be odd"),
        ({"norm": ""}, "unknown norm"),
        ({"threshold": -0.5}, "threshold must be at least 0"),
        ({"threshold_signed": float("nan")}, "threshold_signed must be"),
        ({"y": 1}, "y has 6 channels, expected 4"),
        ({"y": 2}, "y is 4x5, expected 8x10"),
        ({"mask_y": 2}, "mask_y is 4x5"),
        ({"y": 0}, "x and y share channels"),
    ],
)
def test_gate_refuses(changes, message):
    with pytest.raises(ValueError, match=r"add_gate 'g': .*") as error:
        Base().gate(**changes)
    assert message in str(error.value)


SIMPLE = ("none", EMPTY, 0.0)
PAIRS = np.zeros((8, 2), np.int32), np.zeros((10, 2), np.int32)
BACKWARDS = np.array([[4, 4]] * 6 + [[3, 3]] * 4, np.int32)
WEIGHTS = np.zeros((8, 2), np.float32), np.zeros((10, 2), np.float32)

# tensors: 0 x [4,8,10], 1 y [6,8,10], 2 small [4,4,5], 3 same as x, 4 one [4,1,1]; masks alike
REFUSED = [
    ("add_mask", (0, 5), "size 0x5"),
    ("add_mask", (5, 70000), "size 5x70000"),
    ("add_buffer", (-1, 5, 1), "size -1x5"),
    ("add_buffer", (5, 5, 0), "channels must be at least 1"),
    ("add_tensor", (9, 0, 1), "no buffer 9"),
    ("add_tensor", (0, 2, 3), "channels 2 + 3 of a buffer with 4"),
    ("add_tensor", (0, -1, 3), "channels -1 + 3"),
    ("add_mask_union", ("n", [], 0), "inputs are empty"),
    ("add_mask_union", ("n", [2], 0), "an input is 4x5, expected 8x10"),
    ("add_mask_union", ("n", [0], 0), "input and output are the same mask"),
    ("add_mask_union", ("n", [7], 0), "input is mask 7"),
    ("add_mask_pool", ("n", 0, 2, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1]), "output is 4x5, expected 8x10"),
    ("add_mask_pool", ("n", 0, 2, [3], [1, 1], [1, 1, 1, 1], [1, 1]), "kernel has 1 values"),
    ("add_mask_resize", ("n", 2, 0, PAIRS[0], PAIRS[0]), "columns has 8 entries, expected 10"),
    ("add_mask_resize", ("n", 2, 0, PAIRS[0] + 4, PAIRS[1]), "rows 0 reads 4 .. 4 of 4"),
    ("add_mask_resize", ("n", 2, 0, PAIRS[0], BACKWARDS), "columns go backwards at 6"),
    ("add_mask_resize", ("n", 2, 0, np.zeros((8, 3), np.int32), PAIRS[1]), "rows has 3 columns, expected 2"),
    ("add_mask_reduce", ("n", 0, 2), "output is 4x5, expected 1x1"),
    ("add_mask_window", ("n", 0, 2, [0, 0], [1, 0]), "step must not be 0"),
    ("add_mask_window", ("n", 0, 2, [0], [1, 1]), "offset and step have two values"),
    ("add_mask_from_tensor", ("n", 0, 0), "x has 4 channels, expected 1"),
    ("add_pool", ("n", "mean", 0, 3, 3, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], False), "unknown kind 'mean'"),
    ("add_pool", ("n", "max", 0, 2, 2, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], False), "y is 4x5, expected 8x10"),
    ("add_pool", ("n", "max", 0, 1, 1, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], False), "y has 6 channels"),
    ("add_pool", ("n", "max", 2, 0, 0, [1, 1], [1, 1], [2, 2, 2, 3], [1, 1], False), "outside the picture"),
    ("add_pool", ("n", "max", 0, 0, 0, [1, 1], [1, 1], [0, 0, 0, 0], [1, 1], False), "share channels"),
    ("add_global_pool", ("n", "max", 0, 3, 3), "y is 8x10, expected 1x1"),
    ("add_global_pool", ("n", "sum", 0, 4, 4), "unknown kind 'sum'"),
    ("add_resize", ("n", 2, 0, 0, PAIRS[0], WEIGHTS[0], PAIRS[0], WEIGHTS[0]), "columns have 8 entries"),
    ("add_resize", ("n", 2, 0, 0, PAIRS[0] + 9, WEIGHTS[0], *[PAIRS[1], WEIGHTS[1]]), "rows read 9 of 4"),
    ("add_resize", ("n", 2, 0, 0, PAIRS[0], WEIGHTS[1], *[PAIRS[1], WEIGHTS[1]]), "8 entries and 10 weights"),
    ("add_binary", ("n", "mod", 0, 3, 3, 3, *SIMPLE), "unknown kind 'mod'"),
    ("add_binary", ("n", "add", 0, 2, 3, 3, *SIMPLE), "b is 4x5, expected 8x10"),
    ("add_binary", ("n", "add", 1, 0, 3, 3, *SIMPLE), "a has 6 channels, expected 4"),
    ("add_binary", ("n", "add", 0, 4, 4, 4, *SIMPLE), "a is 8x10, expected 1x1"),
    ("add_binary", ("n", "add", 0, 3, 3, 2, *SIMPLE), "mask is 4x5"),
    ("add_binary", ("n", "add", 0, 3, 3, 3, "exp", EMPTY, 0.0), "unknown activation 'exp'"),
    ("add_binary_constant", ("n", "add", 0, np.zeros(3, np.float32), False, 3, 3, *SIMPLE), "b has 3 channels"),
    ("add_unary", ("n", 0, 1, 1, *SIMPLE), "x has 4 channels, expected 6"),
    ("add_unary", ("n", 0, 3, 3, "gelu", EMPTY, 0.0), "unknown activation 'gelu'"),
    ("add_gather", ("n", 0, 3, 3, np.array([0, 1, 2, 4], np.int32)), "index 4 of 4 channels"),
    ("add_gather", ("n", 0, 3, 3, np.array([0, 1], np.int32)), "indices has 2 channels, expected 4"),
    ("add_gather", ("n", 0, 3, 3, np.zeros(0, np.int32)), "indices are empty"),
    ("add_gather", ("n", 0, 1, 1, None), "x has 4 channels, expected 6"),
    ("add_space_to_depth", ("n", 0, 2, 2, 2), "y has 4 channels, expected 16"),
    ("add_space_to_depth", ("n", 0, 2, 2, 3), "no multiple of block"),
    ("add_depth_to_space", ("n", 2, 0, 0, 2, True), "x has 4 channels, expected 16"),
    ("add_depth_to_space", ("n", 2, 0, 0, 0, True), "block must be within"),
    ("add_window", ("n", 0, 2, 2, [0, 0], [0, 1], 0.0), "step must not be 0"),
    ("add_window", ("n", 0, 1, 1, [0, 0], [1, 1], 0.0), "y has 6 channels, expected 4"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "message"), REFUSED, ids=lambda value: str(value)[:20])
def test_ops_refuse_and_name_themselves(method: str, arguments: tuple, message: str):
    with pytest.raises(ValueError, match=method) as error:
        getattr(Base().plan, method)(*arguments)
    assert message in str(error.value)
    if isinstance(arguments[0], str):
        assert f"{method} 'n'" in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads must be"),
        ({"block": 3}, "block must be 0, 1, 2, 4 or 8"),
        ({"panel_rows": -1}, "panel_rows must be"),
        ({"level": "sse"}, "unknown level 'sse'"),
        ({"level": "neon" if "avx2" in native.levels() else "avx2"}, "has no level"),
    ],
)
def test_engine_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        native.Engine(native.Plan(), **options)


def test_stream_refuses():
    base = Base()
    stream = native.Engine(base.plan).new_stream()
    for call, message in [
        (lambda: stream.run(0, 1), "ops 0 .. 1 of 0"),
        (lambda: stream.run(-1, 0), "ops -1"),
        (lambda: stream.read(9), "no tensor 9"),
        (lambda: stream.read_mask(-1), "no mask -1"),
        (lambda: stream.write(base.x, np.zeros((4, 8, 9), np.float32)), r"must be \[4, 8, 10\]"),
        (lambda: stream.write_mask(0, np.zeros((8, 9), np.uint8)), r"must be \[8, 10\]"),
        (lambda: stream.read(base.x, np.zeros((4, 8, 9), np.float32)), r"must be \[4, 8, 10\]"),
        (lambda: stream.read(base.x, np.zeros((4, 8, 10), np.float64)), "writable, contiguous float32"),
        (lambda: stream.read(base.x, np.zeros((8, 10, 4), np.float32).transpose(2, 0, 1)), "contiguous"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_read_fills_the_given_array():
    base = Base()
    stream = native.Engine(base.plan).new_stream()
    value = np.random.default_rng(1).standard_normal((4, 8, 10)).astype(np.float32)
    stream.write(base.x, value)
    out = np.zeros_like(value)
    assert stream.read(base.x, out) is out
    assert np.array_equal(out, value)


def test_levels_are_best_first_and_auto_takes_the_first():
    levels = native.levels()
    assert levels[-1] == "scalar"
    ranks = ["avx512", "avx2", "neon", "scalar"]
    assert levels == sorted(levels, key=ranks.index)
    for level in levels:
        assert native.Engine(native.Plan(), level=level).level == level


def test_environment_overrides_auto_only():
    script = (
        "from edgeskip.backends.cpu import _native as n; "
        "print(n.Engine(n.Plan()).level, n.Engine(n.Plan(), level=n.levels()[0]).level)"
    )
    assert run_python(script, EDGESKIP_CPU_LEVEL="scalar").split() == ["scalar", native.levels()[0]]


def test_everything_is_unknown_at_first_and_after_reset():
    rng = np.random.default_rng(2)
    network = ConvNetwork(ConvCase(), rng, gated=True)
    stream = native.Engine(network.plan).new_stream()

    def unknown() -> bool:
        floats = all(np.isnan(stream.read(tensor)).all() for tensor in (network.x, network.y))
        masks = not any(stream.mask_count(mask) for mask in (network.mask_x, network.mask_y, network.gate))
        return floats and masks and stream.mask_count(network.pending) == 13 * 17

    assert unknown()
    stream.write(network.x, np.zeros((3, 13, 17), np.float32))
    stream.write_mask(network.mask_x, ones((13, 17)))
    stream.write_mask(network.gate, ones((13, 17)))
    stream.run(0, 1)
    assert stream.mask_count(network.pending) == 0
    assert not np.isnan(stream.read(network.y)).any()
    stream.reset()
    assert unknown()
    assert stream.active_pixels().tolist() == [0]


def test_streams_of_an_engine_are_independent_and_keep_it_alive():
    rng = np.random.default_rng(3)
    network = ConvNetwork(ConvCase(), rng)
    streams = [native.Engine(network.plan, threads=2).new_stream()]
    engine = native.Engine(network.plan)
    streams += [engine.new_stream(), engine.new_stream()]
    del engine
    pictures = [rng.standard_normal((3, 13, 17)).astype(np.float32) for _ in streams]
    for stream, x in zip(streams, pictures, strict=True):
        stream.write(network.x, x)
        stream.write_mask(network.mask_x, ones((13, 17)))
    for stream in streams:
        stream.run(0, 1)
    streams[1].reset()
    for stream, x in zip((streams[0], streams[2]), (pictures[0], pictures[2]), strict=True):
        np.testing.assert_allclose(stream.read(network.y), network.dense(x), rtol=0, atol=1e-4)
    assert np.isnan(streams[1].read(network.y)).all()


def test_a_plan_may_grow_without_touching_an_engine():
    network = ConvNetwork(ConvCase(), np.random.default_rng(4))
    stream = native.Engine(network.plan).new_stream()
    network.plan.add_mask_union("later", [network.mask_x], network.mask_y)
    with pytest.raises(ValueError, match=r"ops 0 \.\. 2 of 1"):
        stream.run(0, 2)


def test_streams_run_from_several_python_threads():
    rng = np.random.default_rng(5)
    network = ConvNetwork(ConvCase(32, 32, (40, 66)), rng)
    engine = native.Engine(network.plan, threads=2)
    x = rng.standard_normal((32, 40, 66)).astype(np.float32)
    results = {}

    def work(index: int) -> None:
        stream = engine.new_stream()
        for _ in range(5):
            stream.write(network.x, x)
            stream.write_mask(network.mask_x, ones((40, 66)))
            stream.run(0, 1)
        results[index] = stream.read(network.y)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(results[index], results[0]) for index in range(3))
    np.testing.assert_allclose(results[0], network.dense(x), rtol=0, atol=1e-3)


def test_times_are_measured_only_with_profile():
    network = ConvNetwork(ConvCase(), np.random.default_rng(6))
    stream = native.Engine(network.plan).new_stream()
    stream.write(network.x, np.zeros((3, 13, 17), np.float32))
    stream.write_mask(network.mask_x, ones((13, 17)))
    assert stream.profile is False
    stream.run(0, 1)
    assert stream.op_times_ns().tolist() == [0]
    stream.profile = True
    stream.run(0, 1)
    assert stream.op_times_ns().dtype == np.int64
    assert 0 < stream.op_times_ns()[0] < 10**9
    stream.profile = False
    stream.run(0, 1)
    assert stream.op_times_ns().tolist() == [0]


def test_memory_is_counted():
    network = ConvNetwork(ConvCase(16, 32, (8, 64)), np.random.default_rng(7))
    engine = native.Engine(network.plan)
    assert 4 * (16 * 32 * 9 + 32) <= engine.weight_bytes <= 4 * (16 * 32 * 9 + 32) + 4096
    # two float buffers and two masks
    assert engine.new_stream().state_bytes == 4 * 8 * 64 * (16 + 32) + 2 * 8 * 8


def test_the_stub_tells_the_truth():
    """Every class, method and parameter of _native.pyi is what the module has, in order."""
    from edgeskip.backends import cpu

    tree = ast.parse((Path(cpu.__file__).parent / "_native.pyi").read_text(encoding="utf-8"))
    public = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert public == {name for name in dir(native) if not name.startswith("_")}
    for cls in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        actual = getattr(native, cls.name)
        methods = {node.name: node for node in cls.body if isinstance(node, ast.FunctionDef)}
        names = {name for name in dir(actual) if not name.startswith("_")}
        attributes = {node.target.id for node in cls.body if isinstance(node, ast.AnnAssign)}
        assert {name for name in methods if name != "__init__"} | attributes == names
        for name, node in methods.items():
            if isinstance(inspect.getattr_static(actual, name), property) or name == "__init__":
                continue
            signature = (getattr(actual, name).__doc__ or "").partition("\n")[0]
            for argument in node.args.args[1:]:
                assert f"{argument.arg}:" in signature, (cls.name, name, argument.arg)
