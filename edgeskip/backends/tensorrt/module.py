"""The Python module `tensorrt`, touched only where a device is: without one its Runtime ends the process."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.device.probe import DriverState, look_for_driver
from edgeskip.backends.tensorrt.versions import require_supported


def load_tensorrt(driver: DriverState | None = None) -> Any:
    """The module, of a version that edgeskip has a plugin for.

    Raises:
        TensorRTError: no device, not installed, its libraries are missing, or another version.
    """
    driver = driver or look_for_driver()
    if driver.problem:
        raise errors.no_device(driver.problem)
    try:
        trt = import_module("tensorrt")
    except ModuleNotFoundError as error:
        raise errors.not_installed() from error
    except (ImportError, OSError) as error:  # the module is there, a library is not
        raise errors.not_installed(str(error)) from error
    require_supported(trt.__version__)
    return trt


def make_log(trt: Any, report: Any = None) -> Any:
    """A logger that keeps TensorRT's errors in `errors` and its warnings in `warnings`, newest last.

    `report` is called with each message of these two kinds; nothing is printed.
    """

    class Log(trt.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []
            self.warnings: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            kinds = trt.ILogger.Severity
            if severity in (kinds.ERROR, kinds.INTERNAL_ERROR):
                self.errors.append(message)
            elif severity == kinds.WARNING:
                self.warnings.append(message)
            else:
                return
            if report is not None:
                report(message)

    return Log()


def start_tensorrt(make: Any, log: Any) -> Any:
    """`make(log)`, where `make` is trt.Builder or trt.Runtime: both raise TypeError where CUDA refuses them.

    Raises:
        TensorRTError: an old driver, no memory left; with what TensorRT said.
    """
    try:
        return make(log)
    except (TypeError, RuntimeError) as error:
        raise errors.not_started("; ".join(log.errors[-2:]) or str(error)) from error


def load_plugins(trt: Any, library: str, log: Any) -> None:
    """Register the plugins of `library`, once per process. Raises TensorRTError."""
    from edgeskip.backends.tensorrt.lowering.names import OPS, PLUGIN_NAMESPACE, PLUGIN_VERSION
    from edgeskip.backends.tensorrt.versions import plugin_creator

    registry = trt.get_plugin_registry()

    def missing() -> list[str]:
        return [name for name in OPS if plugin_creator(registry, name, PLUGIN_VERSION, PLUGIN_NAMESPACE) is None]

    if not missing():
        return
    try:
        handle = registry.load_library(library)
    except RuntimeError as error:
        raise errors.plugin_unloadable(library, str(error)) from error
    if handle is None:
        raise errors.plugin_unloadable(library, "; ".join(log.errors[-2:]) or "TensorRT gave no reason")
    if missing():
        raise errors.plugin_unloadable(library, f"it brings no {', '.join(missing())}")
