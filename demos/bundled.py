"""The bundled network, and the description that lies beside a dense network as a JSON file.

`NAME.json` beside `NAME.onnx` holds `task` (`name`, `labels`, `parameters`) and `preparation` (the fields of
`edgeskip.core.contract.Preparation`); other keys are for people.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError

if TYPE_CHECKING:
    from edgeskip.graph.skip_model import SkipModel

NAME = "edgeskip_tiny"


def bundled_path() -> Path:
    """The dense network that comes with edgeskip. Raises ModelError where this installation lacks it."""
    path = Path(__file__).resolve().parent / "models" / f"{NAME}.onnx"
    if not path.is_file():
        raise ModelError(
            f"the bundled network is missing: {path}",
            hint="install edgeskip again, or name a network: edgeskip demo --model MODEL",
        )
    return path


def read_description(network: Path) -> tuple[Preparation, Task] | None:
    """What the JSON file beside `network` says, None where there is no such file.

    Raises:
        ModelError: the file is there and broken.
    """
    path = network.with_suffix(".json")
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if "preparation" not in record or "task" not in record:
            return None  # somebody else's file
        return _preparation(record["preparation"]), _task(record["task"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"{path}: it should describe {network.name} and can't be read: {error}",
            hint="mend or move the file; --task and the picture options describe a network too",
        ) from error


def _preparation(record: dict) -> Preparation:
    sequences = {key: tuple(record[key]) for key in ("size", "mean", "scale") if key in record}
    return Preparation(**{**record, **sequences})


def _task(record: dict) -> Task:
    return Task(record["name"], tuple(record.get("labels", ())), dict(record.get("parameters", {})))


def bundled_model(tolerance: float = 0.06, frames: int = 8) -> SkipModel:
    """The bundled network as a skip model, its activation ranges from `frames` frames of the street scene.

    Raises:
        ModelError: this installation lacks the network or its description.
    """
    from edgeskip.export.dense import export_dense
    from edgeskip.video import open_source, prepare

    path = bundled_path()
    described = read_description(path)
    if described is None:
        raise ModelError(f"{path}: its description is missing", hint="install edgeskip again")
    preparation, task = described
    width, height = preparation.size
    uri = f"synthetic:street?seed=1&size={width}x{height}"
    with open_source(uri, frames=frames) as source:
        arrays = [prepare(frame.picture, preparation)[0] for frame in source]
    description = f"{frames} frames of {uri}"
    model = export_dense(path, preparation, task, arrays, tolerance=tolerance, source_description=description)
    model.file = model.file or str(path)
    return model
