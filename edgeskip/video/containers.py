"""How many bytes a video file lacks, by what its own container says: decoders hide a missing end."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

_MP4_SUFFIXES = {".mp4", ".m4v", ".mov", ".3gp"}
_LARGEST_INDEX_BYTES = 1 << 26


def missing_bytes(path: Path) -> int:
    """Bytes that the container announces beyond the end of the file; 0 for a whole file or an unknown format.

    Reads the box sizes of ISO 14496-12 (mp4, mov), the chunk sizes of RIFF (avi), or the segment size of
    EBML (mkv, webm).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[:4] == b"RIFF":
            end = _riff_end(file, size)
        elif head[:4] == b"\x1a\x45\xdf\xa3":
            end = _ebml_end(file)
        elif path.suffix.lower() in _MP4_SUFFIXES or head[4:8] == b"ftyp":
            end = _boxes(file, size)[0]
        else:
            end = size
    return max(0, end - size)


def counts_every_frame(path: Path) -> bool:
    """Whether the container's frame count is what a decoder must deliver: an mp4 without an edit list."""
    if path.suffix.lower() not in _MP4_SUFFIXES:
        return False
    with path.open("rb") as file:
        _, boxes = _boxes(file, path.stat().st_size)
        if b"moov" not in boxes or b"moof" in boxes:
            return False
        start, length = boxes[b"moov"]
        file.seek(start)
        index = file.read(min(length, _LARGEST_INDEX_BYTES))
    return not any(_skips(index, match.end()) for match in re.finditer(rb"elst", index))


def _skips(index: bytes, at: int) -> bool:
    """Whether the edit list whose payload starts at `at` leaves out the beginning (or can't be read)."""
    try:
        version, entries = index[at], struct.unpack_from(">I", index, at + 4)[0]
        if entries != 1:
            return entries > 0
        media_time = struct.unpack_from(">q", index, at + 16) if version else struct.unpack_from(">i", index, at + 12)
    except (IndexError, struct.error):
        return True
    return media_time[0] != 0


def _boxes(file: BinaryIO, size: int) -> tuple[int, dict[bytes, tuple[int, int]]]:
    """Where the last top-level box ends, and start and length of each kind."""
    end, boxes = 0, {}
    while end + 8 <= size:
        file.seek(end)
        head = file.read(16)
        length, kind = struct.unpack(">I", head[:4])[0], head[4:8]
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:16])[0]
        elif length == 0:
            length = size - end
        if length < 8:
            break
        boxes[kind] = (end, length)
        end += length
    return end, boxes


def _riff_end(file: BinaryIO, size: int) -> int:
    """Where the last RIFF list ends; files over 1 GB hold several."""
    end = 0
    while end + 12 <= size:
        file.seek(end)
        head = file.read(8)
        if head[:4] != b"RIFF":
            break
        length = struct.unpack("<I", head[4:8])[0]
        # a recorder that was cut off leaves 0 or all ones: nothing is announced then
        if length in (0, 0xFFFFFFFF):
            break
        end += 8 + length + length % 2
    return end - 1 if end == size + 1 else end


def _ebml_end(file: BinaryIO) -> int:
    """Where the segment ends; 0 where its size is unknown (a live recording)."""
    file.seek(4)
    header = _vint(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return 0
    segment = _vint(file)
    return 0 if segment is None else file.tell() + segment


def _vint(file: BinaryIO) -> int | None:
    """An EBML variable-size integer; None for "unknown" or the end of the file."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    value = int.from_bytes(bytes([first[0] & ((1 << (8 - length)) - 1)]) + rest, "big")
    return None if len(rest) < length - 1 or value == (1 << (7 * length)) - 1 else value
