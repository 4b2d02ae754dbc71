"""The plugin library's C functions: declared in one header, defined, exported, and what the runner's ctypes call."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.cuda_build import SOURCES, make

from edgeskip.backends.tensorrt import library as door
from edgeskip.backends.tensorrt.counting import Counted, count_items
from edgeskip.backends.tensorrt.library import API_VERSION, COUNT_ITEM, PluginLibrary
from edgeskip.core.contract import Preparation
from edgeskip.core.picture import input_of
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import ConvInfo

HEADER = SOURCES / "include/edgeskip/host_api.h"
PLUGINS = SOURCES.parent
FIELD_SIZES = """
#include <cstdio>
#include "edgeskip/host_api.h"
#define AT(type, name) std::printf("%s %zu %zu\\n", #name, offsetof(type, name), sizeof(type::name));
int main() {
  PICTURE std::printf("EdgeskipPicture 0 %zu\\n", sizeof(EdgeskipPicture));
  ITEM std::printf("EdgeskipCountItem 0 %zu\\n", sizeof(EdgeskipCountItem));
}
"""


def declared() -> set[str]:
    """Functions of the header."""
    return set(re.findall(r"^EDGESKIP_API [\w \*]*?\*?(edgeskip_\w+)\(", HEADER.read_text(), re.MULTILINE))


class Loaded:
    """The emulated library, with what only the whole one can say of itself."""

    def __init__(self, functions: ctypes.CDLL) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._functions, name)

    class edgeskip_library_info:  # noqa: N801
        restype: Any = None

        def __new__(cls) -> bytes:  # type: ignore[misc]
            return b"{}"


@pytest.fixture(scope="module")
def emulated(build: Path) -> PluginLibrary:
    """The functions on ordinary memory: addresses are those of numpy arrays."""
    result = make("host-api", build)
    assert result.returncode == 0, result.stderr[-4000:]
    return PluginLibrary(build / "libhost_api.so", Loaded(ctypes.CDLL(str(build / "libhost_api.so"))))


def test_every_function_is_declared_once_defined_and_exported() -> None:
    text = "\n".join(
        path.read_text()
        for pattern in ("*.cpp", "*.cu")
        for path in PLUGINS.rglob(pattern)
        if "tests" not in path.parts
    )
    names = declared()
    assert len(names) == 6
    for name in names:
        assert re.search(rf"^(extern \"C\" )?[\w ]*\*? ?{name}\([^;]*?\{{", text, re.MULTILINE), (
            f"{name} is not defined"
        )
    assert "edgeskip_*;" in (PLUGINS / "tensorrt/exports.map").read_text()
    assert f"#define EDGESKIP_HOST_API_VERSION {API_VERSION}\n" in HEADER.read_text()


def test_the_runner_calls_what_is_declared() -> None:
    called = set(re.findall(r"\bedgeskip_(?:\w+)", Path(door.__file__).read_text())) - {"edgeskip_tensorrt"}
    assert called == declared()


def test_structures_lie_as_the_compiler_lays_them(tmp_path: Path, build: Path) -> None:
    picture = [name for name, _ in door._Picture._fields_]
    item = list(COUNT_ITEM.names or ())
    fields = [(" ".join(f"AT({kind}, {name})" for name in names)) for kind, names in
              (("EdgeskipPicture", picture), ("EdgeskipCountItem", item))]  # fmt: skip
    (tmp_path / "sizes.cpp").write_text(FIELD_SIZES.replace("PICTURE", fields[0], 1).replace("ITEM", fields[1], 1))
    command = ["g++", "-std=c++17", f"-I{SOURCES / 'include'}", tmp_path / "sizes.cpp", "-o", tmp_path / "sizes"]
    subprocess.run(command, check=True)
    said = subprocess.run([tmp_path / "sizes"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = [tuple(line.split()) for line in said]
    ours = [(name, getattr(door._Picture, name).offset, getattr(door._Picture, name).size) for name in picture]
    ours += [("EdgeskipPicture", 0, ctypes.sizeof(door._Picture))]
    ours += [(name, COUNT_ITEM.fields[name][1], COUNT_ITEM.fields[name][0].itemsize) for name in item]  # type: ignore[index]
    ours += [("EdgeskipCountItem", 0, COUNT_ITEM.itemsize)]
    assert found == [(name, str(offset), str(size)) for name, offset, size in ours]


@pytest.mark.parametrize("color", ["BGR", "RGB", "GRAY"])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_pictures_are_those_of_the_reference(emulated: PluginLibrary, color: str, kind: type) -> None:
    channels = 1 if color == "GRAY" else 3
    rules = Preparation((24, 16), color, "letterbox", 114.0, (103.5, 116.3, 123.7)[:channels],
                        (0.017, 0.0175, 0.0171)[:channels])  # fmt: skip
    picture = np.random.default_rng(1).integers(0, 256, (30, 41, 3), np.uint8)
    target = np.full((3, channels, 16, 24), 7, kind)
    emulated.prepare_picture(picture.ctypes.data, (30, 41), target.ctypes.data, target.dtype, 1, rules, 0)
    np.testing.assert_array_equal(target[1], input_of(picture, rules)[0].astype(kind))
    assert (target[[0, 2]] == 7).all()


def test_one_streams_state_starts_anew(emulated: PluginLibrary) -> None:
    state, pending = np.zeros((3, 4, 5), np.float16), np.zeros((3, 6), np.int32)
    emulated.fill_unknown(state.ctypes.data, 40, 2, "nan", 0)
    emulated.fill_unknown(pending.ctypes.data, 24, 0, "one", 0)
    assert np.isnan(state[2]).all()
    assert (state[:2] == 0).all()
    assert (pending == [[1] * 6, [0] * 6, [0] * 6]).all()


def test_active_pixels_are_counted(emulated: PluginLibrary) -> None:
    """A window of 3x3 over one changed pixel per picture, and a layer whose pending pixels were computed."""
    mask, before = np.zeros((2, 1, 9, 9), np.int32), np.ones((2, 1, 9, 9), np.int32)
    mask[0, 0, 4, 4] = mask[1, 0, 0, 0] = 1
    after = np.ones_like(before)
    after[0, 0, :2] = 0
    items = np.zeros(2, COUNT_ITEM)
    for name in ("in_height", "in_width", "out_height", "out_width"):
        items[name] = 9
    for name in ("stride_height", "stride_width", "dilation_height", "dilation_width", "pad_top", "pad_left"):
        items[name] = 1
    items["kernel_height"] = items["kernel_width"] = 3
    items["mask_x"] = mask.ctypes.data
    items["pending_before"][1], items["pending_after"][1] = before.ctypes.data, after.ctypes.data
    counts = np.full(2, 77, np.int32)
    assert emulated.counts
    emulated.count_active(items.ctypes.data, 2, 2, counts.ctypes.data, 0)
    assert counts.tolist() == [9 + 4, 18]


@pytest.mark.parametrize("bits", [[1, 0], [0, 0], [1, 1]])
def test_one_bit_for_a_whole_picture_is_counted_as_such(emulated: PluginLibrary, bits: list[int]) -> None:
    attributes = {"kernel_shape": [3, 3], "strides": [2, 2], "dilations": [1, 1], "pads": [1, 1, 1, 1]}
    node = Node("SkipConv", [], [], attributes)
    conv = Counted(ConvInfo(node, "y", 0, 20, (2, 4, 8, 10), (2, 4, 4, 5)), "mask", "", "")
    mask = np.array(bits, np.int32).reshape(2, 1, 1, 1)
    items = count_items([conv], {"mask": mask.ctypes.data}, {"mask": mask.shape}, {})
    counts = np.full(1, 77, np.int32)
    emulated.count_active(items.ctypes.data, 1, 2, counts.ctypes.data, 0)
    assert counts.tolist() == [20 * sum(bits)]


def test_a_refusal_has_a_sentence(emulated: PluginLibrary) -> None:
    from edgeskip.backends.tensorrt.errors import TensorRTError

    with pytest.raises(TensorRTError, match=r"edgeskip_prepare_picture.*pointer"):
        emulated.prepare_picture(0, (4, 4), 0, np.dtype(np.float32), 0, Preparation((8, 8)), 0)
