"""Decoders by name, and the guess from shapes."""

import pytest

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.tasks import create_decoder, detect_task, get, names

LEVELS = ((48, 80), (24, 40), (12, 20))
INPUT = (1, 3, 384, 640)


def shapes(*channels):
    return {f"{count}.{k}.{h}": (1, count, h, w) for k, count in enumerate(channels) for h, w in LEVELS}


@pytest.mark.parametrize(
    ("expected", "input_shape", "outputs"),
    [
        ("yolox", INPUT, shapes(85)),
        ("yolox", ("batch", 3, 384, 640), shapes(8)),
        ("yunet", INPUT, shapes(1, 1, 4, 10)),
        ("yunet", INPUT, shapes(1, 1, 4)),
        ("retinaface", INPUT, shapes(4, 8, 20)),
        ("fastestdet", (1, 3, 352, 352), {"out": (1, 85, 22, 22)}),
        ("heatmap", (1, 3, 192, 192), {"t926": (1, 14, 48, 48)}),
        ("heatmap", (1, 3, 256, 192), {"out": (1, 17, 64, 48)}),
        ("segmentation", (1, 3, 512, 1024), {"out": (1, 19, 128, 256)}),
        ("segmentation", (1, 3, 256, 256), {"out": (1, 2, 256, 256)}),
        ("tensor", (1, 3, 224, 224), {"out": (1, 1000)}),
        ("tensor", INPUT, {"boxes": (1, 5040, 4), "scores": (1, 5040, 80)}),
        ("tensor", (1, 3, 384, 640), {"out": (1, 1, 384, 640)}),
        ("tensor", (1, 3, "height", "width"), {"out": (1, 85, None, None)}),
        ("tensor", (1, 3, 384, 640), {"out": (1, 19, 48, 40)}),
    ],
)
def test_task_is_guessed_from_shapes(expected, input_shape, outputs):
    assert detect_task(input_shape, outputs) == expected


def test_every_task_has_a_preparation_and_a_decoder_by_default():
    assert {"yolox", "yunet", "retinaface", "fastestdet", "heatmap", "segmentation", "tensor"} <= set(names())
    for name in names():
        preparation = get(name).preparation((320, 192))
        assert preparation.size == (320, 192)
        assert len(preparation.mean) == len(preparation.scale) == preparation.channels
        assert create_decoder(Task(name), preparation).name == name


def test_an_unknown_task_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="'yolov9'") as caught:
        create_decoder(Task("yolov9"), Preparation(size=(320, 192)))
    assert "yolox" in caught.value.hint
