"""A network and the pictures that it is measured on, from the options that the measuring commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from edgeskip.cli.networks import ExportChoices, Network


@dataclass(frozen=True)
class Clip:
    """`pictures` of `uri` for `network`; `advance` moves the progress bar by a frame."""

    network: Network
    uri: str
    pictures: Iterator[np.ndarray]
    advance: Callable[..., None]


@contextmanager
def open_clip(
    model: str, source: str | None, choices: ExportChoices, start: int, frames: int, warmup: int
) -> Iterator[Clip]:
    """`warmup + frames` pictures of `source`, or of the synthetic scene. Raises ModelError, SourceError."""
    from edgeskip.cli.console import progress
    from edgeskip.cli.networks import open_network
    from edgeskip.cli.sources import open_pictures, picture_preparation, scene_uri

    network = open_network(model, choices)
    uri = source if source is not None else scene_uri(picture_preparation(network.model))
    with open_pictures(uri, start, frames + warmup) as pictures, progress("frames", frames) as advance:
        yield Clip(network, uri, pictures, advance)
