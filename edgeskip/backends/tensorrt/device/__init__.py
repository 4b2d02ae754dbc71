"""The only door to the driver: memory, streams, events and graphs of one GPU, through pycuda or cuda-bindings."""

from __future__ import annotations

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.device.interface import CaptureRefused, Device, Event, Stream
from edgeskip.backends.tensorrt.device.probe import DriverState, GpuState, chosen_gpu, look_for_driver

__all__ = [
    "CaptureRefused",
    "Device",
    "DriverState",
    "Event",
    "GpuState",
    "Stream",
    "binding_name",
    "chosen_gpu",
    "look_for_driver",
    "open_device",
]


def open_device(ordinal: int = 0) -> Device:
    """GPU number `ordinal`, in the context that TensorRT uses too. The driver is asked first, then a binding is loaded.

    Raises:
        TensorRTError: no driver, no such device, or neither pycuda nor cuda-bindings is installed.
    """
    chosen_gpu(look_for_driver(), ordinal)
    binding = binding_name()
    if binding == "pycuda":
        from edgeskip.backends.tensorrt.device.through_pycuda import PycudaDevice

        return PycudaDevice(ordinal)
    if binding == "cuda-bindings":
        from edgeskip.backends.tensorrt.device.through_bindings import BindingsDevice

        return BindingsDevice(ordinal)
    raise errors.no_binding()


def binding_name() -> str | None:
    """The Python binding of the driver that is installed, the preferred one first; nothing is imported."""
    from importlib.util import find_spec

    for name, module in (("pycuda", "pycuda"), ("cuda-bindings", "cuda.bindings")):
        try:
            if find_spec(module) is not None:
                return name
        except (ImportError, ValueError):
            continue
    return None
