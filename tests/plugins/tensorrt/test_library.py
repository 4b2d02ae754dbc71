"""The plugin library, built against real headers: its symbols, its fields, and its behaviour in the minimal host.

Without nvcc or headers these tests skip; support/tensorrt_builds.py names the variables.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.tensorrt_builds import PLUGIN_SOURCE, architectures, built, include_folders, major_version

EXPORTS = {"getPluginCreators", "setLoggerFinder"}
HOST_FUNCTIONS = {
    "edgeskip_library_info", "edgeskip_host_api_version", "edgeskip_status_text", "edgeskip_prepare_picture",
    "edgeskip_fill_unknown", "edgeskip_count_active",
}  # fmt: skip


def symbols(library: Path, option: str) -> set[str]:
    if shutil.which("nm") is None:
        pytest.skip("needs nm (binutils)")
    told = subprocess.run(["nm", "-D", option, library], capture_output=True, text=True, check=True).stdout
    return {re.sub(r"@.*", "", line.split()[-1]) for line in told.splitlines()}


def test_library_exports_the_entry_points_and_nothing_else() -> None:
    for include in include_folders():
        exported = symbols(built(include) / "libedgeskip_tensorrt.so", "--defined-only")
        expected = EXPORTS | ({"getCreators"} if major_version(include) >= 10 else set())
        assert expected | HOST_FUNCTIONS <= exported
        assert all(name in expected or name.startswith("edgeskip_") for name in exported), exported


def test_library_needs_no_symbol_of_tensorrt_or_of_a_shared_cuda_runtime() -> None:
    for include in include_folders():
        missing = symbols(built(include) / "libedgeskip_tensorrt.so", "--undefined-only")
        assert not [name for name in missing if re.search(r"nvinfer|getPluginRegistry|getLogger|^cuda|^cu[A-Z]", name)]


def test_minimal_host_drives_the_plugins() -> None:
    for include in include_folders():
        folder = built(include, "library", "test-host")
        result = subprocess.run(
            [folder / "host", folder / "libedgeskip_tensorrt.so"], capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert re.search(r"build time: [1-9]\d+ checks, 0 failed", result.stdout)
        assert re.search(r"enqueue: \d+ checks, 0 failed|enqueue not run: ", result.stdout)


def test_enqueue_agrees_with_float64_where_the_kernels_bodies_run_on_the_cpu() -> None:
    for include in include_folders():
        folder = built(include, "test-emulated")
        command = [folder / "host_emulated", folder / "libedgeskip_emulated.so"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert result.returncode == 0, result.stdout + result.stderr
        assert re.search(r"enqueue: [1-9]\d\d checks, 0 failed", result.stdout)


def test_creators_take_the_fields_of_the_contract_files() -> None:
    for include in include_folders():
        folder = built(include, "library", "test-host")
        command = [folder / "host", folder / "libedgeskip_tensorrt.so", "--describe"]
        described = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        files = {file.stem: json.loads(file.read_text()) for file in (PLUGIN_SOURCE / "contract").glob("*.json")}
        expected = {
            name: [[a["name"], a["type"], 0 if a["length"] == "any" else a["length"]] for a in file["attributes"]]
            for name, file in files.items()
        }
        assert described == expected


def test_the_state_aliases_are_a_build_option() -> None:
    modern = [include for include in include_folders() if major_version(include) >= 10]
    if not modern:
        pytest.skip("needs headers of TensorRT 10 or newer")
    try:
        folder = built(modern[-1], "test-host", "ALIASED_IO=1")  # the host compares aliases with what the library says
        assert information(folder)["aliased_io"] is True
    finally:
        built.cache_clear()
    assert information(built(modern[-1], "library", "test-host"))["aliased_io"] is False


def test_library_says_what_it_was_built_for() -> None:
    for include in include_folders():
        said = information(built(include, "library", "test-host"))
        source_hash = subprocess.run(["make", "-s", "source-hash"], cwd=PLUGIN_SOURCE, capture_output=True, text=True)
        assert said["source_hash"] == source_hash.stdout.strip()
        assert said["tensorrt"].split(".")[0] == str(major_version(include))
        assert said["interface"] == ("v3" if major_version(include) >= 10 else "v2")
        assert said["architectures"] == architectures()
        assert said["plugins"] == ["EdgeskipConv", "EdgeskipGate", "EdgeskipMask"]


def information(folder: Path) -> dict[str, Any]:
    command = [folder / "host", folder / "libedgeskip_tensorrt.so", "--information"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
