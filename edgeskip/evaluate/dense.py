"""The dense network beside a skip model: a file that the user gives, or the model with its gates taken out."""

from __future__ import annotations

from pathlib import Path

from edgeskip.core.errors import ModelError
from edgeskip.graph.skip_model import SkipModel


def dense_bytes(model: SkipModel, file: str | Path | None = None) -> bytes:
    """ONNX bytes of the dense network: `file` where given, else the dense equivalent of `model`.

    Raises:
        ModelError: `file` can't be read, or `model` is an engine and no file is given.
    """
    if file is None and model.engine:
        raise ModelError(
            f"{model.file}: an engine holds no weights that the dense network could be made of",
            hint="name the network that it was made of: --dense NETWORK.onnx",
        )
    if file is None:
        from edgeskip.graph.dense import dense_model

        return dense_model(model).SerializeToString()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ModelError(
            f"can't read the dense network {file}: {error.strerror or error}",
            hint="leave the file out: the skip model holds the dense network too",
        ) from error


def require_outputs(model: SkipModel, outputs: list[str], file: str | Path | None) -> None:
    """Raises ModelError where the dense network lacks an output of `model`: it is another network."""
    missing = [name for name in model.outputs if name not in outputs]
    if missing:
        raise ModelError(
            f"the dense network {file or ''} has no output {missing[0]!r}, the skip model {model.file} has",
            hint="give the file that the skip model was exported from, or none",
        )
