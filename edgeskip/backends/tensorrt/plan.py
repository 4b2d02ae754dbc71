"""An engine's description as the runner needs it, and the checks that it fits this machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeskip.backends.tensorrt import errors
from edgeskip.core.contract import StatePair
from edgeskip.graph.outline import model_of_outline
from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class StateRecord:
    """A state of the engine: its tensors, start value, and whether one buffer may be read and written."""

    pair: StatePair
    in_place: bool


@dataclass(frozen=True)
class LayerRecord:
    """Who runs a convolution, "plugin" or "tensorrt", and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class EnginePlan:
    """What is known of an engine without loading it.

    `streams`: smallest and largest batch. `compute_capability` such as (8, 7). `plugin`: path of the library it was
    built with, `plugin_hash` the hash of its source. `source` names the model for messages.
    """

    path: Path
    streams: tuple[int, int]
    tensorrt: str
    gpu: str
    compute_capability: tuple[int, int]
    plugin: Path
    plugin_hash: str
    precision: str
    source: str
    states: list[StateRecord]
    masks: list[str]
    outputs: list[str]
    layers: dict[str, LayerRecord]
    outline: dict[str, Any]

    def model(self) -> SkipModel:
        """The skip model without its weights. Raises ContractError."""
        return model_of_outline(self.outline, str(self.path))

    @property
    def digest(self) -> str:
        """sha256 of the engine file. Raises TensorRTError."""
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise errors.engine_unloadable(str(self.path), error.strerror or str(error)) from error

    def require_streams(self, streams: int) -> None:
        """Raises TensorRTError where the engine does not run so many."""
        if not self.streams[0] <= streams <= self.streams[1]:
            raise errors.batch_outside_profile(str(self.path), streams, *self.streams, self.source)

    def require_tensorrt(self, version: str) -> None:
        """Raises TensorRTError where the engine was built by another TensorRT."""
        if version != self.tensorrt:
            raise errors.engine_mismatch(str(self.path), "TensorRT", self.tensorrt, version, self.source)

    def require_gpu(self, name: str, compute_capability: tuple[int, int]) -> None:
        """Raises TensorRTError where the engine was built for another GPU."""
        if compute_capability != self.compute_capability or name != self.gpu:
            built, here = (
                f"{gpu} (sm_{major}{minor})"
                for gpu, (major, minor) in ((self.gpu, self.compute_capability), (name, compute_capability))
            )
            raise errors.engine_mismatch(str(self.path), "the GPU", built, here, self.source)

    def require_plugin(self, source_hash: str) -> None:
        """Raises TensorRTError where the plugin library is not the one that the engine was built with."""
        if source_hash != self.plugin_hash:
            raise errors.engine_mismatch(
                str(self.path), "plugin library", self.plugin_hash[:12], source_hash[:12], self.source
            )
