"""NVIDIA's own lean runtime loads the plugin library and creates the plugins; it needs no GPU for that.

Its wheels (`tensorrt-lean-cu13-libs` and `-bindings`, 45 MB) are unpacked where EDGESKIP_TENSORRT_LIBS says. Each
runs in a process of its own; its `Runtime` class is never touched, since that crashes without a driver.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.subprocesses import run_python
from support.tensorrt_builds import PLUGIN_SOURCE, built, folders, include_folders, major_version

SCRIPT = """
import json, sys
sys.path.insert(0, {runtime!r})
import numpy as np
import tensorrt_lean_bindings as trt

kept = []  # a field points into its array and does not own it

def field(name, kind, value):
    if kind == "text":
        kept.append(np.frombuffer(value.encode(), np.int8))
        return trt.PluginField(name, kept[-1], trt.PluginFieldType.CHAR)
    array = np.atleast_1d(np.asarray(value, kind))
    kept.append(array)
    return trt.PluginField(name, array, getattr(trt.PluginFieldType, kind.upper()))

registry = trt.get_plugin_registry()
loaded = bool(registry.load_library({library!r}))
made = []
for plugin, fields in json.loads({cases!r}):
    creator = registry.get_creator(plugin, "1", "edgeskip")
    collection = trt.PluginFieldCollection([field(*one) for one in fields])
    phase = [trt.TensorRTPhase.BUILD] if type(creator).__name__ == "IPluginCreatorV3One" else []
    made.append(creator.create_plugin("layer", collection, *phase) is not None)
print(json.dumps([trt.__version__, loaded, made]))
"""
SMALLEST: dict[str, list[list[Any]]] = {
    "EdgeskipConv": [["kernel_shape", "int32", [3, 3]], ["threshold", "float32", 0.5]],
    "EdgeskipGate": [["threshold", "float32", 2.0]],
    "EdgeskipMask": [],
}
# what a choice asks for beside itself
COMPANIONS = {
    "clip": [["alpha", "float32", 0.0], ["beta", "float32", 6.0]], "leaky_relu": [["alpha", "float32", 0.1]],
    "hard_sigmoid": [["alpha", "float32", 0.2]], "prelu": [["alpha", "float32", [0.1, 0.2]]],
    "resize": [["sizes", "int32", [8, 8]]], "slice": [["ends", "int32", [4, 4]]],
}  # fmt: skip


def runtimes() -> list[tuple[Path, Path]]:
    """(runtime, headers of the same major version), or a skip."""
    found = folders("EDGESKIP_TENSORRT_LIBS")
    if not found:
        pytest.skip("needs lean runtimes: set EDGESKIP_TENSORRT_LIBS to folders with tensorrt_lean_bindings and _libs")
    headers = {major_version(include): include for include in include_folders()}
    pairs = [(runtime, headers[major]) for runtime in found if (major := runtime_major(runtime)) in headers]
    if not pairs:
        pytest.skip(f"the runtimes {found} have no headers of their major version among {sorted(headers)}")
    return pairs


def runtime_major(runtime: Path) -> int:
    libraries = list(runtime.glob("tensorrt_lean_libs/libnvinfer_lean.so.*"))
    assert libraries, f"{runtime} holds no tensorrt_lean_libs/libnvinfer_lean.so.*"
    return int(libraries[0].suffix[1:])


def created(runtime: Path, library: Path, cases: list[Any]) -> list[bool]:
    """Which of the plugins the runtime creates."""
    script = SCRIPT.format(runtime=str(runtime), library=str(library), cases=json.dumps(cases))
    try:
        version, loaded, made = json.loads(run_python(script))
    except AssertionError as error:
        if "No module named 'tensorrt_lean_bindings" in str(error):
            pytest.skip(f"the bindings in {runtime} are not for Python {sys.version_info[0]}.{sys.version_info[1]}")
        raise
    assert loaded, f"TensorRT {version} does not load {library}"
    return made


def every_choice() -> list[Any]:
    """Each plugin with each value that its contract file allows."""
    cases: list[Any] = [["EdgeskipMask", [["kind", "text", "union"]]]]
    for plugin, smallest in SMALLEST.items():
        for attribute in json.loads((PLUGIN_SOURCE / f"contract/{plugin}.json").read_text())["attributes"]:
            if attribute["type"] == "text":
                kind = [] if plugin != "EdgeskipMask" or attribute["name"] == "kind" else [["kind", "text", "union"]]
                for choice in attribute["choices"]:
                    fields = [*smallest, *kind, [attribute["name"], "text", choice], *COMPANIONS.get(choice, [])]
                    cases.append([plugin, fields])
    return cases


REFUSED = [
    ["EdgeskipConv", []],
    ["EdgeskipConv", [*SMALLEST["EdgeskipConv"], ["activation", "text", "gelu"]]],
    ["EdgeskipConv", [*SMALLEST["EdgeskipConv"], ["stride", "int32", [1, 1]]]],
    ["EdgeskipGate", [["threshold", "float32", -1.0]]],
    ["EdgeskipMask", [["kind", "text", "resize"]]],
]


def test_lean_runtime_creates_the_plugins_with_every_choice_of_the_contract() -> None:
    for runtime, include in runtimes():
        made = created(runtime, built(include) / "libedgeskip_tensorrt.so", every_choice())
        assert len(made) > 30
        assert all(made), [case for case, ok in zip(every_choice(), made, strict=True) if not ok]


def test_lean_runtime_gets_no_plugin_for_fields_that_break_a_rule_and_lives_on() -> None:
    for runtime, include in runtimes():
        made = created(runtime, built(include) / "libedgeskip_tensorrt.so", [*REFUSED, *every_choice()[:1]])
        assert made == [False] * len(REFUSED) + [True]


def test_library_registers_itself_where_a_host_only_opens_it() -> None:
    for runtime, include in runtimes():
        script = (
            f"import sys; sys.path.insert(0, {str(runtime)!r}); import ctypes, tensorrt_lean_bindings as trt; "
            f"ctypes.CDLL({str(built(include) / 'libedgeskip_tensorrt.so')!r}); "
            "print(trt.get_plugin_registry().get_creator('EdgeskipConv', '1', 'edgeskip') is not None)"
        )
        assert run_python(script, EDGESKIP_REGISTER_PLUGINS="1") == "True"
        assert run_python(script, EDGESKIP_REGISTER_PLUGINS="0") == "False"
