"""The trained networks, run dense on real video, see what a person sees there."""

from functools import lru_cache

import numpy as np
import onnxruntime
import pytest
from support.shared import shared_file

from edgeskip.core.contract import Task
from edgeskip.tasks import create_decoder, detect_task, get
from edgeskip.video.prepare import prepare

NETWORKS = {
    "yolox": "yolox_nano_640x384", "yunet": "yunet_n_640x384", "retinaface": "retinaface_mnet025_640x384",
    "fastestdet": "fastestdet_352x352", "heatmap": "hourglass_192x192",
}  # fmt: skip


@lru_cache(maxsize=1)
def pictures(video, *indices):
    cv2 = pytest.importorskip("cv2")
    capture = cv2.VideoCapture(str(shared_file(f"videos/{video}")))
    found = []
    for index in range(max(indices) + 1):
        assert capture.grab(), f"{video} ends at frame {index}"
        if index in indices:
            found.append(capture.retrieve()[1])
    return found


def results(task, video, *indices):
    session = onnxruntime.InferenceSession(shared_file(f"networks/{NETWORKS[task]}.onnx"))
    entry = session.get_inputs()[0]
    shapes = {output.name: tuple(output.shape) for output in session.get_outputs()}
    assert detect_task(tuple(entry.shape), shapes) == task
    preparation = get(task).preparation((entry.shape[3], entry.shape[2]))
    decoder = create_decoder(Task(task), preparation)
    for picture in pictures(video, *indices):
        array, placement = prepare(picture, preparation)
        yield decoder.decode(dict(zip(shapes, session.run(None, {entry.name: array}), strict=True)), placement)


def of_class(result, label):
    return result.boxes_xyxy[[result.labels[index] == label for index in result.class_ids]]


@pytest.mark.parametrize("task", ["yolox", "fastestdet"])
def test_the_person_is_found_where_she_walks(task):
    frames = list(results(task, "one-by-one-person.mp4", 150, 170, 210))
    for result in frames[:2]:
        (box,) = of_class(result, "person")
        assert np.allclose(box, [383, 18, 518, 390], atol=16), box
    assert len(of_class(frames[2], "person")) == 0, "nobody is in frame 210"


def test_cars_are_found_on_the_highway():
    counts = [len(of_class(result, "car")) for result in results("yolox", "highway.avi", 600, 680, 760)]
    assert counts == pytest.approx([2, 4, 7], abs=1)
    near = next(of_class(result, "car") for result in results("yolox", "highway.avi", 680))
    assert np.abs(near - [75, 130, 147, 185]).max(axis=1).min() < 6, near


@pytest.mark.parametrize("task", ["yunet", "retinaface"])
def test_the_one_face_is_found_with_its_eyes_above_its_mouth(task):
    for result in results(task, "asl-book.mkv", 0, 60, 100):
        assert len(result) == 1
        assert result.scores[0] > 0.85
        x0, y0, x1, y1 = result.boxes_xyxy[0]
        assert (265 < x0 < 285, 95 < y0 < 120, 315 < x1 < 340, 150 < y1 < 180) == (True,) * 4, result.boxes_xyxy
        points = result.keypoints_xy[0]
        assert ((points > [x0, y0]) & (points < [x1, y1])).all(), points
        assert points[:2, 1].max() < points[2, 1] < points[3:, 1].min(), points


def test_head_neck_and_shoulders_are_found_where_they_are():
    result = next(results("heatmap", "asl-book.mkv", 60))
    assert (result.scores[[0, 1, 2, 5]] > 0.3).all(), result.scores
    head, neck, shoulder_a, shoulder_b = result.points_xy[[0, 1, 2, 5]]
    assert np.abs(head - [300, 105]).max() < 20, head
    assert head[1] < neck[1] < min(shoulder_a[1], shoulder_b[1]), result.points_xy
    assert min(shoulder_a[0], shoulder_b[0]) < neck[0] < max(shoulder_a[0], shoulder_b[0]), result.points_xy
