"""An engine file as the runner sees it: its description, and the model it was made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.plugin_build import VARIABLE, plugin_path
from edgeskip.backends.tensorrt.sidecar import Here, Sidecar, read_sidecar, require_fitting, sidecar_path
from edgeskip.backends.tensorrt.versions import parse_version
from edgeskip.core.contract import StatePair
from edgeskip.graph.outline import model_of_outline
from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class StateRecord:
    """A state of the engine: its tensors and start value, and whether one buffer may be read and written."""

    pair: StatePair
    in_place: bool


@dataclass(frozen=True)
class EnginePlan:
    """Engine and description."""

    path: Path
    sidecar: Sidecar

    @classmethod
    def read(cls, path: Path) -> EnginePlan:
        """Read the description of engine `path`. Raises TensorRTError."""
        return cls(path, read_sidecar(path))

    def model(self) -> SkipModel:
        """The skip model without its weights. Raises TensorRTError, ContractError."""
        if not self.sidecar.outline:
            raise errors.broken_sidecar(str(sidecar_path(self.path)), "it does not hold the outline of the model")
        model = model_of_outline(self.sidecar.outline, str(self.path))
        model.engine = str(self.path)
        return model

    def require_streams(self, streams: int) -> None:
        """Raises TensorRTError where the engine does not run so many."""
        smallest, largest = self.sidecar.profile["min"], self.sidecar.profile["max"]
        if not smallest <= streams <= largest:
            raise errors.batch_outside_profile(str(self.path), streams, smallest, largest, self.sidecar.model)

    def require_fitting(self, here: Here, streams: int) -> None:
        """Raises TensorRTError unless the engine runs on this machine."""
        require_fitting(self.sidecar, self.path, here, streams)

    @property
    def plugin(self) -> Path:
        """The plugin library that the engine was built with."""
        return Path(str(self.sidecar.plugin.get("path", "")))

    def plugin_here(self, tensorrt: str, architecture: str) -> Path:
        """The library to load: EDGESKIP_TENSORRT_PLUGIN, the one that the engine was built with, or where that is gone
        (an engine that came from another folder or user) the one that was compiled here."""
        if not os.environ.get(VARIABLE) and self.plugin.is_file():
            return self.plugin
        return plugin_path(parse_version(tensorrt), architecture) or self.plugin

    @property
    def precision(self) -> str:
        """ "f32" or "f16", as --precision has them."""
        return self.sidecar.precision.replace("fp", "f")

    @cached_property
    def states(self) -> list[StateRecord]:
        """The states in order."""
        return [
            StateRecord(StatePair(state["input"], state["output"], state["start"]), bool(state["in_place"]))
            for state in self.sidecar.lowering["states"]
        ]

    @cached_property
    def masks(self) -> list[str]:
        """Masks that the engine gives."""
        return [entry["name"] for entry in self.sidecar.lowering["masks"]]

    @cached_property
    def outputs(self) -> list[str]:
        """The dense network's outputs."""
        return [entry["name"] for entry in self.sidecar.lowering["outputs"]]

    @cached_property
    def layers(self) -> dict[str, tuple[str, str]]:
        """Who runs a convolution, by the dense name of its output: "plugin" or "tensorrt", and why."""
        return {entry["name"]: (entry["where"], entry["reason"]) for entry in self.sidecar.lowering["layers"]}
