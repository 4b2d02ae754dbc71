"""The plugin library, compiled on the device with its own nvcc and headers, and kept for the next time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.plugin_sources import source_files, source_folder, source_hash
from edgeskip.backends.tensorrt.toolchain import Toolchain, find_toolchain, require_architecture
from edgeskip.core.files import make_folder
from edgeskip.core.folders import cache_folder

LIBRARY = "libedgeskip_tensorrt.so"
VARIABLE = "EDGESKIP_TENSORRT_PLUGIN"
_SHOWN_LINES = 4


@dataclass(frozen=True)
class PluginBuild:
    """The library, and whether it had to be compiled."""

    library: Path
    compiled: bool


def plugin_path(tensorrt: tuple[int, ...], architecture: str, sources: Path | None = None) -> Path | None:
    """The library for this TensorRT and GPU ("sm_87"): EDGESKIP_TENSORRT_PLUGIN, or the newest in the cache that was
    made of the present source; None where there is none."""
    own = os.environ.get(VARIABLE)
    if own:
        return Path(own)
    folder = sources or source_folder()
    if folder is None:
        return None
    version = ".".join(map(str, tensorrt[:3]))
    pattern = f"tensorrt-{version}-cuda-*-{source_hash(folder)}/{LIBRARY}"
    found = [path for path in (cache_folder() / "plugins").glob(pattern) if architecture in _architectures(path)]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def build_plugins(
    architectures: list[int], toolchain: Toolchain | None = None, *, force: bool = False, alias_state: bool = False,
    sources: Path | None = None, jobs: int | None = None,
) -> PluginBuild:  # fmt: skip
    """Compile for `architectures` such as [87], unless the cache has it. Takes minutes.

    Raises:
        TensorRTError: the source, a tool or headers are missing, or the compiler fails.
    """
    folder = sources or source_folder()
    if folder is None:
        raise errors.plugin_build_failed(
            "the plugins' source is not in this installation", "", "install edgeskip from its wheel or source archive"
        )
    toolchain = toolchain or find_toolchain()
    require_architecture(toolchain, architectures)
    library = _cached(toolchain, architectures, source_hash(folder) + ("-aliased" if alias_state else ""))
    if library.is_file() and not force:
        return PluginBuild(library, False)
    make_folder(library.parent.parent)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=library.parent.parent) as scratch:
        copy = _copied(folder, Path(scratch) / "plugins")
        _run_make(copy, Path(scratch) / "out", toolchain, architectures, alias_state, jobs or _jobs())
        made = Path(scratch) / "out" / LIBRARY
        if not made.is_file():
            raise errors.plugin_build_failed(f"make left no {LIBRARY}", "", "build it by hand: plugins/README.md")
        make_folder(library.parent)
        os.replace(made, library)
    return PluginBuild(library, True)


def _cached(toolchain: Toolchain, architectures: list[int], digest: str) -> Path:
    version, cuda = (".".join(map(str, numbers)) for numbers in (toolchain.tensorrt, toolchain.cuda))
    kinds = "-".join(f"sm_{architecture}" for architecture in sorted(architectures))
    return cache_folder() / "plugins" / f"tensorrt-{version}-cuda-{cuda}-{kinds}-{digest}" / LIBRARY


def _architectures(library: Path) -> list[str]:
    return re.findall(r"sm_\d+", library.parent.name)


def _copied(folder: Path, target: Path) -> Path:
    """The source in a folder of its own: an installed package may be read-only."""
    for path in source_files(folder):
        place = target / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return target


def _run_make(
    source: Path, out: Path, toolchain: Toolchain, architectures: list[int], alias_state: bool, jobs: int
) -> None:
    command = [
        "make", f"-j{jobs}", "-C", str(source / "tensorrt"), "library", f"BUILD={out}",
        f"CUDA_HOME={toolchain.cuda_home}", f"NVCC={toolchain.nvcc}", f"TENSORRT_INCLUDE={toolchain.tensorrt_include}",
        f"ARCHS={' '.join(map(str, sorted(architectures)))}", f"ALIASED_IO={int(alias_state)}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise errors.plugin_build_failed("the compiler fails", _first_errors(done.stderr or done.stdout),
                                         "a compiler that nvcc takes is needed: set CXX, or NVCC_CCBIN; all of what it "
                                         f"said: run make in {source_folder() or source}/tensorrt")  # fmt: skip


def _first_errors(text: str) -> str:
    """The lines that tell: those with an error, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"\berror\b|fatal|No such file", line)]
    return " | ".join((telling or lines[-_SHOWN_LINES:])[:_SHOWN_LINES])


def _jobs() -> int:
    """Cores, but no more than memory allows: nvcc takes about 1.5 GB for a kernel file."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        free = 4 << 30
    return max(1, min(cores, int(free / 1.5e9)))
