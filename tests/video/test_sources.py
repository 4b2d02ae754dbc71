"""URIs: each scheme opens, and what can't be opened says why and what would help."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeskip.core.errors import SourceError
from edgeskip.video import Source, Status, open_source, register_scheme, registry, schemes
from edgeskip.video.live import QUEUE_LENGTH, Live
from edgeskip.video.source import PATIENCE_SECONDS, TIMEOUT, Reader
from edgeskip.video.synthetic import CLASS_NAMES, Scene


def _save(path: Path, value: int, size: tuple[int, int] = (40, 30)) -> None:
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), value, np.uint8))


def test_a_folder_gives_its_pictures_in_natural_order(tmp_path) -> None:
    for number in (10, 2, 1):
        _save(tmp_path / f"shot{number}.png", number)
    (tmp_path / "notes.txt").write_text("not a picture")
    with open_source(tmp_path) as source:
        assert (source.length, source.size) == (3, (40, 30))
        assert [int(frame.picture[0, 0, 0]) for frame in source] == [1, 2, 10]


def test_a_glob_and_a_single_picture_are_sources(tmp_path) -> None:
    for number in (1, 2):
        _save(tmp_path / f"a{number}.png", number)
    _save(tmp_path / "b1.png", 9)
    assert len(list(open_source(str(tmp_path / "a*.png")))) == 2
    assert len(list(open_source(tmp_path / "b1.png", loop=True, frames=4))) == 4


def test_pictures_of_another_size_name_file_and_frame(tmp_path) -> None:
    _save(tmp_path / "1.png", 1)
    _save(tmp_path / "2.png", 1, (41, 30))
    with pytest.raises(SourceError, match=r"2\.png: frame 1 is 41x30, the pictures before it 40x30"):
        list(open_source(tmp_path))


def test_a_damaged_picture_names_file_and_frame(tmp_path) -> None:
    _save(tmp_path / "1.png", 1)
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:20])
    with pytest.raises(SourceError, match=r"2\.png: frame 1 can't be decoded"):
        list(open_source(tmp_path))


@pytest.mark.parametrize(
    ("uri", "message", "hint"),
    [
        ("nowhere:1", "no such kind of source", "synthetic:"),
        ("/no/such/file.mp4", "no such file or folder", "the folder /"),
        ("", "no such file", "camera is a number"),
        ("synthetic:moon", "no scene 'moon'", "street"),
        ("synthetic:street?sed=1", "no option 'sed'", "seed"),
        ("synthetic:street?size=12", "WIDTHxHEIGHT", "640x384"),
        ("synthetic:street?noise=loud", "noise 'loud'", "noise=2"),
        ("synthetic:street?frames=0", "frames '0'", "frames="),
        ("csi://one", "csi://NUMBER", "csi://0"),
        ("no/such/*.png", "no pictures", ".png"),
    ],
)
def test_what_cannot_be_opened_says_why(uri: str, message: str, hint: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)) as caught:
        open_source(uri)
    assert hint in caught.value.hint


def test_an_empty_folder_is_refused(tmp_path) -> None:
    with pytest.raises(SourceError, match="no pictures in it"):
        open_source(tmp_path)


@pytest.mark.parametrize("uri", ["99", "/dev/video99"])
def test_a_camera_that_is_not_there_names_those_that_are(uri: str) -> None:
    with pytest.raises(SourceError, match="/dev/video99") as caught:
        open_source(uri)
    assert "/dev/video" in caught.value.hint


def test_csi_without_gstreamer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2.videoio_registry, "hasBackend", lambda _: False)
    with pytest.raises(SourceError, match="needs GStreamer") as caught:
        open_source("csi://0")
    assert "JetPack" in caught.value.hint


def test_a_stream_that_is_not_there_keeps_the_password_secret() -> None:
    with pytest.raises(SourceError, match="does not open") as caught:
        open_source("rtsp://user:secret@127.0.0.1:9/live")
    assert "secret" not in str(caught.value)


def test_opencv_is_silent_about_what_we_report(capfd: pytest.CaptureFixture, tmp_path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    for uri in ("99", str(tmp_path / "broken.mp4"), "rtsp://127.0.0.1:9/live"):
        with pytest.raises(SourceError):
            open_source(uri)
    assert capfd.readouterr() == ("", "")


def test_synthetic_options_and_truth() -> None:
    uri = "synthetic:street?seed=3&size=320x192&noise=0&fps=12.5&frames=20"
    with open_source(uri, start=4) as source:
        assert (source.size, source.fps, source.length, source.live) == ((320, 192), 12.5, 16, False)
        frames = list(source)
    assert len(frames) == 16
    # at half the rate frame 4 shows moment 8
    picture, boxes, class_ids = Scene("street", 3, (320, 192), 0).frame(8)
    np.testing.assert_array_equal(frames[0].picture, picture)
    np.testing.assert_array_equal(frames[0].truth.boxes_xyxy, boxes)
    np.testing.assert_array_equal(frames[0].truth.class_ids, class_ids)
    assert frames[0].truth.labels == CLASS_NAMES


def test_a_synthetic_source_is_endless_unless_told() -> None:
    with open_source("synthetic:hall?size=64x64", frames=3) as source:
        assert source.length == 3
        assert len(list(source)) == 3
    assert open_source("synthetic:hall").length is None


def test_a_scheme_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_SCHEMES", dict(registry._SCHEMES))
    register_scheme("mine", lambda uri: registry.SyntheticVideo("synthetic:hall?frames=2&size=64x64"))
    assert "mine" in schemes()
    assert len(list(open_source("mine:whatever"))) == 2


class _Camera:
    """A capture whose pictures come when the test says so, numbered; then it fails."""

    def __init__(self, count: int) -> None:
        self.allowed, self.count, self.given, self.released = threading.Semaphore(0), count, 0, False

    def get(self, _: int) -> float:
        return 30.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.allowed.acquire()
        if self.given == self.count:
            return False, None
        self.given += 1
        return True, np.full((24, 32, 3), self.given, np.uint8)

    def release(self) -> None:
        self.released = True

    def deliver(self, count: int) -> None:
        for _ in range(count):
            self.allowed.release()


def _live(camera: _Camera, **options) -> Live:
    camera.deliver(1)
    return Live("camera test", camera, **options)


def _wait_for(condition) -> None:
    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("waited 5 s in vain")


def test_a_slow_reader_of_a_camera_sees_the_present_and_the_dropped_are_counted() -> None:
    camera = _Camera(50)
    source = Source(_live(camera))
    assert source.live
    camera.deliver(19)
    _wait_for(lambda: source.dropped == 20 - QUEUE_LENGTH)
    reading = source.read()
    assert int(reading.frame.picture[0, 0, 0]) == 20 - QUEUE_LENGTH + 1
    camera.deliver(100)
    source.close()
    assert camera.released


def test_a_camera_tells_timeout_from_end_from_error() -> None:
    camera = _Camera(2)
    source = Source(_live(camera, ends=True))
    assert source.read().status is Status.FRAME
    assert source.read(timeout_s=0.05).status is Status.TIMEOUT
    camera.deliver(1)
    assert source.read(timeout_s=5).status is Status.FRAME
    camera.deliver(1)
    assert source.read(timeout_s=5).status is Status.END

    failing = _Camera(1)
    source = Source(_live(failing, hint="plug it in"))
    failing.deliver(1)
    assert source.read().status is Status.FRAME
    with pytest.raises(SourceError, match="no more pictures after frame 0") as caught:
        source.read(timeout_s=5)
    assert caught.value.hint == "plug it in"


def test_a_camera_that_gives_no_picture_is_refused() -> None:
    camera = _Camera(0)
    with pytest.raises(SourceError, match="gave no picture"):
        _live(camera)
    assert camera.released


class _Silent(Reader):
    name, size, fps = "silent", (32, 24), 10.0

    def __init__(self) -> None:
        self.waited: list[float] = []

    def read(self, timeout_s: float):
        self.waited.append(timeout_s)
        return TIMEOUT


def test_iterating_over_a_silent_camera_ends_in_an_error() -> None:
    reader = _Silent()
    with pytest.raises(SourceError, match="no picture for 10 s"):
        list(Source(reader))
    assert reader.waited == [PATIENCE_SECONDS]
