"""The TensorRT runner on a GPU of numpy: bindings, state, streams, graphs, masks, counts, and how often it waits.

Work runs there only when somebody waits for it, and memory is poisoned, so that a missing wait or binding shows.
"""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from support.random_skip import random_skip, random_video
from support.tensorrt_machine import Machine

from edgeskip.backends.base import Runner
from edgeskip.backends.reference.loader import ReferenceBackend
from edgeskip.backends.tensorrt.execution import Execution
from edgeskip.backends.tensorrt.frames import WARM_UP
from edgeskip.core.contract import Preparation
from edgeskip.core.errors import BackendError, InputError
from edgeskip.graph.skip_model import SkipModel

WAYS = [
    {"state": "in_place", "graph": True},
    {"state": "ping_pong", "graph": True},
    {"state": "in_place", "graph": False},
    {"state": "ping_pong", "graph": False},
]


def small_model(seed: int = 3) -> SkipModel:
    """A random network with a tolerance, its batch open."""
    return random_skip(seed, tolerance=0.1, batch="N").model


def video(model: SkipModel, frames: int, streams: int = 1, seed: int = 0) -> list[np.ndarray]:
    """float32 [streams, C, H, W] per frame; every stream has a video of its own."""
    shape = (1, *(int(size) for size in model.frame_shape(model.frame_inputs[0])[1:]))
    return [
        np.concatenate(parts)
        for parts in zip(*(random_video(shape, frames, seed + k) for k in range(streams)), strict=True)
    ]


def by_plugin(runner: Runner) -> set[str]:
    """Convolutions that the plugin runs; all others are computed whole."""
    return {layer.name for layer in runner.layers if layer.macs and layer.where == "plugin"}


def assert_same(ours, expected, where: str, counted: set[str]) -> None:
    """Outputs to rounding, and the pixels that the contract's rule computes."""
    for name, value in expected.outputs.items():
        np.testing.assert_allclose(ours.outputs[name], value, atol=1e-4, err_msg=f"{where}, {name}")
    for name in counted:
        assert ours.active_pixels[name] == expected.active_pixels[name], f"{where}, {name}"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way['state']}, graph {way['graph']}")
def test_equals_the_reference_frame_by_frame_whichever_way_the_state_goes(machine: Machine, way: dict) -> None:
    model = small_model()
    with machine.runner(model, 2, **way) as ours, ReferenceBackend().create_runner(model, streams=2) as reference:
        for index, pictures in enumerate(video(model, 12, 2)):
            assert_same(ours.infer(pictures), reference.infer(pictures), f"{way}, frame {index}", by_plugin(ours))
        assert ours.level.endswith("state in place" if way["state"] == "in_place" else "state ping-pong")
        assert ("no graph" not in ours.level) == way["graph"]
    assert machine.device.left_over == 0
    assert machine.device.opened == 0


@pytest.mark.parametrize("seed", [0, 5, 6])
def test_random_networks_equal_the_reference(machine: Machine, seed: int) -> None:
    model = small_model(seed)
    with machine.runner(model) as ours, ReferenceBackend().create_runner(model) as reference:
        for index, picture in enumerate(video(model, 8, seed=seed)):
            assert_same(ours.infer(picture), reference.infer(picture), f"seed {seed}, frame {index}", by_plugin(ours))


def test_what_is_not_the_plugins_counts_as_computed_whole(machine: Machine) -> None:
    machine.plugins.__dict__.pop("edgeskip_count_active")
    model = small_model()
    with machine.runner(model) as runner:
        results = [runner.infer(picture) for picture in video(model, 4)]
    assert [result.active_mac_fraction for result in results] == [1.0] * 4


@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way["state"])
def test_a_frame_takes_no_memory_and_waits_once(machine: Machine, way: dict) -> None:
    model = small_model()
    with machine.runner(model, **way) as runner:
        pictures = video(model, 12)
        for picture in pictures[: 2 * WARM_UP + 2]:
            runner.infer(picture)
        before = dict(machine.device.calls)
        for picture in pictures[-4:]:
            runner.infer(picture)
        spent = {name: count - before.get(name, 0) for name, count in machine.device.calls.items()}
    assert {name: count for name, count in spent.items() if count} == {"to_device": 4, "launch": 4, "synchronize": 4}


def test_frames_before_the_graph_are_enqueued_and_ping_pong_needs_two_graphs(machine: Machine) -> None:
    model = small_model()
    with machine.runner(model, state="ping_pong") as runner:
        for index, picture in enumerate(video(model, 10)):
            runner.infer(picture)
            assert machine.device.calls["launch"] == max(0, index + 1 - 2 * WARM_UP)
        assert machine.device.calls["begin_capture"] == 2


@pytest.mark.parametrize("where", ["driver", "engine"])
def test_a_refused_capture_costs_nothing_but_the_graph(machine: Machine, where: str) -> None:
    model = small_model()
    machine.device.refuses_capture = where == "driver"
    engine = machine.build(model, refuses_capture=where == "engine")
    with machine.runner(model, engine=engine) as ours, ReferenceBackend().create_runner(model) as reference:
        for index, picture in enumerate(video(model, 8)):
            assert_same(ours.infer(picture), reference.infer(picture), f"frame {index}", by_plugin(ours))
        assert "no graph" in ours.level
    assert machine.device.calls["begin_capture"] == 1
    assert machine.device.calls["launch"] == 0
    assert machine.device.left_over == 0


@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way["state"])
def test_resetting_one_stream_leaves_the_others(machine: Machine, way: dict) -> None:
    model = small_model()
    frames = video(model, 9, 3)
    with machine.runner(model, 3, **way) as ours, ReferenceBackend().create_runner(model, streams=3) as reference:
        for index, pictures in enumerate(frames):
            if index == 6:
                ours.reset(1)
                reference.reset(1)
            assert_same(ours.infer(pictures), reference.infer(pictures), f"frame {index}", by_plugin(ours))
        ours.reset()
        again = ours.infer(frames[0])
    with machine.runner(model, 3, **way) as fresh:
        first = fresh.infer(frames[0])
    assert again.active_pixels == first.active_pixels
    for name, value in first.outputs.items():
        np.testing.assert_array_equal(again.outputs[name], value)


def test_outputs_are_the_callers_own(machine: Machine) -> None:
    model = small_model()
    with machine.runner(model) as runner:
        first, *rest = video(model, 4)
        kept = runner.infer(first).outputs
        copies = {name: value.copy() for name, value in kept.items()}
        for picture in rest:
            runner.infer(picture)
    for name, value in kept.items():
        np.testing.assert_array_equal(value, copies[name])


def test_masks_are_those_of_the_last_frame_and_never_make_a_frame_wait(machine: Machine) -> None:
    model = small_model()
    tensors = [name for name in model.metadata.masks if name in {info.name for info in model.convolutions}]
    with machine.runner(model, 2) as ours, ReferenceBackend().create_runner(model, streams=2) as reference:
        with pytest.raises(InputError, match="no frame"):
            ours.mask(tensors[0])
        for index, pictures in enumerate(video(model, 10, 2)):
            waits = machine.device.calls["synchronize"]
            ours.infer(pictures)
            assert machine.device.calls["synchronize"] == waits + 1
            reference.infer(pictures)
            if index != 5:  # a frame that nobody looks at
                for name in tensors:
                    np.testing.assert_array_equal(ours.mask(name), reference.mask(name), f"frame {index}, {name}")
        with pytest.raises(InputError, match="has no mask"):
            ours.mask("no such tensor")
    assert machine.device.left_over == 0


def test_masks_that_nobody_asked_for_are_not_copied(machine: Machine) -> None:
    model = small_model()
    with machine.runner(model, graph=False) as runner:
        for picture in video(model, 3):
            runner.infer(picture)
    assert machine.device.calls["synchronize_event"] == machine.device.calls["wait"] == 0


@pytest.mark.parametrize("color", ["BGR", "RGB"])
def test_pictures_are_prepared_on_the_device_as_everywhere(machine: Machine, color: str) -> None:
    model = small_model()
    name = model.frame_inputs[0]
    channels, height, width = (int(size) for size in model.frame_shape(name)[1:])
    assert channels == 3
    model.metadata.inputs[name] = Preparation((width, height), color, mean=(10.0, 20.0, 30.0), scale=(0.1, 0.2, 0.3))
    rng = np.random.default_rng(1)
    with machine.runner(model, 2) as ours, ReferenceBackend().create_runner(model, streams=2) as reference:
        assert ours.prepares_pictures
        for size in ((40, 60), (40, 60), (height, width), (90, 30), (40, 60)):
            pictures = [rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(2)]
            assert_same(ours.infer_picture(pictures), reference.infer_picture(pictures), f"{size}", by_plugin(ours))
    assert machine.device.left_over == 0


def test_other_threads_may_run_frames(machine: Machine) -> None:
    model = small_model()
    frames = video(model, 4)
    with machine.runner(model) as ours, ReferenceBackend().create_runner(model) as reference:
        for index, picture in enumerate(frames):
            found = []
            thread = threading.Thread(target=lambda shown=picture, into=found: into.append(ours.infer(shown)))
            thread.start()
            thread.join()
            assert_same(found[0], reference.infer(picture), f"frame {index}", by_plugin(ours))


def test_halves_come_back_as_float32(machine: Machine) -> None:
    model = small_model()
    engine = machine.build(model, precision="fp16")
    with machine.runner(model, engine=engine) as ours, ReferenceBackend().create_runner(model) as reference:
        assert ours.precision == "f16"
        for picture in video(model, 4):
            result, expected = ours.infer(picture), reference.infer(picture)
            for name, value in expected.outputs.items():
                assert result.outputs[name].dtype == np.float32
                scale = max(1.0, float(np.abs(value).max()))
                assert (
                    np.abs(result.outputs[name] - value).max() <= 0.35 * scale
                )  # a tolerance of 0.1 decides otherwise


def test_profile_gives_times_by_layer_and_no_graph(machine: Machine) -> None:
    model = small_model()
    with machine.runner(model, profile=True) as runner:
        for picture in video(model, 6):
            runner.infer(picture)
        times = runner.layer_times_ms()
        assert machine.device.calls["launch"] == 0
    assert times
    assert all(value >= 0.5 for value in times.values())
    assert {name for name in times if name != "other"} <= {layer.tensor for layer in runner.layers}
    with machine.runner(model) as runner, pytest.raises(BackendError, match="profile=True"):
        runner.layer_times_ms()


def test_what_was_closed_is_gone_at_once(machine: Machine) -> None:
    """pycuda frees pinned memory and streams with their last reference, and can't once its context is closed."""
    model = small_model()
    gc.collect()
    gc.disable()
    try:
        runner = machine.runner(model, state="auto")
        with runner:
            runner.infer(video(model, 1)[0])
        left = [item for item in gc.get_objects() if type(item) is Execution]
    finally:
        gc.enable()
    assert not left
    assert machine.device.left_over == 0


def test_a_runner_can_be_activated_again(machine: Machine) -> None:
    model = small_model()
    runner = machine.runner(model)
    first = video(model, 1)[0]
    outputs = []
    for _ in range(2):
        with runner:
            assert runner.state_bytes > 0
            outputs.append(runner.infer(first).outputs)
        assert machine.device.left_over == 0
    for name, value in outputs[0].items():
        np.testing.assert_array_equal(outputs[1][name], value)


@pytest.mark.parametrize("option", [{"colour": 1}, {"state": "sideways"}, {"precision": "f8"}], ids=str)
def test_unknown_options_are_refused(machine: Machine, option: dict) -> None:
    with pytest.raises(BackendError):
        machine.runner(small_model(), **option)
