"""`synthetic:<scene>?seed=1&size=640x384&noise=2&fps=25&frames=300`: drawn scenes as a source."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from edgeskip.core.errors import SourceError
from edgeskip.video.source import END, Reader, Shot, Status, Truth
from edgeskip.video.synthetic import CLASS_NAMES, FRAMES_PER_SECOND, SCENE_NAMES, Scene
from edgeskip.video.synthetic.figures import FigureScene

_EXAMPLE = "for example synthetic:street?seed=1&size=640x384&noise=2&fps=25&frames=300"
FIGURE = "figure"  # one person who moves; no boxes
_DEFAULTS = {"seed": "0", "size": "640x384", "noise": "2", "fps": "25", "frames": ""}


class SyntheticVideo(Reader):
    """Frames of a drawn scene, with their true boxes where there are any; endless unless `frames` is given."""

    def __init__(self, uri: str) -> None:
        self.name = uri
        scene, _, query = uri.partition(":")[2].partition("?")
        names = (*SCENE_NAMES, FIGURE)
        if scene not in names:
            raise SourceError(f"{uri}: no scene {scene!r}", hint=f"scenes: {', '.join(names)}; {_EXAMPLE}")
        options = _options(uri, query)
        self.size, self.fps = options["size"], options["fps"]
        self.length = options["frames"]
        look = options["seed"], self.size, options["noise"]
        self._scene = FigureScene(*look) if scene == FIGURE else Scene(scene, *look)
        self._next = 0

    def read(self, timeout_s: float) -> Shot:
        """Draw the next frame; objects move at the same speed whatever `fps` is."""
        if self.length is not None and self._next >= self.length:
            return END
        picture, *truth = self._scene.frame(round(self._next * FRAMES_PER_SECOND / self.fps))
        self._next += 1
        boxes_known = isinstance(self._scene, Scene)
        return Shot(Status.FRAME, picture, Truth(*truth, CLASS_NAMES) if boxes_known else None)

    def skip(self, count: int) -> int:
        """Pass over `count` frames without drawing them."""
        passed = count if self.length is None else min(count, self.length - self._next)
        self._next += passed
        return passed

    def rewind(self) -> None:
        """Back to frame 0."""
        self._next = 0


def _options(uri: str, query: str) -> dict:
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(given) - set(_DEFAULTS))
    if unknown:
        raise SourceError(f"{uri}: no option {unknown[0]!r}", hint=f"options: {', '.join(_DEFAULTS)}; {_EXAMPLE}")
    text = {**_DEFAULTS, **given}
    match = re.fullmatch(r"(\d+)[xX](\d+)", text["size"])
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(64 <= side <= 4096 for side in size):
        raise SourceError(f"{uri}: size {text['size']!r} must be WIDTHxHEIGHT, each 64 to 4096", hint=_EXAMPLE)
    return {
        "size": size,
        "seed": int(_number(uri, "seed", text["seed"], 0, 2**31 - 1, whole=True)),
        "noise": _number(uri, "noise", text["noise"], 0, 100),
        "fps": _number(uri, "fps", text["fps"], 0.1, 1000),
        "frames": int(_number(uri, "frames", text["frames"], 1, 10**9, whole=True)) if text["frames"] else None,
    }


def _number(uri: str, name: str, text: str, low: float, high: float, whole: bool = False) -> float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        kind = "whole number" if whole else "number"
        raise SourceError(f"{uri}: {name} {text!r} must be a {kind} from {low} to {high}", hint=_EXAMPLE)
    return value
