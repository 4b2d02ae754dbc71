"""Who runs a layer: what is forced, what a policy says, and what the cost model makes of shares and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.random_skip import random_skip
from support.small_skip import dense_graph, skipping

from edgeskip.backends.tensorrt.layer_cost import LayerShape, gpu_class, layer_times
from edgeskip.backends.tensorrt.policy import ACTIVE_KEY, Policy, choose_layers, known_shares
from edgeskip.core.errors import BackendError
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import SkipModel

ORIN = (8, 7)
LARGE = LayerShape((3, 3), 1, 1, 256, 256, 135, 240)
SMALL = LayerShape((1, 1), 1, 1, 16, 16, 7, 12)


def layers(*names: str, size: int = 64) -> SkipModel:
    """Convolutions 3x3 of 32 channels one behind the other, and a transposed one."""
    random = np.random.default_rng(0)
    constants = {f"{name}.w": random.normal(size=(32, 32, 3, 3)).astype(np.float32) for name in (*names, "up")}
    nodes = [
        Node("Conv", [before, f"{name}.w"], [name], {"kernel_shape": [3, 3], "pads": [1] * 4})
        for before, name in zip(("x", *names), names, strict=False)
    ]
    nodes.append(Node("ConvTranspose", [names[-1], "up.w"], ["up"], {"kernel_shape": [3, 3], "pads": [1] * 4}))
    return skipping(dense_graph(nodes, constants, ("up",), (1, 32, size, size)))


def test_policies_all_and_none_leave_what_is_forced() -> None:
    model = layers("a", "b")
    for name, where in (("all", "plugin"), ("none", "tensorrt")):
        choices = choose_layers(model, Policy(name))
        assert [choices[layer].where for layer in "ab"] == [where] * 2
        assert f"--plugin-policy {name}" in choices["a"].reason
        assert choices["up"].where == "tensorrt"
        assert choices["up"].reason == "transposed convolution"


def test_shares_of_each_layer_decide() -> None:
    model = layers("a", "b", size=512)
    choices = choose_layers(model, Policy(precision="fp16", active={"a": 0.01, "b": 1.0}, source="a clip"))
    assert (choices["a"].where, choices["b"].where) == ("plugin", "tensorrt")
    for name in "ab":
        choice = choices[name]
        assert (choice.plugin_us <= choice.tensorrt_us) == (choice.where == "plugin")
        assert (choice.expected_active <= choice.break_even) == (choice.where == "plugin")
    assert "1 % active (a clip)" in choices["a"].reason


def test_a_layer_without_a_measured_share_is_said_to_be_assumed() -> None:
    choices = choose_layers(layers("a", "b"), Policy(active={"a": 0.01}, source="a clip"))
    assert "10 % active (assumed)" in choices["b"].reason


def test_shares_of_the_file_are_read() -> None:
    model = random_skip(0).model
    assert known_shares(model) == {}
    model.metadata.about[ACTIVE_KEY] = {"a": 0.25}
    assert known_shares(model) == {"a": 0.25}


@pytest.mark.parametrize("capability", [(7, 5), (8, 6), (8, 7), (9, 0), (11, 0), (12, 0)])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_predicted_times_are_ordered(capability: tuple[int, int], precision: str) -> None:
    """More active pixels cost more; a large layer gains, a tiny one only pays for launches; the source is told."""
    times = layer_times(LARGE, capability, precision, 1)
    assert times.plugin(0.03) < times.plugin(0.5) < times.plugin(1.0)
    assert times.plugin(0.1) < times.dense / 3
    assert 0.3 < times.break_even <= 1
    tiny = layer_times(SMALL, capability, precision, 1)
    assert tiny.plugin(0.01) > tiny.dense
    assert tiny.break_even == 0
    assert "not measured" in times.source
    assert layer_times(LARGE, capability, precision, 4).dense > 3 * times.dense


def test_gpus_without_a_row_take_the_newest_older_one() -> None:
    assert gpu_class((8, 7)).name == "Jetson AGX Orin"
    assert gpu_class((10, 3)).capability == (10, 0)
    assert gpu_class((13, 0)).capability == (12, 0)
    assert gpu_class((7, 2)).capability == (7, 5)


HEADER = (
    "capability,precision,kernel,stride,group,in_channels,out_channels,height,width,streams,active,plugin_us,"
    "tensorrt_us,source\n"
)


def test_measured_rows_decide_where_there_are_some(tmp_path: Path) -> None:
    table = tmp_path / "times.csv"
    rows = [
        "8.7,fp16,3x3,1,1,256,256,135,240,1,1.0,1000,600,Orin run 1",
        "8.7,fp16,3x3,1,1,256,256,135,240,1,0.1,190,600,Orin run 1",
        "8.7,fp16,1x1,1,1,16,16,7,12,1,1.0,5,1,Orin run 1",
    ]
    table.write_text("# a comment\n" + HEADER + "\n".join(rows))
    times = layer_times(LARGE, ORIN, "fp16", 1, table)
    assert times.plugin(0.1) == pytest.approx(190)
    assert times.plugin(1.0) == pytest.approx(1000)
    assert times.dense == 600
    assert times.break_even == pytest.approx((600 - 100) / 900)
    assert times.source == "measured (Orin run 1)"
    twice = layer_times(LayerShape((3, 3), 1, 1, 256, 256, 270, 240), ORIN, "fp16", 1, table)
    assert twice.dense == pytest.approx(1200)
    assert twice.plugin(1.0) == pytest.approx(100 + 1800)
    assert "scaled" in twice.source
    assert "not measured" in layer_times(LARGE, ORIN, "fp32", 1, table).source
    assert "not measured" in layer_times(LARGE, (9, 0), "fp16", 1, table).source


@pytest.mark.parametrize("text", ["a,b\n1,2\n", HEADER + "8.7,fp16,3x3,1\n", HEADER + "x" * 30])
def test_a_broken_table_is_refused(tmp_path: Path, text: str) -> None:
    table = tmp_path / "times.csv"
    table.write_text(text)
    with pytest.raises(BackendError, match="not a table of layer times"):
        layer_times(LARGE, ORIN, "fp16", 1, table)


def test_choices_out_of_range_are_refused() -> None:
    with pytest.raises(BackendError, match="--plugin-policy some"):
        Policy("some")
    with pytest.raises(BackendError, match="--expected-active"):
        Policy(assumed=1.5)
