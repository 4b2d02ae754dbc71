"""Compiling the plugins on the device: tools are found or named as missing, results are kept and found again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeskip.backends.tensorrt import toolchain
from edgeskip.backends.tensorrt.errors import TensorRTError
from edgeskip.backends.tensorrt.plugin_build import LIBRARY, VARIABLE, build_plugins, plugin_path
from edgeskip.backends.tensorrt.plugin_sources import source_files, source_folder, source_hash
from edgeskip.backends.tensorrt.toolchain import Toolchain, find_headers, find_nvcc, find_toolchain, header_version

VERSION_HEADER = """
#define TRT_MAJOR_ENTERPRISE 10
#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE //!< TensorRT major version.
#define TRT_MINOR_ENTERPRISE 3
#define NV_TENSORRT_MINOR TRT_MINOR_ENTERPRISE
#define TRT_PATCH_ENTERPRISE 0
"""
# stands for the compiler: writes what it was called with
MAKEFILE = """
library:
\t@mkdir -p $(BUILD)
\t@echo "$(ARCHS) $(TENSORRT_INCLUDE) $(ALIASED_IO)" > $(BUILD)/libedgeskip_tensorrt.so
"""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESKIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    folder = tmp_path / "plugins"
    for name, text in (("cuda/conv.cu", "kernel"), ("cuda/tests/test.cu", "test"), ("tensorrt/core/conv.cpp", "plugin"),
                       ("tensorrt/Makefile", MAKEFILE), ("tensorrt/build/old.cpp", "object")):  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Toolchain:
    include = tmp_path / "include"
    include.mkdir()
    (include / "NvInferVersion.h").write_text(VERSION_HEADER)
    return Toolchain(Path("/cuda"), Path("/cuda/bin/nvcc"), (12, 6), include, header_version(include))


def test_a_library_is_built_once_and_found_again(sources: Path, tools: Toolchain) -> None:
    assert plugin_path((10, 3, 0), "sm_87", sources) is None
    built = build_plugins([110, 87], _cuda13(tools), sources=sources)
    assert built.compiled
    assert built.library.read_text() == f"87 110 {tools.tensorrt_include} 0\n"
    again = build_plugins([87, 110], _cuda13(tools), sources=sources)
    assert (again.library, again.compiled) == (built.library, False)
    assert build_plugins([87, 110], _cuda13(tools), sources=sources, force=True).compiled
    for architecture in ("sm_87", "sm_110"):
        assert plugin_path((10, 3, 0), architecture, sources) == built.library
    assert plugin_path((10, 3, 0), "sm_86", sources) is None
    assert plugin_path((10, 13, 0), "sm_87", sources) is None
    assert [path.name for path in built.library.parent.parent.iterdir()] == [built.library.parent.name]


def _cuda13(tools: Toolchain) -> Toolchain:
    return Toolchain(tools.cuda_home, tools.nvcc, (13, 0), tools.tensorrt_include, tools.tensorrt)


def test_changed_source_is_built_anew(sources: Path, tools: Toolchain) -> None:
    build_plugins([87], tools, sources=sources)
    (sources / "cuda/conv.cu").write_text("better kernel")
    assert plugin_path((10, 3, 0), "sm_87", sources) is None
    assert build_plugins([87], tools, sources=sources).compiled


def test_tests_and_objects_are_no_source(sources: Path) -> None:
    names = [path.relative_to(sources).as_posix() for path in source_files(sources)]
    assert names == ["cuda/conv.cu", "tensorrt/Makefile", "tensorrt/core/conv.cpp"]
    before = source_hash(sources)
    (sources / "cuda/tests/test.cu").write_text("other")
    assert source_hash(sources) == before
    (sources / "cuda/conv.cu").rename(sources / "cuda/conv2.cu")
    assert source_hash(sources) != before


def test_a_library_of_ones_own_wins(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / LIBRARY))
    assert plugin_path((10, 3, 0), "sm_87", sources) == tmp_path / LIBRARY


def test_a_failing_compiler_is_one_error_and_leaves_nothing(
    sources: Path, tools: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sources / "tensorrt/Makefile").write_text("library:\n\t@echo 'x.cu(3): error: no such thing' >&2; exit 1\n")
    with pytest.raises(TensorRTError, match=r"the compiler fails: x\.cu\(3\): error: no such thing") as caught:
        build_plugins([87], tools, sources=sources)
    assert "make" in caught.value.hint
    assert list((tmp_path / "cache/plugins").iterdir()) == []


@pytest.mark.parametrize(
    ("architectures", "cuda", "says"),
    [([72], (12, 6), "sm_72, the kernels need sm_75"), ([110], (12, 6), "nvcc 12.6 does not know sm_110")],
)
def test_gpus_that_nvcc_can_not_serve(
    sources: Path, tools: Toolchain, architectures: list[int], cuda: tuple[int, int], says: str
) -> None:
    with pytest.raises(TensorRTError, match=says):
        build_plugins(architectures, Toolchain(tools.cuda_home, tools.nvcc, cuda, tools.tensorrt_include, (10, 3, 0)),
                      sources=sources)  # fmt: skip


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: Toolchain) -> None:
    monkeypatch.setattr(toolchain, "find_nvcc", lambda: None)
    with pytest.raises(TensorRTError, match="nvcc") as caught:
        find_toolchain(tools.tensorrt_include)
    assert "CUDA_HOME" in caught.value.hint
    monkeypatch.setattr(toolchain, "find_nvcc", lambda: Path("/cuda/bin/nvcc"))
    with pytest.raises(TensorRTError, match="headers") as caught:
        find_toolchain(tmp_path)
    assert "libnvinfer-headers-dev" in caught.value.hint
    monkeypatch.setattr(toolchain.shutil, "which", lambda tool: None)
    with pytest.raises(TensorRTError, match="make is not installed"):
        find_toolchain(tools.tensorrt_include)


def test_nvcc_and_headers_are_found_where_they_are_said_to_be(
    tmp_path: Path, tools: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvcc = tmp_path / "cuda/bin/nvcc"
    nvcc.parent.mkdir(parents=True)
    nvcc.write_text("#!/bin/sh\necho 'Cuda compilation tools, release 12.6, V12.6.68'\n")
    nvcc.chmod(0o755)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "cuda"))
    monkeypatch.setenv("TENSORRT_INCLUDE", str(tools.tensorrt_include))
    assert find_nvcc() == nvcc
    assert toolchain.cuda_version(nvcc) == (12, 6)
    assert find_headers() == tools.tensorrt_include
    nvcc.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(TensorRTError, match="does not run"):
        toolchain.cuda_version(nvcc)


@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "10.13.0"])
def test_versions_are_read_from_nvidias_headers(version: str) -> None:
    """EDGESKIP_TENSORRT_HEADERS holds folders such as v10.3.0/include."""
    folder = Path(os.environ.get("EDGESKIP_TENSORRT_HEADERS", "/nonexistent")) / f"v{version}" / "include"
    if not folder.is_dir():
        pytest.skip("set EDGESKIP_TENSORRT_HEADERS to a folder with TensorRT's headers by version")
    assert header_version(folder)[:2] == tuple(int(part) for part in version.split(".")[:2])


def test_this_checkout_brings_the_source() -> None:
    folder = source_folder()
    assert folder is not None
    names = {path.relative_to(folder).as_posix() for path in source_files(folder)}
    assert "tensorrt/Makefile" in names
    assert any(name.startswith("cuda/include/edgeskip/") for name in names)
    assert not any("tests/" in name for name in names)
