"""A picture as a PNG file, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgeskip.core.files import write_bytes


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write the BGR `picture` to `path`. Raises OutputError."""
    good, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert good, "PNG encodes any uint8 picture"
    write_bytes(path, data.tobytes())
