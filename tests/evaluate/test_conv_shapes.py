"""Shape files: read as they are meant, and refused with the file, row and value where they are broken."""

import json
from pathlib import Path

import pytest

from edgeskip.core.errors import InputError
from edgeskip.evaluate.conv_shapes import ConvShape, read_shapes

ROW = {"in_channels": 4, "out_channels": 8, "height": 9, "width": 11, "kernel": 3}
SHAPES = Path(__file__).resolve().parents[2] / "benchmarks" / "shapes"


def written(path: Path, rows) -> Path:
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return path


def test_json_and_csv_give_the_same_shapes(tmp_path):
    row = {**ROW, "name": "a", "stride": 2, "pad": [0, 0, 1, 1], "kernel": [3, 5], "activation": "silu", "count": 7}
    text = "name,in_channels,out_channels,height,width,kernel,stride,pad,activation,count\n"
    text += "a,4,8,9,11,3 5,2,0 0 1 1,silu,7\n"
    expected = ConvShape(4, 8, 9, 11, (3, 5), (2, 2), (0, 0, 1, 1), activation="silu", count=7, name="a")
    assert read_shapes(written(tmp_path / "s.csv", text)) == [expected]
    assert read_shapes(written(tmp_path / "s.json", [row])) == [expected]
    assert read_shapes(written(tmp_path / "o.json", {"shapes": [row]})) == [expected]


def test_output_and_work_of_a_strided_dilated_grouped_shape():
    shape = ConvShape(6, 12, 20, 15, (3, 5), (2, 1), (1, 2, 0, 2), (2, 1), group=3)
    # rows: 20 + 1 padded, a reach of 5, every second; columns: 15 + 4, a reach of 5
    assert shape.output == (9, 15)
    assert shape.macs_per_pixel == 12 * 2 * 15
    assert [ConvShape(8, 8, 4, 4, (1, 1), group=group).kind for group in (1, 2, 8)] == [
        "pointwise", "grouped", "depthwise",
    ]  # fmt: skip


def test_a_row_without_a_name_is_described(tmp_path):
    rows = [{**ROW, "pad": 1}, {**ROW, "kernel": 1, "activation": "relu", "stride": 2}]
    names = [shape.name for shape in read_shapes(written(tmp_path / "s.json", rows))]
    assert names == ["3x3 4>8 9x11", "1x1/2 4>8 9x11 relu"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"in_channels": 0}, "in_channels"),
        ({"in_channels": True}, "in_channels"),
        ({"kernel": [3, 3, 3]}, "kernel"),
        ({"kernel": "three"}, "kernel"),
        ({"stride": 1.5}, "stride"),
        ({"pad": -1}, "pad"),
        ({"group": 3}, "groups"),
        ({"kernel": 12}, "does not fit"),
        ({"activation": "gelu"}, "gelu"),
        ({"strides": 2}, "strides"),
        ({"height": None}, "row"),
    ],
    ids=str,
)
def test_a_broken_row_is_named(tmp_path, change, word):
    path = written(tmp_path / "shapes.json", [ROW, {**ROW, "name": "b", **change}])
    with pytest.raises(InputError, match=word) as caught:
        read_shapes(path)
    assert "shapes.json, shape 2" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[1]", "{nonsense", "name,kernel\n", "in_channels,kernel\n3,3,3\n", json.dumps([ROW, ROW])],
    ids=repr,
)
def test_a_file_without_shapes_is_one_clear_error(tmp_path, text):
    with pytest.raises(InputError) as caught:
        read_shapes(written(tmp_path / "shapes.txt", text))
    assert "shapes.txt" in caught.value.message
    assert caught.value.hint


def test_an_absent_or_binary_file_is_one_clear_error(tmp_path):
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.csv", "b.csv"):
        with pytest.raises(InputError, match=name):
            read_shapes(tmp_path / name)


@pytest.mark.skipif(not SHAPES.is_dir(), reason="the shape files lie beside the tests in a source checkout")
def test_the_committed_shapes_are_those_of_the_networks():
    totals = {}
    for path in SHAPES.glob("*.csv"):
        shapes = read_shapes(path)
        totals[path.stem] = sum(shape.count * shape.macs_per_pixel * shape.pixels for shape in shapes) / 1e9
    # published: HRNet-w32 7.1 GMAC at 256x192, so 16 at 384x288, and its stages' ends; ResNet-50 4.1; MobileNetV2 0.30
    expected = {
        "hrnet_w32_384x288": 17.2, "efficientdet_d0_512": 2.5, "yolox_nano_640x384": 0.74, "mobilenetv2_224": 0.30,
        "resnet50_224": 4.1,
    }  # fmt: skip
    assert totals == pytest.approx(expected, rel=0.03)
