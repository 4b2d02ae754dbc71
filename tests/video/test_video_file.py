"""Video files: whole ones are read to the last frame, broken ones say where they break."""

from __future__ import annotations

import numpy as np
import pytest
from support.clips import SIZE, index_first, pictures, truncate, write_clip
from support.shared import shared_file

from edgeskip.core.errors import SourceError
from edgeskip.video import Status, open_source
from edgeskip.video.containers import counts_every_frame, missing_bytes

SHARED = {"one-by-one-person.mp4": 1394, "asl-book.mkv": 109, "highway.avi": 1699, "car-detection.mp4": 377,
          "dashcam.mp4": 38}  # fmt: skip


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_a_whole_file_is_read_to_the_end(tmp_path, suffix: str) -> None:
    with open_source(write_clip(tmp_path / f"clip{suffix}")) as source:
        frames = list(source)
        assert source.read().status is Status.END
    assert [frame.index for frame in frames] == list(range(40))
    assert (source.size, source.length, source.live) == (SIZE, 40, False)
    assert source.fps == pytest.approx(20.0)
    assert frames[10].time_s == pytest.approx(0.5)
    # lossy, but the right picture: nearer to its own original than to the next
    originals = pictures(40)
    error = [np.abs(frames[12].picture.astype(int) - originals[k]).mean() for k in (11, 12, 13)]
    assert int(np.argmin(error)) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_a_file_cut_at_60_percent_names_the_frame_it_breaks_in(tmp_path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}")
    if suffix == ".mp4":
        clip = index_first(clip)
    truncate(clip, 0.6)
    delivered = []
    with (
        open_source(clip) as source,
        pytest.raises(SourceError, match=r"middle of frame \d+.*bytes are missing") as caught,
    ):
        delivered.extend(frame.index for frame in source)
    assert 10 < len(delivered) < 36
    assert f"frame {len(delivered)} " in caught.value.message
    assert caught.value.hint


def test_an_mp4_without_its_index_is_refused_with_the_reason(tmp_path) -> None:
    clip = truncate(write_clip(tmp_path / "clip.mp4"), 0.6)
    with pytest.raises(SourceError, match=r"ends \d+ bytes early.*frame 0"):
        open_source(clip)


def test_frames_that_cannot_be_decoded_are_an_error_not_an_early_end(tmp_path) -> None:
    clip = index_first(write_clip(tmp_path / "clip.mp4"))
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat") + len(data) // 2
    data[start : len(data) - 16] = bytes(len(data) - 16 - start)
    clip.write_bytes(data)
    with pytest.raises(SourceError, match=r"frame \d+ of 40 can't be decoded"), open_source(clip) as source:
        list(source)


@pytest.mark.parametrize("content", [b"", b"this is a text, not a video" * 50])
def test_what_is_no_video_is_refused(tmp_path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(SourceError, match=r"clip\.mp4"):
        open_source(tmp_path / "clip.mp4")


def test_start_frames_and_loop(tmp_path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", count=10)
    whole = [frame.picture for frame in open_source(clip)]
    with open_source(clip, start=6, frames=3) as source:
        part = list(source)
        assert source.length == 3
    assert [frame.index for frame in part] == [6, 7, 8]
    np.testing.assert_array_equal(part[0].picture, whole[6])
    with open_source(clip, start=8, frames=5, loop=True) as source:
        looped = list(source)
    assert [frame.index for frame in looped] == [8, 9, 10, 11, 12]
    for frame, expected in zip(looped, (8, 9, 8, 9, 8), strict=True):
        np.testing.assert_array_equal(frame.picture, whole[expected])


def test_a_start_beyond_the_end_says_how_long_the_file_is(tmp_path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", count=5)
    with pytest.raises(SourceError, match="has only 5 frames"):
        open_source(clip, start=9)
    with pytest.raises(SourceError, match="frames 0"):
        open_source(clip, frames=0)


def test_a_limit_before_the_break_reads_what_is_there(tmp_path) -> None:
    clip = truncate(write_clip(tmp_path / "clip.avi"), 0.6)
    with open_source(clip, frames=5) as source:
        assert len(list(source)) == 5


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_containers_tell_missing_bytes(tmp_path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}")
    size = clip.stat().st_size
    assert missing_bytes(clip) == 0
    assert counts_every_frame(clip) == (suffix == ".mp4")
    if suffix == ".mp4":
        index_first(clip)
    truncate(clip, 0.75)
    assert missing_bytes(clip) == pytest.approx(size * 0.25, abs=16)


@pytest.mark.parametrize("name", SHARED)
def test_real_videos_are_whole(name: str) -> None:
    """Real containers estimate their length and carry odd tails: none may be called broken."""
    with open_source(shared_file(f"videos/{name}")) as source:
        assert sum(1 for _ in source) == SHARED[name]
