"""From a URI to a source. A new scheme is one call of `register_scheme`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from edgeskip.core.errors import SourceError
from edgeskip.video.cameras import open_camera, open_csi, open_file_uri, open_stream
from edgeskip.video.pictures import SUFFIXES, Pictures
from edgeskip.video.scenes import SyntheticVideo
from edgeskip.video.source import Reader, Source
from edgeskip.video.video_file import VideoFile

Opener = Callable[[str], Reader]
_SCHEMES: dict[str, Opener] = {}


def register_scheme(scheme: str, opener: Opener) -> None:
    """Let URIs that start with `scheme:` be opened by `opener(uri)`."""
    _SCHEMES[scheme] = opener


def schemes() -> tuple[str, ...]:
    """Names of all schemes."""
    return tuple(sorted(_SCHEMES))


def open_source(uri: str | int | Path, start: int = 0, frames: int | None = None, loop: bool = False) -> Source:
    """Open a camera, stream, video file, folder or glob of pictures, or synthetic scene.

    Args:
        uri: `0` or `/dev/video0`, `csi://0`, `rtsp://...`, `http://...`, a file, a folder, a glob, or
            `synthetic:street?seed=1&size=640x384&noise=2&fps=25&frames=300`.
        start: frames to pass over first.
        frames: deliver at most so many.
        loop: begin again at the end.

    Raises:
        SourceError: nothing there, unreadable, or `start` is beyond the end.
    """
    return Source(_reader(str(uri)), start, frames, loop)


def _reader(uri: str) -> Reader:
    if re.fullmatch(r"\d+|/dev/video\d+", uri):
        return open_camera(uri)
    path = Path(uri)
    if uri and path.is_dir():
        return Pictures.in_folder(path)
    if uri and path.is_file():
        return Pictures(uri, [path]) if path.suffix.lower() in SUFFIXES else VideoFile(path)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", uri)
    if scheme:
        if scheme[1].lower() not in _SCHEMES:
            hint = f"schemes: {', '.join(f'{name}:' for name in schemes())}; else a file, a folder or a camera number"
            raise SourceError(f"{uri}: no such kind of source: {scheme[1]}:", hint=hint)
        return _SCHEMES[scheme[1].lower()](uri)
    if any(sign in uri for sign in "*?["):
        return Pictures.matching(uri)
    raise SourceError(f"{uri or 'the empty name'}: no such file or folder", hint=_nearest(path))


def _nearest(path: Path) -> str:
    folder = next((parent for parent in path.parents if parent.is_dir()), Path("."))
    return f"the folder {folder} exists: check what comes after it; a camera is a number, such as 0"


register_scheme("csi", open_csi)
register_scheme("synthetic", SyntheticVideo)
register_scheme("file", open_file_uri)
for _scheme in ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp"):
    register_scheme(_scheme, open_stream)
