"""Clips are the right frames, prepared as at inference; batches are a function of seed and step."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.training import MovingPatch, configuration, torch, write_configuration

from edgeskip.core.contract import Preparation
from edgeskip.core.errors import ConfigError, InputError, ModelError, SourceError
from edgeskip.training import read_config
from edgeskip.training.config import DataConfig
from edgeskip.training.data import Batches, collate, open_data, spread_indices
from edgeskip.training.videos import VideoClips, list_sources, open_videos, split_videos
from edgeskip.video import open_source, prepare

SCENE = "synthetic:hall?seed=3&size=96x64&frames=12"
DATA = DataConfig(train=(SCENE,), size=(48, 32), resize="letterbox", window=3, spacing=2)


def test_clips_are_what_inference_prepares(tmp_path: Path) -> None:
    clips = VideoClips(open_videos(DATA, DATA.train, tmp_path, tmp_path), DATA)
    with open_source(SCENE) as source:
        pictures = [frame.picture for frame in source]
    preparation = Preparation(DATA.size, DATA.color, DATA.resize, DATA.pad_value, DATA.mean, DATA.scale)
    expected = np.concatenate([prepare(picture, preparation)[0] for picture in pictures])
    assert len(clips) == 4, "windows of 5 frames that overlap by half, 12 frames"
    for index, start in enumerate((0, 2, 4, 6)):
        assert clips[index].dtype == np.float32
        np.testing.assert_allclose(clips[index], expected[start : start + 5 : 2], atol=1e-5)


def test_a_video_is_decoded_once_and_again_when_it_changes(tmp_path: Path) -> None:
    folder, cache = tmp_path / "clip", tmp_path / "cache"
    folder.mkdir()
    for level in range(4):
        cv2.imwrite(str(folder / f"{level}.png"), np.full((32, 48, 3), level, np.uint8))
    first = open_videos(DATA, ("clip",), tmp_path, cache)[0]
    (file,) = cache.iterdir()
    stamp = file.stat().st_mtime_ns
    open_videos(DATA, ("clip",), tmp_path, cache)
    assert file.stat().st_mtime_ns == stamp
    cv2.imwrite(str(folder / "3.png"), np.full((32, 48, 3), 77, np.uint8))
    again = open_videos(DATA, ("clip",), tmp_path, cache)[0]
    assert (first.frames[3].max(), again.frames[3].max()) == (3, 77)


def test_a_folder_holds_videos_folders_of_pictures_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    for path in (tmp_path / "walk" / "1.png", tmp_path / "0.jpg", tmp_path / "street.mp4", tmp_path / "notes.txt"):
        path.write_bytes(b"")
    names = [Path(name).name for name in list_sources(".", tmp_path)]
    assert names == ["walk", "street.mp4", tmp_path.name]
    assert list_sources(SCENE, tmp_path) == [SCENE]
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no videos"):
        list_sources("empty", tmp_path)


def test_tuning_frames_are_not_trained_on(tmp_path: Path) -> None:
    videos = open_videos(DATA, DATA.train, tmp_path, tmp_path)
    first, last = split_videos(videos, 0.25)
    assert (len(first[0].frames), len(last[0].frames)) == (9, 3)
    np.testing.assert_array_equal(np.concatenate([first[0].frames, last[0].frames]), videos[0].frames)


def test_a_video_shorter_than_the_window(tmp_path: Path) -> None:
    videos = open_videos(DATA, DATA.train, tmp_path, tmp_path)
    with pytest.raises(InputError, match=r"12 frames, shorter than the window of 7 frames with spacing 2"):
        VideoClips(videos, DataConfig(train=(SCENE,), size=(48, 32), window=7, spacing=2))


def test_videos_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"not a video at all" * 100)
    with pytest.raises(SourceError, match=r"broken\.mp4"):
        open_videos(DATA, ("broken.mp4",), tmp_path, tmp_path / "cache")
    with pytest.raises(SourceError, match=r"absent\.mp4"):
        open_videos(DATA, ("absent.mp4",), tmp_path, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.u8"))


def test_batches_take_every_clip_once_a_round_whoever_asks() -> None:
    data = MovingPatch(count=12)
    alone = Batches(data, 4, seed=7, workers=0)
    both = [Batches(data, 2, seed=7, workers=0, rank=rank, world=2) for rank in range(2)]
    assert sorted(index for step in range(3) for index in alone.indices(step)) == list(range(12))
    assert alone.indices(3) != alone.indices(0), "the next round has another order"
    assert [alone.indices(step) for step in range(9)] == [both[0].indices(s) + both[1].indices(s) for s in range(9)]
    later, whole = list(alone.after(2, 4)), list(alone.after(0, 4))
    assert all(torch.equal(a.clip, b.clip) for a, b in zip(later, whole[2:], strict=True))


def test_spread_of_tuning_clips() -> None:
    assert spread_indices(9, 3, 2) == [[0, 4], [8]]
    assert spread_indices(3, 0, 2) == [[0, 1], [2]]


@pytest.mark.parametrize("items", [[np.zeros((3, 8, 8))], [np.zeros((2, 3, 8, 8)), np.zeros((4, 3, 8, 8))]])
def test_items_that_are_no_clips_of_one_shape(items: list) -> None:
    with pytest.raises(InputError, match="shapes"):
        collate(items)


def test_data_sets_by_path(tmp_path: Path) -> None:
    def data(**changes: object) -> tuple:
        record = configuration()
        record["data"] |= changes
        return open_data(read_config(write_configuration(tmp_path, record)), tmp_path)

    training, tuning = data()
    assert (len(training), len(tuning), tuning.seed) == (12, 6, 1)
    with pytest.raises(InputError, match="have 4 frames, shorter than the window of 5 frames"):
        data(window=5)
    with pytest.raises(ModelError, match="there is no module nowhere"):
        data(dataset="nowhere:Clips")
    with pytest.raises(ModelError, match="has no 'MovingPach'") as caught:
        data(dataset="support.training:MovingPach")
    assert "MovingPatch" in caught.value.hint
    with pytest.raises(ModelError, match="does not take these options"):
        data(options={"colour": 1})
    with pytest.raises(ConfigError, match="no clips in it"):
        data(options={"count": 0})
    with pytest.raises(InputError, match="gives a Conv2d where a clip should be"):
        data(dataset="support.training:network", options={}, tuning_options={"seed": 1})
    with pytest.raises(ConfigError, match="a PosixPath is no map-style data set"):
        data(dataset="pathlib:Path", options={}, tuning_options={})
