"""How much of each layer a clip makes active: what a cost model needs to know before an engine is built."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edgeskip.backends.registry import choose
from edgeskip.core.errors import InputError
from edgeskip.evaluate.frames import picture_input
from edgeskip.graph.skip_model import SkipModel


def active_shares(model: SkipModel, pictures: Iterable[np.ndarray], threads: int = 1) -> dict[str, float]:
    """Layer (dense name) to its mean share of active pixels over `pictures` (BGR), the first one left out.

    Raises:
        ModelError: the network does not take one picture.
        InputError: there are fewer than two pictures.
    """
    picture_input(model)
    pixels = {info.name: info.pixels for info in model.convolutions}
    totals, frames = dict.fromkeys(pixels, 0), -1
    # not on the device: what TensorRT computes densely there would count as active
    backend, _ = choose("auto", model, at_once=True)
    with backend.create_runner(model, threads=threads) as runner:
        for picture in pictures:
            active = runner.infer_picture(picture).active_pixels
            frames += 1
            if frames:  # the first frame computes everything
                for name in totals:
                    totals[name] += active.get(name, pixels[name])
    if frames < 1:
        raise InputError("a clip of one picture does not tell what changes", hint="give a longer one with --video")
    return {name: totals[name] / (frames * pixels[name]) for name in totals}
