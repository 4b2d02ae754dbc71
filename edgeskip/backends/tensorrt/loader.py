"""The TensorRT backend: whether device, library and plugins are here, and its runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeskip.backends.base import Backend, Runner
from edgeskip.backends.tensorrt.environment import missing, plugins_missing
from edgeskip.backends.tensorrt.options import RunnerOptions
from edgeskip.core.errors import ModelError
from edgeskip.graph.skip_model import SkipModel


class TensorRtBackend(Backend):
    """Runs engines in which our plugins compute changed pixels only; builds one where it is given a skip model."""

    name = "tensorrt"
    description = "NVIDIA GPUs: TensorRT with plugins that compute changed pixels only"
    builds_first = True

    def unavailable_reason(self) -> str | None:
        """The first that is missing of driver, binding, TensorRT and plugin library; None where all is here."""
        return missing() or plugins_missing()

    def refusal(self, model: SkipModel) -> str | None:
        """Why `model` can't be built, as far as that is known without building it."""
        if model.engine:
            return None
        from edgeskip.backends.tensorrt.choice import settle

        try:
            settle(model, {})
        except ModelError as error:
            return error.message
        return None

    def create_runner(self, model: SkipModel, *, streams: int = 1, threads: int = 1, **options: Any) -> Runner:
        """A runner for `model`; one that is no engine yet is built first, once (see `engine_cache`).

        Options: `precision` ("f32" or "f16", of an engine that is built on the way), `profile` (times per layer),
        `state` ("auto", "in_place", "ping_pong"), `graph` (launch frames as a CUDA graph), `device` (number of
        the GPU). `threads` is for the interface only: the GPU computes.

        Raises:
            BackendError: an option is unknown, the engine does not fit this machine, or it can't be built.
        """
        from edgeskip.backends.tensorrt.engine_cache import engine_for
        from edgeskip.backends.tensorrt.plan import EnginePlan
        from edgeskip.backends.tensorrt.runner import TensorRtRunner

        chosen = RunnerOptions.checked(options)
        plan = EnginePlan.read(Path(model.engine)) if model.engine else engine_for(model, streams, chosen)
        return TensorRtRunner(model, plan, streams=streams, options=chosen)


def is_engine(path: Path) -> bool:
    """Whether `path` names an engine: by its suffix, or by the description beside it."""
    return path.suffix in (".engine", ".plan", ".trt") or path.with_name(f"{path.name}.json").is_file()


def load_engine_model(path: Path) -> SkipModel:
    """The model of an engine, without its weights; only the tensorrt backend runs it. Raises TensorRTError."""
    from edgeskip.backends.tensorrt.plan import EnginePlan

    return EnginePlan.read(path).model()
