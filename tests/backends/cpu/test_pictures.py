"""Pictures written straight into the engine against the same arithmetic in numpy, and against OpenCV's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.native_plan import native, new_tensor
from support.random_skip import random_skip

from edgeskip.backends.cpu.loader import CpuBackend
from edgeskip.backends.cpu.runner import _picture_arguments
from edgeskip.backends.reference.loader import ReferenceBackend
from edgeskip.core.contract import Preparation
from edgeskip.core.errors import InputError, ModelError
from edgeskip.core.picture import input_of
from edgeskip.video.prepare import prepare

MEAN, SCALE = (104.0, 117.0, 123.0), (1 / 57, 1 / 58, 0.3)


def camera_picture(width: int, height: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def written(picture: np.ndarray, preparation: Preparation) -> np.ndarray:
    width, height = preparation.size
    plan = native.Plan()
    tensor, _ = new_tensor(plan, height, width, preparation.channels)
    engine = native.Engine(plan)
    stream = engine.new_stream()
    stream.write_picture(tensor, *_picture_arguments(picture, preparation))
    return stream.read(tensor)[None]


@pytest.mark.parametrize("color", ["BGR", "RGB", "GRAY"])
@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
@pytest.mark.parametrize("size", [(96, 64), (64, 96), (300, 171), (1, 1), (97, 3)])
def test_native_pictures_are_those_of_numpy_bit_for_bit(color: str, resize: str, size: tuple[int, int]):
    preparation = Preparation((96, 64), color, resize, mean=MEAN, scale=SCALE)
    picture = camera_picture(*size)
    np.testing.assert_array_equal(written(picture, preparation), input_of(picture, preparation))


@pytest.mark.parametrize("color", ["BGR", "RGB", "GRAY"])
@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
@pytest.mark.parametrize("size", [(96, 64), (640, 480), (1920, 1080), (50, 40), (33, 7)])
def test_pictures_are_those_of_opencv_to_within_a_grey_level(color: str, resize: str, size: tuple[int, int]):
    preparation = Preparation((96, 64), color, resize)
    picture = camera_picture(*size)
    error = np.abs(written(picture, preparation) - prepare(picture, preparation)[0]).max()
    assert error <= (0 if size == (96, 64) else 1)


def test_a_part_of_a_larger_picture_is_taken_as_it_lies():
    preparation = Preparation((40, 30))
    large = camera_picture(120, 90)
    for picture in (large[10:40, 20:60], large[:, ::-1], large[::-1], large[..., ::-1]):
        np.testing.assert_array_equal(written(picture, preparation), input_of(picture.copy(), preparation))


def model_with_preparation(**options: Any) -> tuple[Any, Preparation]:
    model = random_skip(3).model
    (name,) = model.frame_inputs
    channels, height, width = model.frame_shape(name)[1:]
    preparation = Preparation((width, height), "GRAY" if channels == 1 else "RGB", mean=(110.0,) * 3, scale=(0.02,) * 3)
    model.metadata.inputs = {name: preparation}
    return model, preparation


@pytest.mark.parametrize("backend", [CpuBackend(), ReferenceBackend()], ids=lambda backend: backend.name)
def test_infer_picture_is_infer_on_the_prepared_picture(backend: Any):
    model, preparation = model_with_preparation()
    with backend.create_runner(model, streams=2) as runner, backend.create_runner(model, streams=2) as other:
        for seed in range(3):
            pictures = [camera_picture(50, 40, seed), camera_picture(*preparation.size, seed + 10)]
            prepared = np.concatenate([input_of(picture, preparation) for picture in pictures])
            ours, expected = runner.infer_picture(pictures), other.infer(prepared)
            assert dict(ours.active_pixels) == dict(expected.active_pixels)
            for name, value in expected.outputs.items():
                np.testing.assert_array_equal(ours.outputs[name], value)


def test_pictures_and_arrays_may_alternate():
    model, preparation = model_with_preparation()
    picture = camera_picture(*preparation.size)
    with CpuBackend().create_runner(model) as runner:
        runner.infer_picture(picture)
        assert runner.infer(prepare(picture, preparation)[0]).active_macs == 0
        assert runner.infer_picture(picture).active_macs == 0


def test_wrong_pictures_are_refused_and_the_state_stays():
    model, preparation = model_with_preparation()
    picture = camera_picture(*preparation.size)
    with CpuBackend().create_runner(model) as runner:
        runner.infer_picture(picture)
        for wrong in (picture.astype(np.float32), picture[..., 0], [picture, picture], []):
            with pytest.raises(InputError):
                runner.infer_picture(wrong)
        assert runner.infer_picture(picture).active_macs == 0
        model.metadata.inputs = {}
        with pytest.raises(ModelError, match="preparation"):
            runner.infer_picture(picture)


def test_the_native_writer_checks_its_arguments():
    plan = native.Plan()
    tensor, _ = new_tensor(plan, 4, 6, 3)
    engine = native.Engine(plan)
    stream = engine.new_stream()
    mean, axis = np.zeros(3, np.float32), np.zeros((6, 4), np.int32)
    picture = camera_picture(6, 4)
    good = {"size": (6, 4), "columns": None, "rows": None, "order": (0, 1, 2)}
    good |= {"mean": mean, "scale": mean, "pads": mean}
    stream.write_picture(tensor, picture, **good)
    bad: list[dict[str, Any]] = [
        {"size": (7, 4)}, {"size": (5, 4)}, {"size": (0, 4)}, {"order": (0, 1, 3)}, {"order": (0, 1)}, {"order": ()},
        {"mean": mean[:2]}, {"scale": mean[:2]}, {"pads": mean[:1]}, {"columns": axis},
        {"columns": axis, "rows": axis[:4]},
    ]  # fmt: skip
    for change in bad:
        with pytest.raises(ValueError, match="write_picture"):
            stream.write_picture(tensor, picture, **{**good, **change})
    with pytest.raises(ValueError, match="write_picture"):
        stream.write_picture(tensor, picture[:, ::2], **{**good, "size": (3, 4)})


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("level", native.levels())
def test_writing_planes_keeps_every_value_and_finds_what_is_not_finite(channels: int, level: str):
    plan = native.Plan()
    height, width = 7, 37
    buffer = plan.add_buffer(height, width, channels + 2)
    inner = plan.add_tensor(buffer, 1, channels)
    whole = plan.add_tensor(plan.add_buffer(height, width, channels), 0, channels)
    engine = native.Engine(plan, 1, level)
    stream = engine.new_stream()
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((channels, height, width)).astype(np.float32)
    around = rng.standard_normal((channels + 2, height, width)).astype(np.float32)
    everything = plan_range(plan, buffer, channels + 2)
    for tensor in (whole, inner):
        assert stream.write(tensor, x)
        np.testing.assert_array_equal(stream.read(tensor), x)
        for value in (np.nan, np.inf, -np.inf):
            bad = x.copy()
            bad.flat[rng.integers(bad.size)] = value
            assert not stream.write(tensor, bad), f"{value} was not seen"
            np.testing.assert_array_equal(stream.read(tensor), bad)
    other_engine = native.Engine(plan, 1, level)
    other = other_engine.new_stream()
    assert other.write(everything, around)
    other.write(inner, x)
    np.testing.assert_array_equal(other.read(everything)[[0, -1]], around[[0, -1]])


def plan_range(plan: Any, buffer: int, channels: int) -> int:
    """All channels of a buffer as a tensor."""
    return plan.add_tensor(buffer, 0, channels)
