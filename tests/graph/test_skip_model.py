"""What backends read from a skip model: names, shapes, cost; and the way to a file and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from support.networks import network_of, random_network
from support.skip_graphs import ModelBuilder
from support.stock import export_network, moving_square

from edgeskip.core.contract import METADATA_KEY, OPS
from edgeskip.core.errors import ContractError, ModelError, OutputError
from edgeskip.graph.dense import dense_model
from edgeskip.graph.skip_model import is_skip_model, load_skip_model, save_skip_model, to_bytes


def test_cost_of_plain_grouped_strided_and_transposed_convolutions() -> None:
    builder = ModelBuilder(channels=4, height=6, width=8)
    builder.conv("state.0.x.next", "plain", np.ones((5, 4, 3, 3), np.float32), (6, 8), pads=[1, 1, 1, 1])
    depthwise = {"pads": [1] * 4, "group": 4, "strides": [2, 2]}
    builder.conv("state.0.x.next", "depthwise", np.ones((4, 1, 3, 3), np.float32), (3, 4), **depthwise)
    builder.conv("state.0.x.next", "up", np.ones((4, 7, 2, 2), np.float32), (12, 16), transposed=1, strides=[2, 2])
    model = builder.model("state.1.plain.next")
    by_name = {info.name: info for info in model.convolutions}
    assert by_name["plain"].macs == 6 * 8 * 5 * 4 * 9
    assert by_name["depthwise"].macs == 3 * 4 * 4 * 9
    assert by_name["up"].macs == 6 * 8 * 4 * 7 * 4
    assert by_name["up"].pixels == 12 * 16
    assert model.dense_macs == sum(info.macs for info in model.convolutions)
    assert by_name["plain"].in_shape == (1, 4, 6, 8)
    assert by_name["plain"].out_shape == (1, 5, 6, 8)


def test_names_of_a_written_model(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(random_network(3, batch="N"), path)
    model = export_network(path, list(moving_square(3, 1, 32, 40)), tolerance=0.0)
    assert model.frame_inputs == ["picture"]
    assert model.frame_shape("picture") == ("N", 3, 32, 40)
    assert model.outputs == [value.name for value in onnx.load(path).graph.output]
    assert is_skip_model(tmp_path / "net.skip.onnx")
    assert not is_skip_model(path)
    for info in model.convolutions:
        assert model.mask_of(info.name) == model.mask_of(info.node.outputs[0]) == info.node.outputs[1]
    dense = set(_tensors(onnx.load(path)))
    assert {info.name for info in model.convolutions} <= dense


def _tensors(model: onnx.ModelProto) -> list[str]:
    return [name for node in model.graph.node for name in node.output]


def test_a_model_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(random_network(4), path)
    model = export_network(path, list(moving_square(4, 2, 32, 40)), tolerance=0.1)
    save_skip_model(model, tmp_path / "again.skip.onnx")
    again = load_skip_model(tmp_path / "again.skip.onnx")
    assert again.metadata == model.metadata
    assert to_bytes(again) == to_bytes(model)
    for node in again.graph.nodes:
        if node.op_type in OPS:
            assert set(node.attributes) == set(OPS[node.op_type].attributes)


def test_the_dense_network_comes_back_in_standard_ops(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(random_network(5), path)
    model = export_network(path, list(moving_square(5, 2, 32, 40)), tolerance=0.1)
    dense = dense_model(model)
    onnx.checker.check_model(dense, full_check=True)
    assert {node.domain for node in dense.graph.node} == {""}
    assert [value.name for value in dense.graph.input] == ["picture"]
    assert [value.name for value in dense.graph.output] == model.outputs
    assert all(entry.key != METADATA_KEY for entry in dense.metadata_props)


def test_a_dense_network_is_no_skip_model(tmp_path: Path) -> None:
    path = tmp_path / "dense.onnx"
    onnx.save(network_of(lambda builder, x: builder.conv(x, 4)), path)
    with pytest.raises(ContractError, match=r"dense\.onnx: this ONNX file is not a skip model") as error:
        load_skip_model(path)
    assert "edgeskip export" in error.value.hint


def test_a_file_that_is_not_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.skip.onnx"
    path.write_bytes(b"\x00\xffnot a network" * 40)
    with pytest.raises(ModelError, match=r"noise\.skip\.onnx"):
        load_skip_model(path)
    with pytest.raises(ModelError, match=r"noise\.skip\.onnx"):
        is_skip_model(path)


def test_a_folder_that_is_missing_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(network_of(lambda builder, x: builder.conv(x, 4), shape=(3, 24, 32)), path)
    model = export_network(path, list(moving_square(1, 1)), tolerance=0.0)
    with pytest.raises(OutputError, match="can't write"):
        save_skip_model(model, tmp_path / "missing" / "net.skip.onnx")
