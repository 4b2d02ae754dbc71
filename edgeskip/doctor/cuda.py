"""NVIDIA driver, its devices and TensorRT. Without a device TensorRT is not touched: it crashes there."""

from __future__ import annotations

import ctypes
import subprocess
import sys

from edgeskip.doctor.finding import Finding
from edgeskip.doctor.packages import installed_version

_GROUP = "cuda"
_COMPUTE_MAJOR, _COMPUTE_MINOR = 75, 76  # CUdevice_attribute


def cuda_findings() -> list[Finding]:
    """Findings about the driver, each device, and TensorRT's Python module."""
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError:
        driver = Finding(
            _GROUP, "driver", False, "no NVIDIA driver (libcuda.so.1)", "install NVIDIA's driver for a GPU"
        )
        return [driver, _tensorrt(False)]
    status = library.cuInit(0)
    if status != 0:
        detail = f"cuInit fails with error {status}"
        return [Finding(_GROUP, "driver", False, detail, "check the driver: nvidia-smi"), _tensorrt(False)]
    devices = _devices(library)
    driver = Finding(_GROUP, "driver", True, f"CUDA {_driver_version(library)}, {len(devices)} devices")
    return [driver, *devices, _tensorrt(bool(devices))]


def _driver_version(library: ctypes.CDLL) -> str:
    version = ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(version))
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def _devices(library: ctypes.CDLL) -> list[Finding]:
    count = ctypes.c_int()
    if library.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return []
    return [Finding(_GROUP, f"device {index}", True, _device(library, index)) for index in range(count.value)]


def _device(library: ctypes.CDLL, index: int) -> str:
    device, name = ctypes.c_int(), ctypes.create_string_buffer(256)
    major, minor, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    if library.cuDeviceGet(ctypes.byref(device), index) != 0:
        return "can't be opened"
    library.cuDeviceGetName(name, len(name), device)
    library.cuDeviceGetAttribute(ctypes.byref(major), _COMPUTE_MAJOR, device)
    library.cuDeviceGetAttribute(ctypes.byref(minor), _COMPUTE_MINOR, device)
    library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    return f"{name.value.decode(errors='replace')}, sm_{major.value}{minor.value}, {memory.value / 2**30:.1f} GiB"


def _tensorrt(usable: bool) -> Finding:
    installed = installed_version("tensorrt", ("tensorrt", "tensorrt-cu12", "tensorrt-cu13"))
    if not usable:
        detail = f"{installed}, no CUDA device to use it" if installed else "no CUDA device to use it"
        return Finding(_GROUP, "tensorrt", False, detail)
    if installed is None:
        return Finding(_GROUP, "tensorrt", False, "not installed", 'pip install "edgeskip[tensorrt]"')
    version = _version_by_import()
    if version is None:
        return Finding(_GROUP, "tensorrt", False, f"{installed}, import fails", "python -c 'import tensorrt' says why")
    return Finding(_GROUP, "tensorrt", True, version)


def _version_by_import() -> str | None:
    """Version that the module itself gives, from a process of its own: a crash there is only a None here."""
    command = [sys.executable, "-c", "import tensorrt; print(tensorrt.__version__)"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
