"""Videos and folders of pictures as clips: every video decoded once, at the network's size, into a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from edgeskip.core.contract import Preparation
from edgeskip.core.errors import InputError, SourceError
from edgeskip.core.files import atomic_path
from edgeskip.training.config import DataConfig

VIDEO_SUFFIXES = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv"}


@dataclass(frozen=True)
class Video:
    """Frames of one source as the network's size has them: uint8 [F, C, H, W], on disk."""

    name: str
    frames: np.ndarray


class VideoClips:
    """Windows of videos as network inputs: a map-style data set of float32 [window, C, H, W].

    Windows follow each other without a gap and overlap by half, so that every change is in one.

    Raises:
        InputError: a video shorter than the window.
    """

    def __init__(self, videos: list[Video], data: DataConfig) -> None:
        self._videos, self._data = videos, data
        reach = (data.window - 1) * data.spacing + 1
        for video in videos:
            if len(video.frames) < reach:
                raise InputError(
                    f"{video.name}: {len(video.frames)} frames, shorter than the window of {data.window} frames"
                    + (f" with spacing {data.spacing}" if data.spacing > 1 else ""),
                    hint="give longer videos, or a smaller data.window; a part is kept for tuning (data.tuning_share)",
                )
        step = max(1, reach // 2)
        self._places = [(video, at) for video in videos for at in range(0, len(video.frames) - reach + 1, step)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> np.ndarray:
        """Clip `index`."""
        video, start = self._places[index]
        spacing = self._data.spacing
        levels = video.frames[start : start + (self._data.window - 1) * spacing + 1 : spacing]
        channels = levels.shape[1]
        mean, scale = (_per_channel(values, channels) for values in (self._data.mean, self._data.scale))
        return (levels.astype(np.float32) - mean) * scale


def open_videos(data: DataConfig, paths: tuple[str, ...], folder: Path, cache: Path) -> list[Video]:
    """Every video that `paths` (folders, files, URIs; relative to `folder`) name, decoded into `cache`.

    Raises:
        SourceError: nothing there, or a video that can't be opened.
    """
    found = [name for path in paths for name in list_sources(path, folder)]
    return [Video(name, _decoded(name, data, cache)) for name in found]


def list_sources(path: str, folder: Path) -> list[str]:
    """A folder's videos, its folders of pictures, and its own pictures as one clip; else `path` itself.

    Raises:
        SourceError: an empty folder.
    """
    place = folder / Path(path).expanduser()
    if not place.is_dir():
        return [str(place) if place.exists() or ":" not in path else path]
    entries = sorted(place.iterdir())
    found = [str(entry) for entry in entries if entry.is_dir() and _has_pictures(entry)]
    found += [str(entry) for entry in entries if entry.is_file() and entry.suffix.lower() in VIDEO_SUFFIXES]
    if _has_pictures(place):
        found.append(str(place))
    if not found:
        raise SourceError(
            f"{place}: no videos and no folders of pictures in it",
            hint=f"videos end in {', '.join(sorted(VIDEO_SUFFIXES))}",
        )
    return found


def split_videos(videos: list[Video], share: float) -> tuple[list[Video], list[Video]]:
    """Each video's beginning, and its last `share`: no frame is in both."""
    cuts = [len(video.frames) - max(1, round(share * len(video.frames))) for video in videos]
    first = [Video(video.name, video.frames[:cut]) for video, cut in zip(videos, cuts, strict=True)]
    return first, [Video(video.name, video.frames[cut:]) for video, cut in zip(videos, cuts, strict=True)]


def _has_pictures(folder: Path) -> bool:
    from edgeskip.video.pictures import SUFFIXES

    return any(entry.suffix.lower() in SUFFIXES for entry in folder.iterdir() if entry.is_file())


def _decoded(name: str, data: DataConfig, cache: Path) -> np.ndarray:
    preparation = _levels(data)
    shape = (preparation.channels, preparation.size[1], preparation.size[0])
    file = cache / f"{_key(name, data, preparation)}.u8"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _decode(name, data.most_frames, preparation, file)
    frames = file.stat().st_size // int(np.prod(shape))
    return np.memmap(file, np.uint8, "r", shape=(frames, *shape))


def _decode(name: str, most: int, preparation: Preparation, file: Path) -> None:
    from edgeskip.video import open_source, prepare

    with open_source(name, frames=most) as source, atomic_path(file) as temporary, temporary.open("wb") as output:
        written = 0
        for frame in source:
            output.write(np.rint(prepare(frame.picture, preparation)[0]).astype(np.uint8).tobytes())
            written += 1
        if not written:
            raise SourceError(f"{name}: no frames in it", hint="check it with: edgeskip demo --source")


def _levels(data: DataConfig) -> Preparation:
    """Preparation up to grey levels: normalised while clips are read, which a change of mean then leaves cached."""
    assert data.size is not None
    plain = Preparation(data.size, data.color, data.resize, data.pad_value)
    return replace(plain, mean=(0.0,) * plain.channels, scale=(1.0,) * plain.channels)


def _key(name: str, data: DataConfig, preparation: Preparation) -> str:
    """Differs where the decoded frames would."""
    path = Path(name)
    entries = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    stamps = [(entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in entries]
    record = json.dumps([name, stamps, data.most_frames, asdict(preparation)])
    return hashlib.sha256(record.encode()).hexdigest()[:24]


def _per_channel(values: tuple[float, ...], channels: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(values, np.float32), (channels,))[:, None, None]
