"""From a skip model to an engine on the disk with its description."""

from __future__ import annotations

import ctypes
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

import edgeskip
from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.build_options import BuildOptions
from edgeskip.backends.tensorrt.builder import build_engine
from edgeskip.backends.tensorrt.choice import LayerChoice
from edgeskip.backends.tensorrt.device.probe import DriverState, GpuState
from edgeskip.backends.tensorrt.library import require_library_fits
from edgeskip.backends.tensorrt.lowering import LoweringOptions, lower
from edgeskip.backends.tensorrt.progress import Report
from edgeskip.backends.tensorrt.sidecar import Sidecar, model_hash, sidecar_path, write_engine
from edgeskip.graph.outline import outline
from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class EngineResult:
    """What was written. `state_bytes` of one stream."""

    engine: Path
    description: Path
    sidecar: Sidecar
    seconds: float
    known_timings: bool
    plan_bytes: int
    state_bytes: int
    warnings: tuple[str, ...]


def make_engine(
    trt: Any, gpu: GpuState, driver: DriverState, model: SkipModel, output: Path, library: Path,
    choices: Mapping[str, LayerChoice], options: BuildOptions, report: Report | None = None,
) -> EngineResult:  # fmt: skip
    """Lower `model`, build it on `gpu`, write engine and description.

    Raises:
        TensorRTError: the plugins do not fit, or TensorRT builds no engine.
        OutputError: the files can't be written.
    """
    plugin = library_record(library, trt.__version__, gpu)
    lowered = lower(model, LoweringOptions(options.precision, alias_state=options.alias_state, choices=choices))
    built = build_engine(trt, lowered, library, gpu, options, report)
    sidecar = Sidecar(
        model=model.file,
        model_hash=model_hash(model),
        engine_hash=hashlib.sha256(built.plan).hexdigest(),
        tensorrt=trt.__version__,
        cuda=".".join(map(str, driver.version or ())),
        gpu={"name": gpu.name, "compute_capability": list(gpu.compute_capability)},
        plugin=plugin,
        profile={"min": options.streams.smallest, "opt": options.streams.best, "max": options.streams.largest},
        precision=options.precision,
        contract=json.loads(model.metadata.to_json()),
        lowering=lowered.record,
        outline=outline(model),
        options={**asdict(options), "streams": None},
        generator=f"edgeskip {edgeskip.__version__}",
    )
    write_engine(output, built.plan, sidecar)
    size = sum(prod(state["shape"][1:]) * np.dtype(state["dtype"]).itemsize for state in lowered.record["states"])
    return EngineResult(
        output, sidecar_path(output), sidecar, built.seconds, built.known_timings, len(built.plan), size, built.warnings
    )


def library_record(library: Path, tensorrt: str, gpu: GpuState) -> dict[str, Any]:
    """What the plugin library says of itself, with its path; it has to fit TensorRT and the GPU.

    Raises:
        TensorRTError: missing, not loadable, or built for another TensorRT or GPU.
    """
    if not library.is_file():
        raise errors.plugin_missing(str(library))
    try:
        functions = ctypes.CDLL(str(library))
        functions.edgeskip_library_info.restype = ctypes.c_char_p
        record = json.loads(functions.edgeskip_library_info())
    except (OSError, AttributeError, ValueError, TypeError) as error:
        raise errors.plugin_unloadable(str(library), str(error)) from error
    require_library_fits(record, str(library), tensorrt, gpu)
    return {**record, "path": str(library)}
