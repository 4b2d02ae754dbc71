"""Small video files that the tests write themselves."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from edgeskip.video import open_sink

SIZE = (160, 96)


def pictures(count: int) -> list[np.ndarray]:
    """Distinct pictures uint8 [96, 160, 3]; fine detail, so that every frame takes many bytes."""
    base = np.random.default_rng(7).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    return [np.roll(base, 3 * k, axis=1) for k in range(count)]


def write_clip(path: Path, count: int = 40, fps: float = 20.0) -> Path:
    """A whole video of `count` frames; the container is that of the suffix."""
    with open_sink(path, SIZE, fps) as sink:
        for picture in pictures(count):
            sink.write(picture)
    return path


def truncate(path: Path, share: float) -> Path:
    """Cut the file to `share` of its bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def index_first(path: Path) -> Path:
    """Move the index (moov) of an mp4 before its pictures, as files for the web have it."""
    data = path.read_bytes()
    boxes, at = [], 0
    while at < len(data):
        length = struct.unpack_from(">I", data, at)[0]
        boxes.append((data[at + 4 : at + 8], data[at : at + length]))
        at += length
    kinds = [kind for kind, _ in boxes]
    assert kinds.index(b"moov") > kinds.index(b"mdat")
    moov = bytearray(dict(boxes)[b"moov"])
    at = moov.index(b"stco")
    for k in range(struct.unpack_from(">I", moov, at + 8)[0]):
        offset = struct.unpack_from(">I", moov, at + 12 + 4 * k)[0]
        struct.pack_into(">I", moov, at + 12 + 4 * k, offset + len(moov))
    rest = [box for kind, box in boxes if kind not in (b"moov", b"ftyp")]
    path.write_bytes(b"".join([dict(boxes)[b"ftyp"], bytes(moov), *rest]))
    return path
