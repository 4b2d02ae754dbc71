"""Reading and writing ONNX files: what is kept, and that each unfit file is one clear error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from support.networks import network_of, random_network, random_picture
from support.onnx_run import run_model
from support.shared import shared_file

from edgeskip.core.errors import ModelError, OutputError
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.onnx_io import graph_from_proto, load_graph, load_proto, save_graph, to_proto

SHARED = (
    "fastestdet_352x352",
    "hourglass_192x192",
    "retinaface_mnet025_640x384",
    "yolox_nano_640x384",
    "yunet_n_640x384",
)


def saved(tmp_path: Path, model: onnx.ModelProto) -> Path:
    path = tmp_path / "network.onnx"
    onnx.save(model, str(path))
    return path


def relu_network(shape: list, dtype: int = TensorProto.FLOAT, opset: int = 17) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "relu",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", dtype, shape)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize("name", SHARED)
def test_shared_network_survives_reading_and_writing(name: str, tmp_path: Path) -> None:
    path = shared_file(f"networks/{name}.onnx")
    graph = load_graph(path)
    save_graph(graph, tmp_path / "copy.onnx")
    picture = np.random.default_rng(1).uniform(0, 255, graph.shape(graph.inputs[0])).astype(np.float32)
    before, after = run_model(path, picture), run_model(tmp_path / "copy.onnx", picture)
    assert before.keys() == after.keys()
    for output, value in before.items():
        assert np.abs(value - after[output]).max() <= 1e-6 * np.abs(value).max(), output


@pytest.mark.parametrize("opset", range(11, 24))
def test_every_opset_is_read_with_all_shapes(opset: int, tmp_path: Path) -> None:
    model = random_network(seed=opset, opset=opset, batch="N")
    path = saved(tmp_path, model)
    graph = load_graph(path)
    assert graph.opset == max(opset, 13)
    assert graph.shape("picture") == ("N", 3, 32, 40)
    unknown = [name for node in graph.nodes for name in node.outputs if graph.shape(name) is None]
    assert unknown == []
    save_graph(graph, tmp_path / "copy.onnx")
    picture = random_picture(model, seed=opset, batch=2)
    before, after = run_model(path, picture), run_model(tmp_path / "copy.onnx", picture)
    for output, value in before.items():
        np.testing.assert_allclose(after[output], value, rtol=1e-5, atol=1e-5, err_msg=f"opset {opset} {output}")


def test_scalar_constants_keep_their_rank(tmp_path: Path) -> None:
    graph = load_graph(saved(tmp_path, network_of(lambda b, t: b.node("Add", t, b.constant(2.0)))))
    again = graph_from_proto(to_proto(graph), "again")
    assert [value.shape for value in again.constants.values()] == [()]


def test_attributes_keep_type_and_value(tmp_path: Path) -> None:
    attributes = {"ints": [1, 2], "floats": [1.0, 2.5], "real": 3.0, "count": 3, "text": "nearest", "array": np.eye(2)}
    graph = Graph(
        [Node("Custom", ["x"], ["y"], attributes, "elsewhere")], ["x"], ["y"], {},
        {name: TensorInfo(np.dtype(np.float32), (1, 2)) for name in "xy"}, 17, metadata={"author": "someone"},
    )  # fmt: skip
    save_graph(graph, tmp_path / "custom.onnx")
    again = load_graph(tmp_path / "custom.onnx")
    read = again.nodes[0].attributes
    np.testing.assert_array_equal(read.pop("array"), attributes.pop("array"))
    assert read == attributes
    assert {name: type(value) for name, value in read.items()} == {name: type(v) for name, v in attributes.items()}
    assert again.nodes[0].domain == "elsewhere"
    assert again.metadata == {"author": "someone"}


def test_unknown_custom_op_stays_for_the_planner(tmp_path: Path) -> None:
    model = network_of(lambda b, t: b.node("Relu", t))
    model.graph.node.insert(0, helper.make_node("Mystery", ["picture"], ["strange"], domain="com.example"))
    model.graph.node[1].input[0] = "strange"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    graph = load_graph(saved(tmp_path, model))
    assert [(node.op_type, node.domain) for node in graph.nodes] == [("Mystery", "com.example"), ("Relu", "")]


def test_size_is_written_into_dynamic_inputs(tmp_path: Path) -> None:
    path = saved(tmp_path, relu_network(["batch", 3, "height", "width"]))
    graph = load_graph(path, size=(640, 384))
    assert graph.shape("x") == ("batch", 3, 384, 640)
    assert graph.shape("y") == ("batch", 3, 384, 640)


def test_size_that_contradicts_a_fixed_one_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, relu_network([1, 3, 384, 640]))
    assert load_graph(path, size=(640, 384)).shape("x") == (1, 3, 384, 640)
    with pytest.raises(ModelError, match="fixed size 640x384, not 320x192"):
        load_graph(path, size=(320, 192))


def test_weights_listed_as_inputs_are_constants(tmp_path: Path) -> None:
    model = network_of(lambda b, t: b.conv(t, 4))
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    graph = load_graph(saved(tmp_path, model))
    assert graph.inputs == ["picture"]
    assert len(graph.constants) == 2


def test_external_data_is_read_and_its_absence_named(tmp_path: Path) -> None:
    model = network_of(lambda b, t: b.conv(t, 16))
    expected = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    path = tmp_path / "network.onnx"
    onnx.save(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    graph = load_graph(path)
    for name, value in expected.items():
        np.testing.assert_array_equal(graph.constants[name], value)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"weights\.bin"):
        load_graph(path)


def test_functions_are_inlined(tmp_path: Path) -> None:
    function = helper.make_function(
        "local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    model = relu_network([1, 3, 4, 4])
    model.graph.node[0].op_type, model.graph.node[0].domain = "Twice", "local"
    model.opset_import.append(helper.make_opsetid("local", 1))
    model.functions.append(function)
    assert [node.op_type for node in load_graph(saved(tmp_path, model)).nodes] == ["Add"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no network"), (b"this is a text about networks\n" * 20, "not an ONNX file"), (None, "no such file")],
)
def test_what_is_not_onnx_is_refused(content: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=words) as error:
        load_graph(path)
    assert str(path) in error.value.message
    assert error.value.hint


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be read") as error:
        load_proto(tmp_path)
    assert error.value.hint


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_truncated_file_is_refused(share: float, tmp_path: Path) -> None:
    data = random_network(seed=3).SerializeToString()
    path = tmp_path / "network.onnx"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError):
        load_graph(path)


@pytest.mark.parametrize("opset", [9, 10, 24])
def test_opset_outside_11_to_23_is_refused(opset: int, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"opset {opset}, edgeskip reads opsets 11 to 23") as error:
        load_graph(saved(tmp_path, relu_network([1, 3, 4, 4], opset=opset)))
    assert "opset_version" in error.value.hint


@pytest.mark.parametrize("shape", [[1, 3, "h", 640], [1, 3, 384, None], ["N", 3, "h", "w"]])
def test_dynamic_size_without_size_is_refused(shape: list, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="dynamic height or width") as error:
        load_graph(saved(tmp_path, relu_network(shape)))
    assert "--size 640x384" in error.value.hint


def test_dynamic_channels_are_refused_even_with_size(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="dimension 1 of input x"):
        load_graph(saved(tmp_path, relu_network([1, "c", 8, 8])), size=(8, 8))


@pytest.mark.parametrize("dtype", [TensorProto.UINT8, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_input_that_is_not_float32_is_refused(dtype: int, tmp_path: Path) -> None:
    model = relu_network([1, 3, 4, 4], dtype=dtype)
    model.graph.node[0].op_type = "Identity"
    with pytest.raises(ModelError, match=f"input x is {TensorProto.DataType.Name(dtype).lower()}"):
        load_graph(saved(tmp_path, model))


def test_network_that_breaks_onnx_rules_is_refused(tmp_path: Path) -> None:
    model = relu_network([1, 3, 4, 4])
    model.graph.node[0].input[0] = "nobody_writes_this"
    with pytest.raises(ModelError, match="not a valid ONNX network"):
        load_graph(saved(tmp_path, model))


def test_control_flow_is_refused_with_the_node_named(tmp_path: Path) -> None:
    branch = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r"])], "branch", [], [helper.make_tensor_value_info("r", 1, [1, 3, 4, 4])]
    )
    model = relu_network([1, 3, 4, 4])
    condition = helper.make_node("If", ["c"], ["y"], "choose", then_branch=branch, else_branch=branch)
    model.graph.node[0].CopyFrom(condition)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "c"))
    with pytest.raises(ModelError, match="choose is If"):
        load_graph(saved(tmp_path, model))


def test_unwritable_folder_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    graph = load_graph(saved(tmp_path, relu_network([1, 3, 4, 4])))
    with pytest.raises(OutputError):
        save_graph(graph, tmp_path / "missing" / "out.onnx")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["network.onnx"]


def test_written_file_is_ir_version_10_and_reproducible(tmp_path: Path) -> None:
    graph = load_graph(saved(tmp_path, random_network(seed=5)))
    save_graph(graph, tmp_path / "a.onnx")
    save_graph(graph, tmp_path / "b.onnx")
    assert onnx.load(str(tmp_path / "a.onnx")).ir_version == 10
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    onnxruntime.InferenceSession(str(tmp_path / "a.onnx"))
