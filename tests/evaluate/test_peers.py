"""Dense runtimes: right results, equal precision, clear refusals."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeskip.core.errors import BackendError, MissingPackageError
from edgeskip.evaluate import peers
from edgeskip.evaluate.peers import PEERS, create_peers


def small_network(batch=1) -> bytes:
    """relu(conv 3x3) with two outputs, in an order that is not alphabetical."""
    random = np.random.default_rng(5)
    weight = random.normal(size=(4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["z"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["z"], ["a"]),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 16, 24])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 4, 16, 24]) for name in ("z", "a")],
        [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def picture(seed=0):
    return np.random.default_rng(seed).normal(size=(1, 3, 16, 24)).astype(np.float32)


def loaded(name, batch=1, threads=1):
    pytest.importorskip(name, reason=f"the peer {name} is optional: pip install 'edgeskip[bench]'")
    return create_peers([name], small_network(batch), threads)[0]


@pytest.mark.parametrize("name", sorted(PEERS))
@pytest.mark.parametrize("batch", [1, "batch"])
def test_a_peer_gives_all_outputs_by_name(name, batch):
    peer = loaded(name, batch)
    outputs = peer.infer(picture())
    assert set(outputs) == set(peer.outputs) == {"z", "a"}
    assert outputs["z"].shape == (1, 4, 16, 24)
    assert outputs["z"].min() < -1
    assert np.array_equal(outputs["a"], np.maximum(outputs["z"], 0))


def test_asked_for_bf16_openvino_computes_in_it_where_the_cpu_can_and_onnx_runtime_never_does():
    pytest.importorskip("openvino", reason="the peer openvino is optional: pip install 'edgeskip[bench]'")
    exact, theirs = create_peers(["onnxruntime", "openvino"], small_network(), 1, "bf16")
    assert exact.precision == "f32"
    assert peers.reference_peer([theirs, exact]) is (exact if theirs.precision == "bf16" else theirs)
    difference = np.abs(exact.infer(picture())["z"] - theirs.infer(picture())["z"]).max()
    assert difference > 1e-4 if theirs.precision == "bf16" else difference < 1e-5


def test_peers_compute_in_float32():
    ours, theirs = (loaded(name).infer(picture())["z"].copy() for name in ("onnxruntime", "openvino"))
    # bfloat16 would differ by 1e-2
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("name", sorted(PEERS))
def test_a_peer_reads_each_picture_anew(name):
    peer = loaded(name, threads=2)
    first = peer.infer(picture(1))["z"].copy()
    second = peer.infer(picture(2))["z"].copy()
    assert not np.array_equal(first, second)
    assert np.array_equal(peer.infer(picture(1))["z"], first)


def test_unknown_and_doubled_peers_are_refused():
    with pytest.raises(BackendError, match="'torch'") as caught:
        create_peers(["torch"], b"", 1)
    assert "onnxruntime" in caught.value.hint
    with pytest.raises(BackendError, match="twice"):
        create_peers(["onnxruntime", "onnxruntime"], small_network(), 1)


def test_a_network_that_the_peer_cannot_load_is_one_clear_error():
    with pytest.raises(BackendError, match="onnxruntime can't load"):
        create_peers(["onnxruntime"], b"not an ONNX file", 1)


def test_a_missing_runtime_names_the_extra(monkeypatch):
    def missing(module, extra, purpose):
        raise MissingPackageError(f"{purpose} needs {module}", hint=f"pip install edgeskip[{extra}]")

    monkeypatch.setattr(peers, "require", missing)
    with pytest.raises(MissingPackageError, match="OpenVINO") as caught:
        create_peers(["openvino"], small_network(), 1)
    assert "bench" in caught.value.hint
