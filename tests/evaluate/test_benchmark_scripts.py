"""The scripts in benchmarks/: what they measure with, on small networks."""

import importlib
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "benchmarks").is_dir():
    pytest.skip("benchmarks/ lies beside the tests in a source checkout only", allow_module_level=True)


def script(name: str):
    """A module of benchmarks/, which is no installed package."""
    if str(ROOT) not in sys.path:
        # last, so that the installed edgeskip stays the one that is tested
        sys.path.append(str(ROOT))
    return importlib.import_module(f"benchmarks.{name}")


def test_patches_change_where_they_lie_and_nowhere_else():
    pictures = script("patches").pictures
    frames = list(islice(pictures((96, 64), 0.25), 4))
    background = next(pictures((96, 64), 0))
    for frame in frames:
        rows, columns = (np.flatnonzero((frame != background).any(axis=(axis, 2))) for axis in (1, 0))
        assert (len(rows), len(columns)) == (16, 24)
        assert (np.ptp(rows), np.ptp(columns)) == (15, 23)
    assert len({frame.tobytes() for frame in frames}) == 4
    still = list(islice(pictures((96, 64), 0), 2))
    assert np.array_equal(*still)
    first, second = islice(pictures((96, 64), 1), 2)
    assert (first != second).mean() > 0.98


@pytest.mark.parametrize(("target", "expected"), [(0.25, 0.5), (0.81, 0.9), (0.0, 0.0), (1.0, 1.0), (1e-4, None)])
def test_the_patch_for_a_share_is_found(target, expected, monkeypatch):
    patches = script("patches")
    monkeypatch.setattr(patches, "active_fraction", lambda side, runner, preparation: side**2)
    found = patches.side_for(target, None, None)
    assert found == (None if expected is None else pytest.approx(expected, abs=0.01))


def test_shapes_of_a_network_are_counted_once_each(tmp_path):
    from edgeskip.evaluate.conv_shapes import read_shapes
    from edgeskip.graph.ir import Graph, Node, TensorInfo
    from edgeskip.graph.onnx_io import save_graph

    make_shapes = script("make_shapes")
    weight = np.ones((4, 4, 3, 3), np.float32)
    nodes, last = [], "x"
    for index in range(3):
        nodes.append(Node("Conv", [last, f"w{index}"], [f"c{index}"], {"kernel_shape": [3, 3], "pads": [1] * 4}))
        nodes.append(Node("Relu", [f"c{index}"], [f"r{index}"]))
        last = f"r{index}"
    nodes.append(Node("Conv", [last, "p"], ["y"], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}))
    info = {"x": TensorInfo(np.dtype(np.float32), (1, 4, 8, 8)), "y": TensorInfo(np.dtype(np.float32), (1, 4, 4, 4))}
    constants = {**{f"w{index}": weight * (index + 1) for index in range(3)}, "p": weight}
    path = tmp_path / "network.onnx"
    save_graph(Graph(nodes, ["x"], ["y"], constants, info, 17), path)
    make_shapes.write_shapes(make_shapes.shapes_of(path), tmp_path / "shapes.csv")
    shapes = read_shapes(tmp_path / "shapes.csv")
    assert [(shape.name, shape.count, shape.pad) for shape in shapes] == [
        ("3x3 4>4 8x8 relu", 3, (1, 1, 1, 1)),
        ("3x3/2 4>4 8x8 pad 0,0,1,1", 1, (0, 0, 1, 1)),
    ]


def test_a_kernel_table_is_written(tmp_path):
    pytest.importorskip("edgeskip.backends.cpu._native", reason="the native module is not built")
    run_kernels = script("run_kernels")
    (tmp_path / "tiny.csv").write_text("in_channels,out_channels,height,width,kernel\n4,4,6,6,3\n")
    arguments = f"--shapes {tmp_path} --output {tmp_path} --against onnxruntime --repeats 1 --active 1 --suffix x"
    assert run_kernels.main(arguments.split()) == 0
    page = (tmp_path / "kernels-tiny-x.md").read_text()
    assert "3x3 4>4 6x6" in page
    assert "machine:" in page
    table = (tmp_path / "kernels-tiny-x.csv").read_text().splitlines()
    assert len(table) == 2
    assert "versions" in table[0]


def test_the_one_command_explains_itself_and_refuses_what_it_does_not_know():
    command = ROOT / "benchmarks" / "run.sh"
    shown = subprocess.run([command, "--help"], capture_output=True, text=True, timeout=20)
    assert "--quick" in shown.stdout
    refused = subprocess.run([command, "--nonsense"], capture_output=True, text=True, timeout=20)
    assert refused.returncode == 2
    assert "--nonsense" in refused.stderr
