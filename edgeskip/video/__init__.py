"""Video in and out: sources and sinks by URI, preparation of pictures, and a pipeline of threads."""

from edgeskip.video import quiet as _quiet  # before cv2 is imported: it reads its log level from the environment

# isort: split
from edgeskip.video.pipeline import run_pipeline
from edgeskip.video.prepare import prepare
from edgeskip.video.registry import open_source, register_scheme, schemes
from edgeskip.video.sink import PictureFolder, Sink, VideoWriter, open_sink
from edgeskip.video.source import Frame, Reading, Source, Status, Truth

_quiet.silence()

__all__ = [
    "Frame",
    "PictureFolder",
    "Reading",
    "Sink",
    "Source",
    "Status",
    "Truth",
    "VideoWriter",
    "open_sink",
    "open_source",
    "prepare",
    "register_scheme",
    "run_pipeline",
    "schemes",
]
