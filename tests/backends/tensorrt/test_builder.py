"""What the builder asks of each TensorRT version, recorded by a fake; every refusal is one clear error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.fake_builder import FakeTensorRT
from support.random_skip import random_skip
from support.small_skip import dense_graph, skipping

from edgeskip.backends.tensorrt import builder
from edgeskip.backends.tensorrt.build_options import BuildOptions, Streams
from edgeskip.backends.tensorrt.builder import Built, build_engine
from edgeskip.backends.tensorrt.device.probe import GpuState
from edgeskip.backends.tensorrt.errors import TensorRTError
from edgeskip.backends.tensorrt.lowering import Lowered, LoweringOptions, lower
from edgeskip.core.errors import BackendError
from edgeskip.graph.ir import Node

ORIN = GpuState("Orin", (8, 7), 8 << 30, True)
LIBRARY = Path("/lib/libedgeskip_tensorrt.so")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESKIP_CACHE", str(tmp_path / "cache"))


def closed() -> Lowered:
    """A network in which pictures are compared with each other: its batch stays 1."""
    nodes = [
        Node("Conv", ["x", "w"], ["c"], {"kernel_shape": [1, 1]}),
        Node("ReduceMax", ["c"], ["y"], {"axes": [0], "keepdims": 1}),
    ]
    return lower(skipping(dense_graph(nodes, {"w": np.ones((2, 4, 1, 1), np.float32)}, opset=17)))


def network(batch: int | str = "N", precision: str = "fp32") -> Lowered:
    return lower(random_skip(1, batch=batch).model, LoweringOptions(precision))


def build(trt: FakeTensorRT, lowered: Lowered | None = None, report=None, **options) -> Built:
    return build_engine(trt, lowered or network(), LIBRARY, ORIN, BuildOptions(**options), report)


def test_8_6_gets_explicit_batch_and_the_flag_for_half() -> None:
    trt = FakeTensorRT("8.6.2")
    build(trt, network(precision="fp16"), precision="fp16")
    assert trt.named("create_network") == [(1 << trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH,)]
    assert trt.named("set_flag") == [(trt.BuilderFlag.FP16,), (trt.BuilderFlag.PREFER_PRECISION_CONSTRAINTS,)]


def test_8_6_keeps_the_types_of_what_decides() -> None:
    """The flag for half alone would let it compare pictures in halves."""
    trt = FakeTensorRT("8.6.2")
    build(trt, network(precision="fp16"), precision="fp16")
    asked = {(layer.name, layer.precision, layer.types.get(0)) for layer in trt.network.layers if layer.precision}
    assert ("EdgeskipGate", "FLOAT", "FLOAT") in asked, "the picture's"
    assert ("EdgeskipConv", "HALF", "HALF") in asked
    assert {name for name, _, _ in asked} == {"EdgeskipGate", "EdgeskipConv"}
    assert all(precision == kind for _, precision, kind in asked)
    single, strong = FakeTensorRT("8.6.2"), FakeTensorRT("10.3.0")
    build(single)
    build(strong, network(precision="fp16"), precision="fp16")
    assert not [layer for trt in (single, strong) for layer in trt.network.layers if layer.precision]


def test_8_6_without_cudnn_uses_its_own_tactics_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, wanted in ((True, []), (False, [(1 << 3 | 1 << 4,)])):
        monkeypatch.setattr(builder, "_has_cudnn", lambda there=there: there)
        trt = FakeTensorRT("8.6.1")
        build(trt)
        assert trt.named("set_tactic_sources") == wanted


@pytest.mark.parametrize("version", ["10.3.0", "10.13.3.9", "10.16.1", "11.4.1"])
def test_strongly_typed_versions_get_no_precision_flag(version: str) -> None:
    trt = FakeTensorRT(version)
    build(trt, network(precision="fp16"), precision="fp16")
    strong = 0 if version.startswith("11") else 1 << trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
    assert trt.named("create_network") == [(strong,)]
    assert trt.named("set_flag") == []
    assert trt.named("set_tactic_sources") == []


def test_tf32_is_off_unless_asked_for() -> None:
    for asked, cleared in ((False, 1), (True, 0)):
        trt = FakeTensorRT()
        build(trt, tf32=asked)
        assert len(trt.named("clear_flag")) == cleared


def test_the_profile_covers_frames_and_states() -> None:
    trt, lowered = FakeTensorRT(), network()
    build(trt, lowered, streams=Streams(1, 4, 8))
    shapes = {name: [shape[0] for shape in rest] for name, *rest in trt.named("set_shape")}
    assert set(shapes) == set(lowered.graph.inputs)
    assert all(batches == [1, 4, 8] for batches in shapes.values())
    assert len(trt.named("add_optimization_profile")) == 1


def test_a_fixed_batch_needs_no_profile_and_takes_no_other() -> None:
    trt, lowered = FakeTensorRT(), closed()
    build(trt, lowered)
    assert trt.named("set_shape") == []
    with pytest.raises(BackendError, match="fixed batch of 1, 1 to 4 streams") as caught:
        build(trt, lowered, streams=Streams(1, 2, 4))
    assert "--streams 1" in caught.value.hint


def test_every_bound_tensor_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state in and out is the same memory only where no reformat may stand between."""
    made = []
    trt = FakeTensorRT()
    create = trt.Builder

    def remember(log):
        made.append(create(log))
        return made[-1]

    trt.Builder = remember
    build(trt)
    tensors = made[0].network.inputs + made[0].network.outputs
    assert len(tensors) > 10
    assert {tensor.allowed_formats for tensor in tensors} == {1 << trt.TensorFormat.LINEAR}


def test_options_reach_the_builder() -> None:
    trt = FakeTensorRT()
    build(trt, workspace_bytes=123, optimization_level=5, hardware="same-capability", version_compatible=True,
          verbosity="layers", sparse_weights=True, auxiliary_streams=2, alias_state=True)  # fmt: skip
    assert trt.named("set_memory_pool_limit") == [(0, 123)]
    assert trt.named("builder_optimization_level") == [(5,)]
    assert trt.named("hardware_compatibility_level") == [(2,)]
    assert trt.named("profiling_verbosity") == [(0,)]
    assert trt.named("set_flag") == [(trt.BuilderFlag.VERSION_COMPATIBLE,), (trt.BuilderFlag.SPARSE_WEIGHTS,)]
    assert trt.named("set_preview_feature") == [(3, True)]
    assert trt.named("max_aux_streams") == [(2,)]


@pytest.mark.parametrize(
    ("version", "options", "says"),
    [("8.6.1", {"alias_state": True}, "aliased state"), ("10.3.0", {"hardware": "same-capability"}, "same-capability")],
)
def test_what_a_version_has_not_got_is_said(version: str, options: dict, says: str) -> None:
    with pytest.raises(TensorRTError, match=says) as caught:
        build(FakeTensorRT(version), **options)
    assert version in caught.value.message
    assert "or newer" in caught.value.hint


def test_plugins_are_loaded_once() -> None:
    trt = FakeTensorRT()
    build(trt)
    build(trt)
    assert trt.named("load_library") == [(str(LIBRARY),)]


@pytest.mark.parametrize(
    ("refuse", "says", "hint"),
    [
        ("plugins", "can't be loaded", "--plugins-only"),
        ("parse", "EdgeskipConv stem: No importer registered", "--plugins-only"),
        ("build", "Could not find any implementation", "--workspace"),
        ("profile", "profile is refused", "--streams"),
    ],
)
@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "11.4.1"])
def test_each_refusal_is_one_error_with_a_remedy(version: str, refuse: str, says: str, hint: str) -> None:
    with pytest.raises(TensorRTError, match=says) as caught:
        build(FakeTensorRT(version, refuse))
    assert hint in caught.value.hint


def test_timings_are_kept_by_version_and_gpu(tmp_path: Path) -> None:
    assert not build(FakeTensorRT("10.3.0")).known_timings
    assert build(FakeTensorRT("10.3.0")).known_timings
    assert not build(FakeTensorRT("10.13.3")).known_timings
    assert sorted(path.name for path in (tmp_path / "cache/timing").iterdir()) == [
        "tensorrt-10.13.3-sm_87-orin.cache", "tensorrt-10.3.0-sm_87-orin.cache",
    ]  # fmt: skip
    assert (tmp_path / "cache/timing/tensorrt-10.3.0-sm_87-orin.cache").read_bytes() == b"timed timed "


def test_timings_that_do_not_fit_are_left_aside() -> None:
    build(FakeTensorRT("10.3.0"))
    built = build(FakeTensorRT("10.3.0", refuse="cache"))
    assert built.plan == b"engine"
    assert not built.known_timings


def test_no_timing_cache_leaves_no_file(tmp_path: Path) -> None:
    build(FakeTensorRT(), timing_cache=False)
    assert not (tmp_path / "cache").exists()


def test_progress_goes_up_to_the_whole() -> None:
    heard: list[float] = []
    build(FakeTensorRT("10.3.0"), report=lambda share, phase: heard.append(share) or True)
    assert heard == [0.125, 0.25, 0.375, 0.5, 0.5, 1.0]
    build(FakeTensorRT("8.6.1"), report=lambda share, phase: pytest.fail("8.6 tells no progress"))


def test_ctrl_c_ends_a_build_as_ctrl_c() -> None:
    """And not as a network that TensorRT can't build."""

    def interrupted(share: float, phase: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(FakeTensorRT("10.3.0"), report=interrupted)


@pytest.mark.parametrize(
    ("text", "streams"), [("4", (4, 4, 4)), ("1:8", (1, 8, 8)), ("1:4:8", (1, 4, 8)), ("1", (1, 1, 1))]
)
def test_streams_are_read(text: str, streams: tuple[int, int, int]) -> None:
    assert Streams.read(text) == Streams(*streams)


@pytest.mark.parametrize("text", ["", "0", "4:1", "1:2:3:4", "a", "1:0:2", "-1", "8:4:8"])
def test_streams_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BackendError, match="--streams"):
        Streams.read(text)
