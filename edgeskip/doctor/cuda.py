"""NVIDIA driver, its devices, CUDA toolkit, TensorRT and our plugin library. Without a device TensorRT is not touched:
it crashes there."""

from __future__ import annotations

import subprocess
import sys

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.device import DriverState, binding_name, look_for_driver
from edgeskip.backends.tensorrt.plugin_build import VARIABLE, plugin_path
from edgeskip.backends.tensorrt.toolchain import cuda_version, find_headers, find_nvcc, header_version
from edgeskip.backends.tensorrt.versions import parse_version, require_supported
from edgeskip.core.errors import EdgeskipError
from edgeskip.doctor.finding import Finding
from edgeskip.doctor.packages import installed_version

_GROUP = "cuda"
_BUILD = "edgeskip build --plugins-only"


def cuda_findings() -> list[Finding]:
    """Findings about the driver, each device, the toolkit, TensorRT's Python module and the plugins."""
    state = look_for_driver()
    devices = [
        Finding(_GROUP, f"device {index}", True, f"{gpu.name}, {gpu.architecture}, {gpu.memory_bytes / 2**30:.1f} GiB"
                + (" shared with the CPU" if gpu.integrated else ""))
        for index, gpu in enumerate(state.gpus)
    ]  # fmt: skip
    version = _version_by_import() if not state.problem and installed_version("tensorrt", ()) else None
    tools = [_binding(), _toolkit(), _headers()]
    return [_driver(state), *devices, *tools, _tensorrt(state, version), _plugins(state, version)]


def _driver(state: DriverState) -> Finding:
    if not state.problem:
        version = ".".join(map(str, state.version or ()))
        return Finding(_GROUP, "driver", True, f"CUDA {version}, {len(state.gpus)} devices")
    absent = state.problem.startswith("no NVIDIA driver")
    return Finding(
        _GROUP, "driver", False, state.problem,
        "install NVIDIA's driver for a GPU" if absent else "check the driver: nvidia-smi (Jetson: sudo dmesg)",
    )  # fmt: skip


def _binding() -> Finding:
    name = binding_name()
    remedy = "pip install pycuda (needs the CUDA toolkit), or without a compiler: pip install cuda-bindings"
    return Finding(
        _GROUP, "binding", name is not None, name or "neither pycuda nor cuda-bindings", "" if name else remedy
    )


def _toolkit() -> Finding:
    """nvcc, which compiles the plugins on the device."""
    try:
        nvcc = find_nvcc()
        if nvcc is not None:
            return Finding(_GROUP, "toolkit", True, f"CUDA {'.'.join(map(str, cuda_version(nvcc)))}, {nvcc}")
    except EdgeskipError as error:
        return Finding(_GROUP, "toolkit", False, error.message, error.hint or "")
    remedy = "Jetson: sudo apt install nvidia-jetpack; elsewhere NVIDIA's CUDA toolkit, or set CUDA_HOME to it"
    return Finding(_GROUP, "toolkit", False, "no nvcc; it is needed to compile the plugins, not to run them", remedy)


def _headers() -> Finding:
    """TensorRT's headers, which compile the plugins too."""
    try:
        folder = find_headers()
        if folder is not None:
            return Finding(_GROUP, "headers", True, f"TensorRT {'.'.join(map(str, header_version(folder)))}, {folder}")
    except EdgeskipError as error:
        return Finding(_GROUP, "headers", False, error.message, error.hint or "")
    remedy = f"sudo apt install libnvinfer-headers-dev, or name their folder: {_BUILD} --tensorrt-include FOLDER"
    return Finding(
        _GROUP, "headers", False, "no NvInfer.h; it is needed to compile the plugins, not to run them", remedy
    )


def _tensorrt(state: DriverState, version: str | None) -> Finding:
    installed = installed_version("tensorrt", ("tensorrt", "tensorrt-cu12", "tensorrt-cu13"))
    if state.problem:
        detail = f"{installed}, no CUDA device to use it" if installed else "no CUDA device to use it"
        return Finding(_GROUP, "tensorrt", False, detail)
    if installed is None:
        return Finding(_GROUP, "tensorrt", False, "not installed", errors.not_installed().hint or "")
    if version is None:
        return Finding(_GROUP, "tensorrt", False, f"{installed}, import fails", "python -c 'import tensorrt' says why")
    try:
        require_supported(version)
    except errors.TensorRTError as error:
        return Finding(_GROUP, "tensorrt", False, error.message, error.hint or "")
    return Finding(_GROUP, "tensorrt", True, f"{version}, supported")


def _plugins(state: DriverState, version: str | None) -> Finding:
    """The library that the cache has for this TensorRT and GPU."""
    if state.problem or version is None:
        return Finding(_GROUP, "plugins", False, "a matter of the device and TensorRT above")
    architecture = state.gpus[0].architecture
    path = plugin_path(parse_version(version), architecture)
    if path is None:
        return Finding(_GROUP, "plugins", False, f"none for TensorRT {version} and {architecture}", _BUILD)
    if not path.is_file():
        return Finding(_GROUP, "plugins", False, f"{path} does not exist", f"unset {VARIABLE}, or {_BUILD}")
    return Finding(_GROUP, "plugins", True, str(path))


def _version_by_import() -> str | None:
    """Version that the module itself gives, from a process of its own: a crash there is only a None here."""
    command = [sys.executable, "-c", "import tensorrt; print(tensorrt.__version__)"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
