"""Every way in which TensorRT can be missing or not fit: one message, one remedy, written once."""

from __future__ import annotations

from edgeskip.core.errors import BackendError

SUPPORTED = "8.6, and 10.3 to 11.x"
_BUILD_PLUGINS = "build it for this machine: edgeskip build --plugins-only"


class TensorRTError(BackendError):
    """TensorRT, its plugin library or an engine is missing here, or does not fit."""


def no_device(reason: str) -> TensorRTError:
    """No CUDA device can be used; `reason` is what the driver said."""
    return TensorRTError(
        f"TensorRT needs a CUDA device: {reason}",
        hint="check the driver with nvidia-smi (Jetson: tegrastats); without a GPU use --backend cpu",
    )


def not_installed(reason: str = "") -> TensorRTError:
    """The Python module `tensorrt` can't be imported."""
    detail = f": {reason}" if reason else ""
    return TensorRTError(
        f"the Python module tensorrt can't be imported{detail}",
        hint='Jetson: sudo apt install python3-libnvinfer, and a venv with --system-site-packages; '
        'elsewhere: pip install "edgeskip[tensorrt]"',
    )  # fmt: skip


def unsupported_version(version: str) -> TensorRTError:
    """TensorRT is of a version for which there is no plugin interface that edgeskip writes."""
    return TensorRTError(
        f"TensorRT {version} is not supported: edgeskip builds for {SUPPORTED}",
        hint="install another TensorRT, or on a Jetson JetPack 6 or newer",
    )


def plugin_missing(path: str) -> TensorRTError:
    """The plugin library is not there."""
    return TensorRTError(f"there is no plugin library {path}", hint=_BUILD_PLUGINS)


def plugin_unloadable(path: str, reason: str) -> TensorRTError:
    """The plugin library can't be loaded, or brings no plugins."""
    return TensorRTError(f"the plugin library {path} can't be loaded: {reason}", hint=_BUILD_PLUGINS)


def plugin_version(path: str, built_for: str, here: str) -> TensorRTError:
    """The plugin library was built for another TensorRT, CUDA or GPU."""
    return TensorRTError(f"the plugin library {path} was built for {built_for}, this machine has {here}",
                         hint=_BUILD_PLUGINS)  # fmt: skip


def no_sidecar(engine: str, sidecar: str) -> TensorRTError:
    """The engine's description is not beside it."""
    return TensorRTError(
        f"{engine}: its description {sidecar} is not beside it",
        hint="keep both files together, or build the engine again: edgeskip build MODEL -o ENGINE",
    )


def broken_sidecar(sidecar: str, reason: str) -> TensorRTError:
    """The description of an engine can't be read."""
    return TensorRTError(f"{sidecar}: not the description of an engine: {reason}",
                         hint="build the engine again: edgeskip build MODEL -o ENGINE")  # fmt: skip


def engine_mismatch(engine: str, what: str, built: str, here: str, model: str) -> TensorRTError:
    """The engine was built for another `what` (TensorRT, GPU, plugin)."""
    return TensorRTError(
        f"{engine} was built with {what} {built}, this machine has {here}",
        hint=f"build it again here: edgeskip build {model or 'MODEL'} -o {engine}",
    )


def batch_outside_profile(engine: str, streams: int, smallest: int, largest: int, model: str) -> TensorRTError:
    """More or fewer streams than the engine's profile holds."""
    wanted = f"{min(streams, smallest)}:{max(streams, largest)}"
    return TensorRTError(
        f"{engine} runs {smallest} to {largest} streams, {streams} were asked for",
        hint=f"build it for them: edgeskip build {model or 'MODEL'} --streams {wanted} -o {engine}",
    )


def out_of_memory(what: str, needed_bytes: int | None = None) -> TensorRTError:
    """The device's memory does not suffice."""
    size = f" ({needed_bytes / 2**20:.0f} MiB)" if needed_bytes else ""
    return TensorRTError(
        f"the device has no memory left for {what}{size}",
        hint="close other programs on the GPU, run fewer streams, or build with --fp16 and a smaller --workspace",
    )


def build_failed(model: str, reasons: list[str], hint: str) -> TensorRTError:
    """TensorRT's builder gave no engine; `reasons` are its own messages, most telling first."""
    said = "; ".join(reasons[:3]) or "TensorRT gave no reason"
    return TensorRTError(f"{model}: TensorRT built no engine: {said}", hint=hint)


def parser_failed(model: str, reasons: list[str], hint: str) -> TensorRTError:
    """TensorRT's ONNX parser refused the network."""
    said = "; ".join(reasons[:3]) or "TensorRT gave no reason"
    return TensorRTError(f"{model}: TensorRT can't read the network: {said}", hint=hint)


def no_binding() -> TensorRTError:
    """Neither binding of the driver is installed."""
    return TensorRTError(
        "TensorRT needs a Python binding of the CUDA driver: neither pycuda nor cuda-bindings is installed",
        hint="pip install pycuda (needs the CUDA toolkit), or without a compiler: pip install cuda-bindings",
    )


def old_driver(reason: str) -> TensorRTError:
    """The driver is older than what the libraries need."""
    return TensorRTError(
        f"the NVIDIA driver does not fit the CUDA libraries: {reason}",
        hint="update the driver (Jetson: sudo apt full-upgrade, or flash a newer JetPack); edgeskip doctor shows both",
    )


def not_started(reason: str) -> TensorRTError:
    """TensorRT makes no builder or runtime although there is a device."""
    if "memory" in reason.lower():
        return out_of_memory("TensorRT itself")
    return TensorRTError(
        f"TensorRT can't start on this GPU: {reason}",
        hint="compare the driver's CUDA with what this TensorRT needs: edgeskip doctor; update the older of the two",
    )


def device_failed(doing: str, reason: str, remedy: str) -> TensorRTError:
    """The device failed while `doing`; its context may be lost."""
    return TensorRTError(
        f"the GPU failed while {doing}: {reason}",
        hint=remedy or "start the program again; edgeskip doctor shows driver, device and TensorRT",
    )


def engine_unloadable(engine: str, reason: str) -> TensorRTError:
    """The engine can't be read, or TensorRT refuses it although its description fits."""
    return TensorRTError(
        f"{engine}: TensorRT can't load the engine: {reason}",
        hint="build it again on this machine: edgeskip build MODEL -o ENGINE",
    )


def missing_feature(what: str, version: str, since: str) -> TensorRTError:
    """An option asks for what this TensorRT does not have."""
    return TensorRTError(
        f"TensorRT {version} has no {what}", hint=f"leave the option out, or install TensorRT {since} or newer"
    )


def plugin_build_failed(what: str, reason: str, hint: str) -> TensorRTError:
    """The plugin library can't be compiled here."""
    return TensorRTError(f"the plugin library can't be built: {what}{': ' if reason else ''}{reason}", hint=hint)


def needs_calibration(model: str) -> TensorRTError:
    """INT8 was asked for, and the file has no ranges."""
    return TensorRTError(
        f"{model}: INT8 needs the range of every tensor, and the file has none",
        hint="build with --fp16; `edgeskip calibrate MODEL --int8 --video URI` will bring ranges, and is not there yet",
    )


def no_int8(model: str) -> TensorRTError:
    """INT8 was asked for; ranges are there, the kernels are not."""
    return TensorRTError(
        f"{model}: the file has INT8 ranges, but the plugins of this edgeskip compute in FP32 and FP16 only",
        hint="build with --fp16",
    )
