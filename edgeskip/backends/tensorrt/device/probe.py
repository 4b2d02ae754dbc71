"""What the driver says, asked by ctypes alone: before this no CUDA library and no TensorRT may be touched."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

from edgeskip.backends.tensorrt import errors

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_COMPUTE_MAJOR, _COMPUTE_MINOR, _INTEGRATED = 75, 76, 18  # CUdevice_attribute
_MEANINGS = {
    34: "the driver is a stub library, not a driver",
    35: "the driver is too old",
    100: "the driver sees no device",
    101: "the device is not a valid one",
    802: "the system's GPUs are not ready yet",
    803: "the kernel's driver module and libcuda.so are of different versions; restart the machine",
    804: "this GPU does not run a newer CUDA than its driver",
    999: "the driver's module is not loaded, or the device files can't be opened",
}


@dataclass(frozen=True)
class GpuState:
    """One GPU: its name, compute capability such as (8, 7), memory in bytes, and whether it shares the CPU's memory."""

    name: str
    compute_capability: tuple[int, int]
    memory_bytes: int
    integrated: bool = False

    @property
    def architecture(self) -> str:
        """Such as "sm_87"."""
        return f"sm_{self.compute_capability[0]}{self.compute_capability[1]}"


@dataclass(frozen=True)
class DriverState:
    """`problem`: one line why no GPU can be used, "" where one can. `version`: newest CUDA that the driver runs."""

    problem: str
    version: tuple[int, int] | None = None
    gpus: tuple[GpuState, ...] = ()


def look_for_driver() -> DriverState:
    """Load the driver, start it, and list its devices. Never raises."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return DriverState(f"no NVIDIA driver ({LIBRARY})")
    status = library.cuInit(0)
    if status != 0:
        meaning = _MEANINGS.get(status, "")
        return DriverState(f"cuInit fails with error {status}" + (f": {meaning}" if meaning else ""))
    gpus = _gpus(library)
    return DriverState("" if gpus else "the driver sees no device", _version(library), gpus)


def chosen_gpu(driver: DriverState, ordinal: int) -> GpuState:
    """GPU number `ordinal`. Raises TensorRTError where there is none."""
    if driver.problem:
        raise errors.no_device(driver.problem)
    if not 0 <= ordinal < len(driver.gpus):
        raise errors.no_device(f"device {ordinal} was asked for, there are {len(driver.gpus)}")
    return driver.gpus[ordinal]


def _version(library: ctypes.CDLL) -> tuple[int, int]:
    version = ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(version))
    return version.value // 1000, version.value % 1000 // 10


def _gpus(library: ctypes.CDLL) -> tuple[GpuState, ...]:
    count = ctypes.c_int()
    if library.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return ()
    return tuple(_gpu(library, index) for index in range(count.value))


def _gpu(library: ctypes.CDLL, index: int) -> GpuState:
    device, name, memory = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_size_t()
    if library.cuDeviceGet(ctypes.byref(device), index) != 0:
        return GpuState("a device that can't be opened", (0, 0), 0)
    library.cuDeviceGetName(name, len(name), device)
    library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    major, minor = (_attribute(library, device, which) for which in (_COMPUTE_MAJOR, _COMPUTE_MINOR))
    integrated = bool(_attribute(library, device, _INTEGRATED))
    return GpuState(name.value.decode(errors="replace"), (major, minor), memory.value, integrated)


def _attribute(library: ctypes.CDLL, device: ctypes.c_int, which: int) -> int:
    value = ctypes.c_int()
    library.cuDeviceGetAttribute(ctypes.byref(value), which, device)
    return value.value
