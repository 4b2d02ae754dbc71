"""The plugin library's host functions in numpy, on the memory of a FakeDevice; called like ctypes calls them."""

from __future__ import annotations

import ctypes
import json
from typing import Any

import numpy as np

from edgeskip.backends.tensorrt.library import API_VERSION, COUNT_ITEM, _Picture
from edgeskip.core.contract import Preparation
from edgeskip.core.picture import input_of
from edgeskip.demos.activity import pool_mask
from support.fake_cuda import FakeDevice

SOURCE_HASH = "5eed" * 16


class _Function:
    """A function whose `restype` can be set, as ctypes' can."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.restype: Any = None

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)


class FakePlugins:
    """`counts` False: an older library, which does not count. `status` not 0: every function fails with it."""

    def __init__(self, device: FakeDevice, counts: bool = True, source_hash: str = SOURCE_HASH) -> None:
        self.device, self.status = device, 0
        self.info = {"tensorrt": "10.3.0", "cuda": "12.6", "architectures": ["sm_87"], "source_hash": source_hash}
        self.edgeskip_host_api_version = _Function(lambda: API_VERSION)
        self.edgeskip_status_text = _Function(lambda status: b"invalid value")
        self.edgeskip_library_info = _Function(lambda: json.dumps(self.info).encode())
        self.edgeskip_prepare_picture = _Function(self._prepare_picture)
        self.edgeskip_fill_unknown = _Function(self._fill_unknown)
        if counts:
            self.edgeskip_count_active = _Function(self._count_active)

    def _prepare_picture(self, reference: Any, stream: ctypes.c_void_p) -> int:
        picture: _Picture = reference._obj
        height, width = picture.height, picture.width
        pixels = self.device.bytes_at(picture.device_pixels, picture.row_bytes * height)
        channels = 1 if picture.color == 2 else 3
        preparation = Preparation(
            (picture.input_width, picture.input_height), ("BGR", "RGB", "GRAY")[picture.color],
            ("letterbox", "stretch")[picture.resize], picture.pad_value, tuple(picture.mean)[:channels],
            tuple(picture.scale)[:channels],
        )  # fmt: skip
        dtype = np.dtype((np.float32, np.float16)[picture.input_type])
        size = channels * picture.input_height * picture.input_width * dtype.itemsize
        target = self.device.bytes_at(picture.device_input + picture.stream_index * size, size).view(dtype)
        self.device.put(
            stream.value or 0,
            lambda: np.copyto(target, input_of(pixels.reshape(height, width, 3), preparation).reshape(-1)),
        )
        return self.status

    def _fill_unknown(self, state: Any, size: Any, index: Any, start: Any, stream: Any) -> int:
        target = self.device.bytes_at(state.value + index.value * size.value, size.value)
        value = (b"\xff\xff\xff\xff", b"\1\0\0\0")[start.value]
        fill = np.resize(np.frombuffer(value, np.uint8), size.value)
        self.device.put(stream.value or 0, lambda: np.copyto(target, fill))
        self.device.calls["fill_unknown"] += 1
        return self.status

    def _count_active(self, items: Any, count: Any, streams: Any, counts: Any, stream: Any) -> int:
        table = self.device.bytes_at(items.value, count.value * COUNT_ITEM.itemsize)
        target = self.device.bytes_at(counts.value, 4 * count.value).view(np.int32)

        def work() -> None:
            for index, item in enumerate(table.view(COUNT_ITEM)):
                target[index] = sum(int(self._active(item, picture).sum()) for picture in range(streams.value))

        self.device.put(stream.value or 0, work)
        return self.status

    def _active(self, item: np.void, picture: int) -> np.ndarray:
        size = int(item["out_height"]), int(item["out_width"])
        mask = self._mask(item["mask_x"], (item["in_height"], item["in_width"]), picture)
        kernel, stride, dilation = (
            (int(item[f"{name}_height"]), int(item[f"{name}_width"])) for name in ("kernel", "stride", "dilation")
        )
        top, left = int(item["pad_top"]), int(item["pad_left"])
        ends = [
            (out - 1) * step + (taps - 1) * apart + 1 - before - length
            for out, step, taps, apart, before, length in zip(
                size, stride, kernel, dilation, (top, left), mask.shape, strict=True
            )
        ]
        low, right = (max(0, end) for end in ends)
        candidates = pool_mask(mask, kernel, stride, (top, left, low, right), dilation)[: size[0], : size[1]]
        if item["mask_z"]:
            candidates = candidates | self._mask(item["mask_z"], (item["z_height"], item["z_width"]), picture)
        if item["pending_after"]:
            before, after = (self._mask(item[f"pending_{when}"], size, picture) for when in ("before", "after"))
            return (candidates | before) & ~after
        return candidates

    def _mask(self, address: int, size: tuple[int, int], picture: int) -> np.ndarray:
        area = int(size[0]) * int(size[1])
        data = self.device.bytes_at(int(address) + 4 * picture * area, 4 * area)
        return data.view(np.int32).reshape(int(size[0]), int(size[1])) != 0
