"""Export of dense networks: what is recorded, what is verified, and one clear error for what can't be done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support.networks import network_of, random_network
from support.stock import export_network, moving_square, open_stock

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.export.dense import export_dense
from edgeskip.export.scales import layer_scales, mean_norm
from edgeskip.export.verify import relative_error, verify_first_frame
from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.passes import simplify

PREPARATION = Preparation((32, 24))


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    onnx.save(model, path)
    return path


def export(path: Path, frames: list[np.ndarray] | None = None, **options):
    frames = list(moving_square(0, 2)) if frames is None else frames
    return export_dense(path, options.pop("preparation", PREPARATION), Task(), frames, **options)


def test_scales_are_the_mean_norm_of_each_layer(tmp_path: Path) -> None:
    def body(builder, x):
        return builder.conv(builder.node("Relu", builder.conv(x, 6)), 2)

    path = saved(network_of(body, shape=(3, 24, 32)), tmp_path)
    graph = simplify(load_graph(path))
    first, last = (node.outputs[0] for node in graph.nodes if node.op_type == "FusedConv")
    frames = list(moving_square(0, 3))
    proto = onnx.load(path)
    proto.graph.output.append(helper.make_tensor_value_info(first, TensorProto.FLOAT, None))
    session = open_stock(proto.SerializeToString())
    for norm in ("l2", "l1", "linf"):
        scales = layer_scales(graph, iter(frames), norm, "net")
        assert list(scales) == [first], f"{last} is followed by no convolution"
        wanted = np.mean([mean_norm(session.run([first], {"picture": frame})[0], norm) for frame in frames])
        assert scales[first] == pytest.approx(wanted, rel=1e-5)
    assert mean_norm(np.full((1, 4, 2, 2), -3.0), "l2") == pytest.approx(3.0)


def test_record_of_an_export(tmp_path: Path) -> None:
    path = saved(random_network(2, height=24, width=32), tmp_path)
    model = export(path, tolerance=0.1, block=4, source_description="lobby.mp4, 2 frames")
    assert model.metadata.inputs == {"picture": PREPARATION}
    assert model.metadata.about["source"] == "net.onnx"
    assert model.metadata.about["verified_error"] < 1e-4
    sources = {threshold.source for threshold in model.metadata.thresholds.values()}
    assert any("lobby.mp4, 2 frames" in source for source in sources)
    assert all(info.node.attributes["block"] == 4 for info in model.convolutions)
    thresholds = [info.node.attributes["threshold"] for info in model.convolutions]
    assert max(thresholds) > 0


def test_one_frame_is_held_at_a_time(tmp_path: Path) -> None:
    path = saved(random_network(2, height=24, width=32), tmp_path)
    seen = []

    def frames():
        for frame in moving_square(0, 4):
            seen.append(len(seen))
            yield frame

    export_dense(path, PREPARATION, Task(), frames(), tolerance=0.1)
    assert seen == [0, 1, 2, 3]


def test_fixed_batch_of_several_pictures(tmp_path: Path) -> None:
    path = saved(random_network(6, height=24, width=32, batch=2), tmp_path)
    model = export_network(path, list(moving_square(0, 2)), 0.1)
    assert model.frame_shape("picture")[0] == 2


def test_symbolic_size_is_fixed_by_size(tmp_path: Path) -> None:
    proto = network_of(lambda builder, x: builder.conv(x, 4), shape=(3, 24, 32))
    for value in (*proto.graph.input, *proto.graph.output):
        for index, name in ((2, "H"), (3, "W")):
            value.type.tensor_type.shape.dim[index].dim_param = name
    path = saved(proto, tmp_path)
    with pytest.raises(ModelError, match=r"net\.onnx") as error:
        export(path)
    assert "--size" in error.value.hint
    assert export(path, size=(32, 24)).frame_shape("picture")[2:] == (24, 32)


def unknown_op_network() -> onnx.ModelProto:
    proto = network_of(lambda builder, x: builder.conv(x, 4), shape=(3, 24, 32))
    proto.graph.node.append(helper.make_node("Teleport", [proto.graph.output[0].name], ["far"], domain="com.example"))
    proto.opset_import.append(helper.make_opsetid("com.example", 1))
    proto.graph.output.append(helper.make_tensor_value_info("far", TensorProto.FLOAT, [1, 4, 24, 32]))
    return proto


@pytest.mark.parametrize("tolerance", [0.0, 0.1])
def test_an_op_that_nothing_can_run_is_named(tolerance: float, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"net\.onnx: nothing here runs op Teleport \(domain com\.example\)") as error:
        export(saved(unknown_op_network(), tmp_path), tolerance=tolerance)
    assert "standard ONNX ops" in error.value.hint


def test_a_wrong_picture_size_is_named(tmp_path: Path) -> None:
    path = saved(random_network(2, height=24, width=32), tmp_path)
    with pytest.raises(ModelError, match=r"picture reads \[1, 3, 24, 32\], the preparation makes \[N, 3, 32, 24\]"):
        export(path, preparation=Preparation((24, 32)))


def test_frames_that_are_missing_or_not_finite_are_refused(tmp_path: Path) -> None:
    path = saved(random_network(2, height=24, width=32), tmp_path)
    with pytest.raises(ModelError, match="no frames were given"):
        export(path, [])
    broken = np.full((1, 3, 24, 32), np.inf, np.float32)
    with pytest.raises(ModelError, match="not finite"):
        export(path, [broken])


def test_a_skip_model_is_not_exported_again(tmp_path: Path) -> None:
    path = saved(random_network(2, height=24, width=32), tmp_path)
    export_network(path, list(moving_square(0, 1)), 0.0)
    with pytest.raises(ModelError, match="is a skip model already"):
        export(path.with_suffix(".skip.onnx"))


def test_a_network_without_convolutions_is_refused(tmp_path: Path) -> None:
    path = saved(network_of(lambda builder, x: builder.node("Relu", x), shape=(3, 24, 32)), tmp_path)
    with pytest.raises(ModelError, match="no convolution of this network can skip"):
        export(path)


def test_verification_names_the_output_that_differs(tmp_path: Path) -> None:
    path = saved(random_network(2, height=24, width=32), tmp_path)
    model = export(path, tolerance=0.0)
    weight = model.convolutions[0].node.inputs[2]
    model.graph.constants[weight] = model.graph.constants[weight] * 1.1
    with pytest.raises(ModelError, match=f"output {model.outputs[0]} of the skip model differs"):
        verify_first_frame(model, load_graph(path), next(moving_square(0, 1)))


def test_relative_error_sees_a_value_that_is_not_a_number() -> None:
    wanted = np.array([1.0, -2.0])
    assert relative_error(np.array([1.0, -1.0]), wanted) == 0.5
    assert np.isnan(relative_error(np.array([1.0, np.nan]), wanted))
