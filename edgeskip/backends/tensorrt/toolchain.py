"""What compiles the plugins here: nvcc, TensorRT's headers, make and a C++ compiler, each found or named as missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from edgeskip.backends.tensorrt import errors

# the first CUDA whose nvcc knows an architecture
_FIRST_CUDA = {
    87: (11, 5),
    89: (11, 8),
    90: (11, 8),
    100: (12, 8),
    103: (12, 9),
    110: (13, 0),
    120: (12, 8),
    121: (12, 9),
}


@dataclass(frozen=True)
class Toolchain:
    """Where the tools are, and the versions that matter."""

    cuda_home: Path
    nvcc: Path
    cuda: tuple[int, int]
    tensorrt_include: Path
    tensorrt: tuple[int, int, int]


def find_toolchain(include: Path | None = None) -> Toolchain:
    """The tools of this machine; `include` (or TENSORRT_INCLUDE) names the folder of NvInfer.h.

    Raises:
        TensorRTError: one of them is missing; the hint says how it is had.
    """
    nvcc = find_nvcc()
    if nvcc is None:
        raise errors.plugin_build_failed(
            "nvcc, the CUDA compiler, is not found in CUDA_HOME, /usr/local/cuda or PATH", "",
            "Jetson: sudo apt install cuda-toolkit; elsewhere install the CUDA toolkit, or set CUDA_HOME to its folder",
        )  # fmt: skip
    headers = find_headers(include)
    if headers is None:
        raise errors.plugin_build_failed(
            "TensorRT's headers (NvInfer.h) are not found", "",
            "Debian and Jetson: sudo apt install libnvinfer-headers-dev; a tar archive: set TENSORRT_INCLUDE to its "
            "include folder",
        )  # fmt: skip
    for tool, package in (("make", "make"), (os.environ.get("CXX", "g++"), "g++")):
        if shutil.which(tool) is None:
            raise errors.plugin_build_failed(f"{tool} is not installed", "", f"sudo apt install {package}")
    return Toolchain(nvcc.parent.parent, nvcc, cuda_version(nvcc), headers, header_version(headers))


def find_nvcc() -> Path | None:
    """nvcc of CUDA_HOME, of /usr/local/cuda, of the newest /usr/local/cuda-*, or in PATH."""
    newest = sorted(Path("/usr/local").glob("cuda-*"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda", *reversed(newest)]
    for home in filter(None, homes):
        nvcc = Path(home) / "bin/nvcc"
        if nvcc.is_file():
            return nvcc
    found = shutil.which("nvcc")
    return Path(found).resolve() if found else None


def find_headers(include: Path | None = None) -> Path | None:
    """Folder of NvInfer.h: the one given, TENSORRT_INCLUDE, the system's, or that of a pip package."""
    given = include or (Path(os.environ["TENSORRT_INCLUDE"]) if os.environ.get("TENSORRT_INCLUDE") else None)
    if given is not None:
        return given if (given / "NvInferVersion.h").is_file() else None
    folders = [Path(f"/usr/include/{platform.machine()}-linux-gnu"), Path("/usr/include")]
    folders += [Path("/usr/local/tensorrt/include"), Path("/opt/tensorrt/include"), *_package_folders()]
    return next((folder for folder in folders if (folder / "NvInferVersion.h").is_file()), None)


def _package_folders() -> list[Path]:
    folders = []
    for package in ("tensorrt", "tensorrt_libs"):
        spec = find_spec(package)
        for location in (spec.submodule_search_locations or []) if spec else []:
            folders += [Path(location) / "include", Path(location)]
    return folders


def cuda_version(nvcc: Path) -> tuple[int, int]:
    """Version that nvcc says. Raises TensorRTError where it does not run."""
    try:
        said = subprocess.run([nvcc, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
        major, minor = re.findall(r"release (\d+)\.(\d+)", said)[-1]
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        raise errors.plugin_build_failed(
            f"{nvcc} does not run", str(error), "install the CUDA toolkit again"
        ) from error
    return int(major), int(minor)


def header_version(include: Path) -> tuple[int, int, int]:
    """TensorRT's version in NvInferVersion.h. Raises TensorRTError where it is not there or not supported."""
    from edgeskip.backends.tensorrt.versions import require_supported

    text = (include / "NvInferVersion.h").read_text(errors="replace")
    numbers = []
    for part in ("MAJOR", "MINOR", "PATCH"):
        # 10.x defines NV_TENSORRT_MAJOR in terms of another macro
        found = re.search(rf"#define\s+(?:NV_TENSORRT_{part}|TRT_{part}_ENTERPRISE)\s+(\d+)", text)
        if found is None:
            raise errors.plugin_build_failed(f"{include / 'NvInferVersion.h'} says no {part.lower()} version", "",
                                             "install libnvinfer-headers-dev again")  # fmt: skip
        numbers.append(found[1])
    return require_supported(".".join(numbers))


def require_architecture(toolchain: Toolchain, architectures: list[int]) -> None:
    """Raises TensorRTError where nvcc is too old for a GPU, or the GPU too old for the kernels."""
    for architecture in architectures:
        if architecture < 75:
            raise errors.plugin_build_failed(
                f"the GPU is sm_{architecture}, the kernels need sm_75 or newer", "",
                "use --backend cpu; Jetson Nano, TX2 and Xavier are too old",
            )  # fmt: skip
        first = _FIRST_CUDA.get(architecture, (10, 0))
        if toolchain.cuda < first:
            here, needed = (".".join(map(str, version)) for version in (toolchain.cuda, first))
            raise errors.plugin_build_failed(
                f"nvcc {here} does not know sm_{architecture}", "", f"install CUDA {needed} or newer, and set CUDA_HOME"
            )
