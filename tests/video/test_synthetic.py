"""The drawn scenes: repeatable, true boxes, mostly still, fast."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from edgeskip.video.synthetic import CLASS_NAMES, SCENE_NAMES, Scene
from edgeskip.video.synthetic.routes import Traffic

pytestmark = pytest.mark.parametrize("name", SCENE_NAMES)


def test_frames_are_the_same_in_any_order(name: str) -> None:
    forwards, backwards = Scene(name, 5), Scene(name, 5)
    order = (0, 400, 77)
    first = {t: forwards.frame(t) for t in order}
    second = {t: backwards.frame(t) for t in reversed(order)}
    for t in order:
        for one, other in zip(first[t], second[t], strict=True):
            np.testing.assert_array_equal(one, other)


def test_seed_changes_place_and_traffic(name: str) -> None:
    one, other = Scene(name, 1, noise=0).frame(300)[0], Scene(name, 2, noise=0).frame(300)[0]
    assert np.mean(one != other) > 0.5


def test_most_pixels_stay_from_frame_to_frame(name: str) -> None:
    scene = Scene(name, 3, noise=0)
    pictures = [scene.frame(t)[0] for t in range(200, 240)]
    changed = [np.mean((a != b).any(-1)) for a, b in pairwise(pictures)]
    assert 0.0 < np.median(changed) < 0.15


def test_noise_has_the_sigma_asked_for(name: str) -> None:
    scene = Scene(name, 3)
    clean = scene.draw(50)[0]
    scene.noise = 0.0
    still = scene.frame(50)[0].astype(int)
    scene.noise = 4.0
    middle = (clean > 40) & (clean < 215)
    noise = (scene.frame(50)[0] - still)[middle]
    assert noise.std() == pytest.approx(4.0, rel=0.05)
    assert abs(noise.mean()) < 0.1


def test_boxes_hold_what_moved(name: str) -> None:
    """A box is where the picture differs from the empty place, and nearly all that differs is in a box."""
    scene, empty = Scene(name, 4, noise=0), Scene(name, 4, noise=0, objects=())
    inside_share, count = [], 0
    for t in range(0, 2000, 200):
        picture, boxes, class_ids = scene.draw(t)
        drawn = (picture != empty.draw(t)[0]).any(-1)
        covered = np.zeros_like(drawn)
        for x0, y0, x1, y1 in boxes:
            box = drawn[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
            assert box.mean() > 0.12, f"t={t}: an empty box"
            covered[max(0, int(y0) - 1) : int(np.ceil(y1)) + 1, max(0, int(x0) - 1) : int(np.ceil(x1)) + 1] = True
        count += len(boxes)
        assert len(boxes) == len(class_ids)
        assert set(class_ids.tolist()) <= set(range(len(CLASS_NAMES)))
        if drawn.any():
            inside_share.append((drawn & covered).sum() / drawn.sum())
    assert count >= 10
    # shadows reach out of the boxes
    assert np.median(inside_share) > 0.75


def test_boxes_are_tight_around_an_object(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(name, 11, noise=0)
    scene._shaded, scene._props = scene._background, ()  # without shadows and trees the object alone is drawn
    width, height = scene.size
    checked = set()
    for t in range(0, 3000, 150):
        for actor, pose in list(scene._timetable.actors(t)):
            monkeypatch.setattr(scene._timetable, "actors", lambda _t, lone=(actor, pose): [lone])
            picture, boxes, class_ids = scene.draw(t)
            monkeypatch.undo()
            if len(boxes) == 0 or boxes[0].min() < 3 or boxes[0, 2] > width - 3 or boxes[0, 3] > height - 3:
                continue
            ys, xs = np.nonzero((picture != scene._background).any(-1))
            drawn = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
            np.testing.assert_allclose(boxes[0], drawn, atol=3.0, err_msg=f"{name} t={t} class {class_ids[0]}")
            checked.add(int(class_ids[0]))
    assert len(checked) >= 2


def test_only_the_objects_asked_for_appear(name: str) -> None:
    scene = Scene(name, 6, objects=("person", "dog"))
    seen = np.concatenate([scene.frame(t)[2] for t in range(0, 3000, 300)])
    assert set(seen.tolist()) <= {CLASS_NAMES.index("person"), CLASS_NAMES.index("dog")}
    assert len(seen) > 0


def test_a_frame_is_drawn_in_time(name: str) -> None:
    """The demo draws and detects at once: drawing must stay well below the network's time."""
    scene = Scene(name, 2)
    scene.frame(0)
    times = []
    for t in range(60):
        start = time.thread_time()
        scene.frame(t)
        times.append(time.thread_time() - start)
    # 6 ms on an idle core; twice that, for a machine that is busy with other tests
    assert np.median(times) < 0.012


def test_size_scales_the_same_scene(name: str) -> None:
    large, small = Scene(name, 8, (640, 384), noise=0), Scene(name, 8, (320, 192), noise=0)
    boxes, halves = large.frame(500)[1], small.frame(500)[1]
    assert small.frame(500)[0].shape == (192, 320, 3)
    assert len(boxes) > 0
    for half in halves:
        assert np.abs(boxes / 2 - half).max(1).min() < 2.0


def test_traffic_drives_in_green_and_stands_in_red(name: str) -> None:
    traffic = Traffic(period=500, green=300, ramp=30)
    driven = np.array([traffic.driven(t) for t in range(-600, 1500)])
    steps = np.diff(driven)
    assert steps.min() >= 0
    assert steps.max() <= 1.0 + 1e-9
    standing = np.array([not traffic.is_green(t) for t in range(-600, 1499)])
    assert np.all(steps[standing] < 1e-9)
    assert driven[1000 + 600] - driven[500 + 600] == pytest.approx(270.0)
