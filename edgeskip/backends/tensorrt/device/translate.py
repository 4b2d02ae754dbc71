"""The driver's error codes as errors of edgeskip, each with what mends it."""

from __future__ import annotations

from typing import NoReturn

from edgeskip.backends.tensorrt import errors

OUT_OF_MEMORY = 2
# CUresult: name, and what a person can do about it
_CODES = {
    2: ("out of memory", ""),
    35: ("the driver is too old", ""),
    100: ("no device", ""),
    209: ("no code for this GPU in the library", "build the plugins for this GPU: edgeskip build --plugins-only"),
    218: ("the library's code is invalid", "build the plugins again: edgeskip build --plugins-only"),
    222: ("code of a newer CUDA than the driver's", "update the driver, or build the plugins with its CUDA toolkit"),
    600: ("not ready", ""),
    700: ("an illegal memory address", "build the engine again; if it stays, run with compute-sanitizer and report it"),
    702: ("a kernel took too long", "the display's watchdog ended it: run without a display on this GPU"),
    716: ("a misaligned address", "build the engine again; if it stays, run with compute-sanitizer and report it"),
    719: ("a kernel failed", "build the engine again; if it stays, run with compute-sanitizer and report it"),
    803: ("driver and libcuda.so are of different versions", "restart the machine"),
}  # fmt: skip
_TEXTS = {  # cuGetErrorString, which is all that pycuda hands on
    "out of memory": 2,
    "no CUDA-capable device is detected": 100,
    "CUDA driver version is insufficient for CUDA runtime version": 35,
    "no kernel image is available for execution on the device": 209,
    "the provided PTX was compiled with an unsupported toolchain.": 222,
    "an illegal memory access was encountered": 700,
    "the launch timed out and was terminated": 702,
    "misaligned address": 716,
    "unspecified launch failure": 719,
    "system has unsupported display driver / cuda driver combination": 803,
}


def raise_code(code: int, doing: str, size: int | None = None) -> NoReturn:
    """Raise the error of CUresult `code`, met while `doing`; `size` in bytes where memory was wanted."""
    name, remedy = _CODES.get(code, (f"error {code}", ""))
    if code == OUT_OF_MEMORY:
        raise errors.out_of_memory(doing, size)
    if code == 35:
        raise errors.old_driver(name)
    if code == 100:
        raise errors.no_device(name)
    raise errors.device_failed(doing, name, remedy)


def raise_text(text: str, doing: str, size: int | None = None) -> NoReturn:
    """The same from a message such as "cuMemAlloc failed: out of memory"."""
    reason = text.rpartition("failed: ")[2].strip()
    if reason in _TEXTS:
        raise_code(_TEXTS[reason], doing, size)
    raise errors.device_failed(doing, reason or text, "")
