"""Each box decoder finds a box that was written into its maps by the inverse of its formula."""

import numpy as np
import pytest

from edgeskip.core.contract import Task
from edgeskip.core.errors import ModelError
from edgeskip.core.placement import Placement
from edgeskip.tasks import create_decoder, get

SIZE = (640, 384)


def logit(probability):
    return np.log(probability / (1 - probability))


def decode(name, outputs, size=SIZE, margin=0.0, source=None, **parameters):
    preparation = get(name).preparation(size)
    decoder = create_decoder(Task(name, parameters=parameters), preparation)
    return decoder.decode(outputs, Placement.of(source or size, preparation), margin)


def yolox_maps(classes=80):
    return {str(stride): np.zeros((1, 5 + classes, SIZE[1] // stride, SIZE[0] // stride), np.float32)
            for stride in (8, 16, 32)}  # fmt: skip


def put_yolox(maps, stride, row, column, values, class_id, confidence):
    maps[str(stride)][0, :5, row, column] = values
    maps[str(stride)][0, 5 + class_id, row, column] = confidence


def test_yolox_box_score_and_label():
    maps = yolox_maps()
    # centre (200, 104), 64 x 32, at stride 16: cell (12, 6) with offset (0.5, 0.5)
    put_yolox(maps, 16, 6, 12, [0.5, 0.5, np.log(4), np.log(2), 0.9], 2, 0.8)
    result = decode("yolox", maps)
    assert np.allclose(result.boxes_xyxy, [[168, 88, 232, 120]], atol=1e-3)
    assert result.scores == pytest.approx([0.72])
    assert [result.labels[index] for index in result.class_ids] == ["car"]


def test_yolox_levels_do_not_depend_on_the_order_of_outputs():
    maps = yolox_maps(3)
    put_yolox(maps, 8, 4, 5, [0, 0, 1, 1, 0.9], 0, 0.9)
    put_yolox(maps, 32, 4, 5, [0, 0, 1, 1, 0.8], 1, 0.9)
    forward, backward = decode("yolox", maps), decode("yolox", dict(reversed(maps.items())))
    assert np.array_equal(forward.boxes_xyxy, backward.boxes_xyxy)
    assert forward.class_ids.tolist() == [0, 1]
    assert forward.labels == ()


def test_yolox_works_with_one_class_and_one_level():
    value = np.zeros((1, 6, 24, 40), np.float32)
    value[0, :, 3, 4] = [0.5, 0.5, 0, 0, 0.9, 0.9]
    result = decode("yolox", {"out": value})
    assert np.allclose(result.boxes_xyxy, [[64, 48, 80, 64]])


def test_margin_adds_detections_below_the_threshold_and_changes_none_above():
    maps = yolox_maps()
    put_yolox(maps, 16, 6, 12, [0, 0, 2, 2, 1], 0, 0.6)
    put_yolox(maps, 16, 6, 13, [0, 0, 2, 2, 1], 0, 0.32)
    put_yolox(maps, 16, 18, 30, [0, 0, 2, 2, 1], 0, 0.33)
    put_yolox(maps, 32, 2, 2, [0, 0, 2, 2, 1], 0, 0.29)
    without, within = decode("yolox", maps), decode("yolox", maps, margin=0.05)
    assert without.scores == pytest.approx([0.6])
    # 0.32 is suppressed by its better neighbour, 0.29 is beyond the margin
    assert within.scores == pytest.approx([0.6, 0.33])
    assert np.array_equal(within.boxes_xyxy[:1], without.boxes_xyxy)
    assert within.score_threshold == without.score_threshold == pytest.approx(0.35)


def test_score_threshold_of_the_task_record_is_used():
    maps = yolox_maps()
    put_yolox(maps, 16, 6, 12, [0, 0, 2, 2, 1], 0, 0.6)
    assert len(decode("yolox", maps, score_threshold=0.59)) == 1
    assert len(decode("yolox", maps, score_threshold=0.61)) == 0


def test_yolox_refuses_maps_of_another_network():
    with pytest.raises(ModelError, match="5 \\+ classes"):
        decode("yolox", {"a": np.zeros((1, 85, 48, 80), np.float32), "b": np.zeros((1, 20, 24, 40), np.float32)})
    with pytest.raises(ModelError, match="output a has shape"):
        decode("yolox", {"a": np.zeros((1, 1000), np.float32)})


def test_yunet_face_and_key_points():
    maps = {}
    for stride in (8, 16, 32):
        shape = (SIZE[1] // stride, SIZE[0] // stride)
        for kind, channels, value in (("cls", 1, -9), ("obj", 1, -9), ("bbox", 4, 0), ("kps", 10, 0)):
            maps[f"{kind}{stride}"] = np.full((1, channels, *shape), value, np.float32)
    maps["cls16"][0, 0, 5, 7], maps["obj16"][0, 0, 5, 7] = logit(0.81), logit(1 - 1e-6)
    maps["bbox16"][0, :, 5, 7] = [0.5, -0.25, np.log(2), np.log(3)]
    maps["kps16"][0, :, 5, 7] = np.arange(10) / 10
    result = decode("yunet", maps)
    assert result.scores == pytest.approx([0.9], abs=1e-4)
    assert np.allclose(result.boxes_xyxy, [[120 - 16, 76 - 24, 120 + 16, 76 + 24]], atol=1e-3)
    assert np.allclose(result.keypoints_xy[0, 1], [(7 + 0.2) * 16, (5 + 0.3) * 16], atol=1e-3)
    assert result.labels == ("face",)
    assert decode("yunet", {name: value for name, value in maps.items() if "kps" not in name}).keypoints_xy is None


def test_retinaface_face_from_the_second_anchor():
    maps = {}
    for stride in (8, 16, 32):
        shape = (SIZE[1] // stride, SIZE[0] // stride)
        for kind, channels in (("cls", 4), ("box", 8), ("ldm", 20)):
            maps[f"{kind}{stride}"] = np.zeros((1, channels, *shape), np.float32)
        maps[f"cls{stride}"][0, 0::2] = 9
    maps["cls16"][0, 2:4, 4, 9] = [0, logit(0.7)]
    maps["box16"][0, 4:8, 4, 9] = [1, -1, 5 * np.log(1.5), 5 * np.log(0.5)]
    maps["ldm16"][0, 10:20, 4, 9] = np.arange(10)
    result = decode("retinaface", maps)
    # anchor 64 at the centre of the cell (152, 72), moved by 0.1 of its side
    assert result.scores == pytest.approx([0.7], abs=1e-4)
    assert np.allclose(result.boxes_xyxy, [[158.4 - 48, 65.6 - 16, 158.4 + 48, 65.6 + 16]], atol=1e-3)
    assert np.allclose(result.keypoints_xy[0, 2], [152 + 6.4 * 4, 72 + 6.4 * 5], atol=1e-3)


def test_fastestdet_box_is_a_share_of_the_source():
    value = np.zeros((1, 85, 22, 22), np.float32)
    value[0, :5, 10, 11] = [0.8, np.arctanh(0.5), np.arctanh(-0.5), logit(0.25), logit(0.5)]
    value[0, 5 + 16, 10, 11] = 0.6
    result = decode("fastestdet", {"out": value}, size=(352, 352), source=(220, 440))
    assert result.scores == pytest.approx([0.8**0.6 * 0.6**0.4], abs=1e-5)
    assert np.allclose(result.boxes_xyxy, [[115 - 27.5, 190 - 110, 115 + 27.5, 190 + 110]], atol=1e-2)
    assert result.labels[result.class_ids[0]] == "dog"


def test_fastestdet_takes_a_tiny_negative_probability_for_nothing():
    value = np.full((1, 85, 22, 22), -1e-9, np.float32)
    with np.errstate(invalid="raise"):
        assert len(decode("fastestdet", {"out": value}, size=(352, 352))) == 0
