"""The plugin library's plain C functions, by ctypes: pictures, resets and counts on the device."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgeskip.backends.tensorrt import errors, versions
from edgeskip.backends.tensorrt.device import Device, GpuState
from edgeskip.core.contract import Preparation

API_VERSION = 1
_JETSONS = frozenset({87, 101, 110})
_COLORS = {"BGR": 0, "RGB": 1, "GRAY": 2}
_RESIZES = {"letterbox": 0, "stretch": 1}
_TYPES = {"float32": 0, "float16": 1}
_STARTS = {"nan": 0, "one": 1}

# EdgeskipCountItem of host_api.h: one convolution whose active pixels are to be counted
COUNT_ITEM = np.dtype(
    [
        ("mask_x", "u8"), ("mask_z", "u8"), ("pending_before", "u8"), ("pending_after", "u8"),
        ("in_height", "i4"), ("in_width", "i4"), ("z_height", "i4"), ("z_width", "i4"),
        ("out_height", "i4"), ("out_width", "i4"), ("kernel_height", "i4"), ("kernel_width", "i4"),
        ("stride_height", "i4"), ("stride_width", "i4"), ("pad_top", "i4"), ("pad_left", "i4"),
        ("dilation_height", "i4"), ("dilation_width", "i4"),
    ]
)  # fmt: skip


class _Picture(ctypes.Structure):
    """EdgeskipPicture of host_api.h."""

    _fields_ = (
        ("device_pixels", ctypes.c_void_p),
        ("row_bytes", ctypes.c_int64),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("device_input", ctypes.c_void_p),
        ("input_type", ctypes.c_int32),
        ("input_channels_last", ctypes.c_int32),
        ("input_height", ctypes.c_int32),
        ("input_width", ctypes.c_int32),
        ("stream_index", ctypes.c_int32),
        ("color", ctypes.c_int32),
        ("resize", ctypes.c_int32),
        ("pad_value", ctypes.c_float),
        ("mean", ctypes.c_float * 3),
        ("scale", ctypes.c_float * 3),
    )


class PluginLibrary:
    """`libedgeskip_tensorrt.so`, loaded. Its functions enqueue work on a stream (a handle) and do not wait."""

    def __init__(self, path: Path, functions: Any = None) -> None:
        """`functions` stands for the loaded library where it is given.

        Raises:
            TensorRTError: it is missing, can't be loaded, or has other functions than this edgeskip calls.
        """
        self.path = path
        if functions is None and not path.exists():
            raise errors.plugin_missing(str(path))
        try:
            self._functions = functions or ctypes.CDLL(str(path))
            version = int(self._functions.edgeskip_host_api_version())
            for name in ("edgeskip_status_text", "edgeskip_library_info"):
                getattr(self._functions, name).restype = ctypes.c_char_p
            self.info: dict[str, Any] = json.loads(self._functions.edgeskip_library_info())
        except (OSError, AttributeError, ValueError) as error:
            raise errors.plugin_unloadable(str(path), str(error)) from error
        if version != API_VERSION:
            raise errors.plugin_version(str(path), f"functions of version {version}", f"version {API_VERSION}")

    @property
    def counts(self) -> bool:
        """Whether the library counts active pixels on the device."""
        return hasattr(self._functions, "edgeskip_count_active")

    def prepare_picture(
        self, pixels: int, shape: tuple[int, int], target: int, target_type: np.dtype, index: int,
        preparation: Preparation, stream: int,
    ) -> None:  # fmt: skip
        """uint8 [height, width, 3] BGR at address `pixels` becomes picture `index` of the input at `target`, NCHW."""
        mean, scale = (
            tuple(values)[:3] + (0.0,) * (3 - len(values)) for values in (preparation.mean, preparation.scale)
        )
        picture = _Picture(
            pixels, 3 * shape[1], shape[0], shape[1], target, _TYPES[target_type.name], 0, preparation.size[1],
            preparation.size[0], index, _COLORS[preparation.color], _RESIZES[preparation.resize],
            preparation.pad_value, (ctypes.c_float * 3)(*mean), (ctypes.c_float * 3)(*scale),
        )  # fmt: skip
        self._call("edgeskip_prepare_picture", ctypes.byref(picture), ctypes.c_void_p(stream))

    def fill_unknown(self, state: int, bytes_per_stream: int, index: int, start: str, stream: int) -> None:
        """Start value ("nan" or "one") of stream `index` of the state at address `state`."""
        self._call(
            "edgeskip_fill_unknown", ctypes.c_void_p(state), ctypes.c_uint64(bytes_per_stream), ctypes.c_int32(index),
            ctypes.c_int32(_STARTS[start]), ctypes.c_void_p(stream),
        )  # fmt: skip

    def count_active(self, items: int, count: int, streams: int, counts: int, stream: int) -> None:
        """Active pixels of `count` convolutions (COUNT_ITEM at address `items`) into int32 [count] at `counts`."""
        self._call(
            "edgeskip_count_active", ctypes.c_void_p(items), ctypes.c_int32(count), ctypes.c_int32(streams),
            ctypes.c_void_p(counts), ctypes.c_void_p(stream),
        )  # fmt: skip

    def _call(self, name: str, *arguments: Any) -> None:
        status = int(getattr(self._functions, name)(*arguments))
        if status:
            text = self._functions.edgeskip_status_text(status)
            raise errors.device_failed(name, text.decode() if isinstance(text, bytes) else str(status), "")


def require_library_fits(record: Mapping[str, Any], library: str, tensorrt: str, gpu: GpuState | Device) -> None:
    """Raises TensorRTError unless a library runs with this TensorRT (same major, not newer), and on this GPU."""
    built, here = (versions.parse_version(text) for text in (str(record.get("tensorrt", "")), tensorrt))
    if built[0] != here[0] or built[:2] > here[:2]:
        raise errors.plugin_version(library, f"TensorRT {record.get('tensorrt')}", f"TensorRT {tensorrt}")
    architectures = [int(str(item).removeprefix("sm_")) for item in record.get("architectures", [])]
    major, minor = gpu.compute_capability
    number_here = 10 * major + minor
    # code of one architecture runs on later ones of the same major, but not between Jetsons and other GPUs (CUDA C++
    # programming guide, binary compatibility); the last one is also there as PTX
    runs = number_here in architectures or any(
        number // 10 == major and number < number_here and not {number, number_here} & _JETSONS
        for number in architectures
    )
    if architectures and not runs and max(architectures) > number_here:
        listed = ", ".join(f"sm_{number}" for number in architectures)
        raise errors.plugin_version(library, listed, f"{gpu.name} ({gpu.architecture})")
