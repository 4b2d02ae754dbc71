"""Engines made on the way: a skip model that is run with TensorRT is built once, and kept."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.build_options import BuildOptions, Streams
from edgeskip.backends.tensorrt.device import chosen_gpu, look_for_driver, open_device
from edgeskip.backends.tensorrt.engine_build import make_engine
from edgeskip.backends.tensorrt.module import load_tensorrt
from edgeskip.backends.tensorrt.options import RunnerOptions
from edgeskip.backends.tensorrt.plan import EnginePlan
from edgeskip.backends.tensorrt.plugin_build import plugin_path
from edgeskip.backends.tensorrt.policy import Policy, choose_layers, known_shares
from edgeskip.backends.tensorrt.sidecar import model_hash
from edgeskip.backends.tensorrt.versions import parse_version
from edgeskip.core.files import make_folder
from edgeskip.core.folders import cache_folder
from edgeskip.graph.skip_model import SkipModel

_notices = logging.getLogger("edgeskip")


def engine_for(model: SkipModel, streams: int, options: RunnerOptions) -> EnginePlan:
    """An engine of `model` for this machine, from the cache or built now, which takes minutes and is said in the log.

    Raises:
        TensorRTError: no device, no TensorRT, no plugin library, or TensorRT builds no engine.
    """
    driver = look_for_driver()
    trt = load_tensorrt(driver)
    gpu = chosen_gpu(driver, options.device)
    library = plugin_path(parse_version(trt.__version__), gpu.architecture)
    if library is None:
        raise errors.plugin_missing(f"for TensorRT {trt.__version__} and {gpu.architecture}")
    precision = options.precision.replace("f", "fp")
    parts = (model_hash(model), trt.__version__, gpu.name, gpu.architecture, str(library), _stamp(library),
             precision, str(streams))  # fmt: skip
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    engine = cache_folder() / "engines" / f"{_stem(model)}-{precision}-{digest}.engine"
    known = _known(engine)
    if known is not None:
        return known
    _notices.warning(
        "note: building a TensorRT engine of %s, once; it takes minutes and goes to %s",
        model.file or "the model",
        engine,
    )
    policy = Policy(capability=gpu.compute_capability, precision=precision, streams=streams, active=known_shares(model))
    make_folder(engine.parent)
    build = BuildOptions(precision, Streams(streams, streams, streams))
    device = open_device(options.device)  # TensorRT builds for the GPU whose context is current
    try:
        with device.current():
            make_engine(trt, gpu, driver, model, engine, library, choose_layers(model, policy), build)
    finally:
        device.close()
    return EnginePlan.read(engine)


def _known(engine: Path) -> EnginePlan | None:
    """The engine where it is whole."""
    try:
        return EnginePlan.read(engine)
    except errors.TensorRTError:
        return None


def _stamp(library: Path) -> str:
    """Changes when the library is compiled anew; a library that is not there is told later, by who loads it."""
    try:
        return str(library.stat().st_mtime_ns)
    except OSError:
        return ""


def _stem(model: SkipModel) -> str:
    return Path(model.file).name.split(".")[0] or "model"
