"""The picture of the README: `python -m edgeskip.demos.picture OUT.png`.

Runs the bundled network on a synthetic scene and writes one frame of the demo as it is drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from edgeskip.backends.registry import choose
from edgeskip.demos.overlay.caption import CaptionValues
from edgeskip.demos.overlay.png import write_png
from edgeskip.demos.overlay.view import View
from edgeskip.demos.session import DemoFrame, Session
from edgeskip.demos.tally import Tally
from edgeskip.evaluate.dense import dense_bytes
from edgeskip.evaluate.frames import picture_input
from edgeskip.evaluate.peers import create_peers
from edgeskip.graph.skip_model import SkipModel
from edgeskip.tasks import create_decoder
from edgeskip.video import open_source

SCENE = "synthetic:street?seed=4&size=960x560"


def render(model: SkipModel, uri: str = SCENE, start: int = 200, frames: int = 140, threads: int = 1) -> np.ndarray:
    """The last of `frames` frames as the demo draws it, uint8 BGR.

    Raises:
        SourceError, ModelError, BackendError: what the demo would raise.
    """
    preparation = picture_input(model)[1]
    backend, _ = choose("auto", model)
    dense = create_peers(["onnxruntime"], dense_bytes(model), threads)[0]
    view, tally = View(preparation), Tally()
    decoder = create_decoder(model.metadata.task, preparation)
    shown: DemoFrame | None = None
    with backend.create_runner(model, threads=threads) as runner, open_source(uri, start, frames) as source:
        session = Session(runner, decoder, preparation, dense.infer, dense_every=3)
        where = f"{backend.name} {getattr(runner, 'level', '')}".strip()
        for frame in source:
            shown = session.step(frame.picture, frame.index)
            tally.add(shown)
            view.history.fractions.append(shown.cost.active_mac_fraction)
    assert shown is not None, "a source that opens has a frame"
    name = Path(model.file).name.removesuffix(".onnx").removesuffix(".skip")
    caption = CaptionValues(name, where, tally.frame_ms, tally.fps, tally.speedup)
    view.history.fractions.pop()  # drawing adds the last one again
    return view.draw(shown.picture, shown.result, shown.stages, caption, shown.cost.active_mac_fraction)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the PNG to write")
    parser.add_argument("--source", default=SCENE, help="what to show (default: %(default)s)")
    parser.add_argument("--start", type=int, default=200, help="first frame")
    parser.add_argument("--frames", type=int, default=140, help="frames that run; the last is drawn")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    from edgeskip.demos.bundled import bundled_model

    picture = render(bundled_model(), options.source, options.start, options.frames, options.threads)
    write_png(options.output, picture)


if __name__ == "__main__":
    main()
