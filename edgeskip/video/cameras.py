"""Cameras by number or device, Jetson's CSI cameras, and network streams."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cv2

from edgeskip.core.errors import SourceError
from edgeskip.video.live import Live, opened
from edgeskip.video.source import Reader
from edgeskip.video.video_file import VideoFile

_STREAM_TIMEOUT_MS = 10_000
_JETSON_PIPELINE = (
    "nvarguscamerasrc sensor-id={sensor} ! video/x-raw(memory:NVMM), width=(int)1280, height=(int)720, "
    "framerate=(fraction)30/1 ! nvvidconv ! video/x-raw, format=(string)BGRx ! videoconvert ! "
    "video/x-raw, format=(string)BGR ! appsink drop=true max-buffers=1 sync=false"
)


def open_camera(uri: str) -> Reader:
    """A camera by number (`0`) or device (`/dev/video0`)."""
    number = int(re.sub(r"\D", "", uri))
    device = Path(f"/dev/video{number}")
    if sys.platform.startswith("linux") and not device.exists():
        raise SourceError(f"camera {uri}: {device} does not exist", hint=_cameras_hint())
    backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
    capture = opened(lambda: cv2.VideoCapture(number, backend), attempts=2)
    if capture is None:
        hint = f"close other programs that use it, check permissions (ls -l {device}). {_cameras_hint()}"
        raise SourceError(f"camera {uri}: can't be opened", hint=hint)
    return Live(f"camera {uri}", capture, hint="the camera was unplugged, or another program took it")


def open_csi(uri: str) -> Reader:
    """A Jetson's CSI camera, `csi://0`, through GStreamer."""
    match = re.fullmatch(r"csi://(\d+)", uri)
    if match is None:
        raise SourceError(f"{uri}: a CSI camera is csi://NUMBER", hint="the first one is csi://0")
    if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        raise SourceError(
            f"{uri}: needs GStreamer, and this OpenCV ({cv2.__version__}) was built without it",
            hint="use the OpenCV that JetPack installs (apt install python3-opencv) instead of the one from pip",
        )
    pipeline = _JETSON_PIPELINE.format(sensor=match[1])
    capture = opened(lambda: cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER))
    if capture is None:
        hint = f"try it alone: gst-launch-1.0 nvarguscamerasrc sensor-id={match[1]} num-buffers=1 ! fakesink"
        raise SourceError(f"{uri}: the camera does not open", hint=hint)
    return Live(uri, capture, hint="restart the camera service: sudo systemctl restart nvargus-daemon")


def open_stream(uri: str) -> Reader:
    """A network stream, or a video file behind http(s)."""
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _STREAM_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _STREAM_TIMEOUT_MS]
    capture = opened(lambda: cv2.VideoCapture(uri, cv2.CAP_FFMPEG, limits))
    shown = re.sub(r"//[^/@]*@", "//", uri)  # a password in the address is nobody's business
    if capture is None:
        hint = "check the address with a player (ffplay URI), the user and password in it, and the network"
        raise SourceError(f"{shown}: the stream does not open", hint=hint)
    finite = capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0 and not uri.startswith("rtsp")
    return Live(shown, capture, ends=finite, hint="the connection was lost: check the network, then start again")


def open_file_uri(uri: str) -> Reader:
    """`file:///path`."""
    return VideoFile(Path(re.sub(r"^file:(//)?", "", uri)))


def _cameras_hint() -> str:
    found = sorted(str(path) for path in Path("/dev").glob("video[0-9]*"))
    if not found:
        return "this machine has no /dev/video*: connect a camera, or use a video file or synthetic:street"
    return f"cameras on this machine: {', '.join(found)}"
