"""What has to be there before an engine runs: driver, TensorRT, plugin library. Each is asked in this order."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.device import binding_name, look_for_driver


def load_tensorrt() -> Any:
    """The module `tensorrt`, of a version that edgeskip knows; only behind a driver with a device.

    Raises:
        TensorRTError: not installed, not loadable, or of an unsupported version.
    """
    try:
        import tensorrt
    except (ImportError, OSError, RuntimeError) as error:
        raise errors.not_installed(str(error)) from error
    require_supported(str(tensorrt.__version__))
    return tensorrt


def require_supported(version: str) -> None:
    """Raises TensorRTError where there is no plugin for TensorRT `version`."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    if len(numbers) < 2 or not (numbers == [8, 6] or (10, 3) <= tuple(numbers) < (12, 0)):
        raise errors.unsupported_version(version)


def missing() -> str | None:
    """One line why TensorRT can't be used here, None where driver, binding and TensorRT are there."""
    state = look_for_driver()
    if state.problem:
        return f"no CUDA device: {state.problem}"
    if find_spec("tensorrt") is None:
        return "the Python module tensorrt is not installed"
    if binding_name() is None:
        return "neither pycuda nor cuda-bindings is installed"
    try:
        load_tensorrt()
    except errors.TensorRTError as error:
        return error.message
    return None


def new_log(trt: Any) -> Any:
    """A logger that prints nothing and keeps the last errors and warnings in `errors`."""

    class Log(trt.ILogger):
        """TensorRT's messages."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            """Keep what went wrong."""
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors = [*self.errors[-9:], message]

    return Log()
