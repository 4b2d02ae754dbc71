"""Sinks: what is written can be read again; what fails leaves nothing behind."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from support.clips import SIZE, pictures, write_clip

from edgeskip.core.errors import InputError, OutputError
from edgeskip.video import open_sink, open_source
from edgeskip.video.sink import PictureFolder


def test_a_video_appears_only_when_it_is_whole(tmp_path) -> None:
    target = tmp_path / "out.mp4"
    with open_sink(target, SIZE, 25.0) as sink:
        for picture in pictures(5):
            sink.write(picture)
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert sink.count == 5
    with open_source(target) as source:
        assert (sum(1 for _ in source), source.fps) == (5, 25.0)


def test_an_error_while_writing_leaves_no_file_and_keeps_the_old_one(tmp_path) -> None:
    target = write_clip(tmp_path / "out.mp4", count=3)
    before = target.read_bytes()

    def write_one_and_fail() -> None:
        with open_sink(target, SIZE) as sink:
            sink.write(pictures(1)[0])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_one_and_fail()
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_an_empty_video_is_not_written(tmp_path) -> None:
    with open_sink(tmp_path / "out.mp4", SIZE):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(161, 97), (64, 64), (1280, 720)])
def test_any_size_can_be_written_but_an_odd_row_is_lost(tmp_path, size: tuple[int, int]) -> None:
    with open_sink(tmp_path / "out.mp4", size) as sink:
        for _ in range(3):
            sink.write(np.full((size[1], size[0], 3), 90, np.uint8))
    assert open_source(tmp_path / "out.mp4").size == (size[0] // 2 * 2, size[1] // 2 * 2)


@pytest.mark.parametrize("name", ["out.mp4", "pictures"])
def test_a_folder_that_cannot_be_written_is_one_error(tmp_path, name: str) -> None:
    # tests may run as root, whom permissions do not stop: a file in the place of the folder stops anybody
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write") as caught:
        open_sink(tmp_path / "file" / name, SIZE)
    assert "folder" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_missing_codec_says_so_and_leaves_nothing(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def __init__(self, *_: object) -> None: ...

        def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
            return False

        def release(self) -> None: ...

    monkeypatch.setattr(cv2, "VideoWriter", type("VideoWriter", (Closed,), {}))
    with pytest.raises(OutputError, match="no encoder for avc1 or mp4v"):
        open_sink(tmp_path / "out.mp4", SIZE)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_is_refused(tmp_path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.txt") as caught:
        open_sink(tmp_path / "out.txt", SIZE)
    assert ".mp4" in caught.value.hint


def test_a_picture_of_another_size_is_refused(tmp_path) -> None:
    with (
        pytest.raises(InputError, match=r"picture 0 is uint8 \[10, 10, 3\]"),
        open_sink(tmp_path / "o.mp4", SIZE) as sink,
    ):
        sink.write(np.zeros((10, 10, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_pictures_is_lossless(tmp_path) -> None:
    originals = pictures(3)
    with open_sink(tmp_path / "shots", SIZE) as sink:
        assert isinstance(sink, PictureFolder)
        for picture in originals:
            sink.write(picture)
    for frame, original in zip(open_source(tmp_path / "shots"), originals, strict=True):
        np.testing.assert_array_equal(frame.picture, original)


def test_writing_is_silent(tmp_path, capfd: pytest.CaptureFixture) -> None:
    write_clip(tmp_path / "out.mp4", count=3)
    assert capfd.readouterr() == ("", "")
