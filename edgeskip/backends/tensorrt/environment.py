"""Whether TensorRT can be used here, in one line: driver, binding, TensorRT, plugin library, asked in this order."""

from __future__ import annotations

from importlib.util import find_spec

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.device import binding_name, look_for_driver
from edgeskip.backends.tensorrt.module import load_tensorrt


def missing() -> str | None:
    """What is missing, None where driver, binding and TensorRT are there. TensorRT is touched behind a device only."""
    state = look_for_driver()
    if state.problem:
        return f"no CUDA device: {state.problem}"
    if find_spec("tensorrt") is None:
        return "the Python module tensorrt is not installed"
    if binding_name() is None:
        return "neither pycuda nor cuda-bindings is installed"
    try:
        load_tensorrt(state)
    except errors.TensorRTError as error:
        return error.message
    return None


def plugins_missing() -> str | None:
    """One line where there is no plugin library for the TensorRT and the GPU here; asked behind `missing`."""
    from edgeskip.backends.tensorrt.plugin_build import plugin_path
    from edgeskip.backends.tensorrt.versions import parse_version

    state = look_for_driver()
    trt = load_tensorrt(state)
    architecture = state.gpus[0].architecture
    path = plugin_path(parse_version(trt.__version__), architecture)
    if path is None:
        where = f"TensorRT {trt.__version__} and {architecture}"
        return f"no plugin library for {where}; compile it once: edgeskip build --plugins-only"
    return None if path.is_file() else f"there is no plugin library {path}"
