"""The video of a command: what --source names, or the synthetic scene at a size that suits the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from edgeskip.core.contract import Preparation
    from edgeskip.graph.skip_model import SkipModel

DEFAULT_SCENE = "street"
SHOWN_WIDTH = 720


def scene_uri(preparation: Preparation, scale: int = 1, seed: int = 1, scene: str = DEFAULT_SCENE) -> str:
    """URI of a synthetic scene of `scale` times the network's own input size."""
    width, height = (scale * side for side in preparation.size)
    return f"synthetic:{scene}?seed={seed}&size={width}x{height}"


def shown_scene_uri(preparation: Preparation) -> str:
    """URI of a synthetic scene that is sharp on a screen, also for a network with a small input."""
    return scene_uri(preparation, max(1, -(-SHOWN_WIDTH // preparation.size[0])))


def picture_preparation(model: SkipModel) -> Preparation:
    """Preparation of the picture input. Raises ModelError where the model has none, or several inputs."""
    from edgeskip.evaluate.frames import picture_input

    return picture_input(model)[1]


@contextmanager
def open_pictures(uri: str, start: int, frames: int | None) -> Iterator[Iterator[np.ndarray]]:
    """The BGR pictures of a source, without their numbers. Raises SourceError."""
    from edgeskip.video import open_source

    with open_source(uri, start, frames) as source:
        yield (frame.picture for frame in source)
