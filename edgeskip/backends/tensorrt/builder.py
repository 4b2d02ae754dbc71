"""A lowered network becomes an engine: TensorRT's builder, with what each version has and needs."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeskip.backends.tensorrt import errors, versions
from edgeskip.backends.tensorrt.build_options import BuildOptions, Streams
from edgeskip.backends.tensorrt.device.probe import GpuState
from edgeskip.backends.tensorrt.lowering import Lowered, lowered_bytes
from edgeskip.backends.tensorrt.module import load_plugins, make_log, start_tensorrt
from edgeskip.backends.tensorrt.progress import Report, make_monitor
from edgeskip.backends.tensorrt.timing_cache import attach, keep, timing_cache_path
from edgeskip.core.errors import BackendError


@dataclass(frozen=True)
class Built:
    """An engine: its bytes, how long it took, whether known timings were used, and TensorRT's warnings."""

    plan: bytes
    seconds: float
    known_timings: bool
    warnings: tuple[str, ...]
    layers: int


def build_engine(
    trt: Any, lowered: Lowered, plugins: Path, gpu: GpuState, options: BuildOptions, report: Report | None = None
) -> Built:
    """Build on `gpu` (the current device). `report` hears the progress where TensorRT tells it.

    Raises:
        TensorRTError: the plugins can't be loaded, the network can't be read, or no engine came out.
    """
    streams = profile_streams(lowered, options.streams)
    started, log = time.monotonic(), make_log(trt)
    load_plugins(trt, str(plugins), log)
    builder = start_tensorrt(trt.Builder, log)
    if options.max_threads:
        builder.max_threads = options.max_threads
    network = builder.create_network(versions.network_flags(trt))
    _parse(trt, network, lowered, log)
    _pin_formats(trt, network)
    config = _configure(trt, builder, options)
    if options.precision == "fp16" and versions.prefer_types(trt) is not None:
        _keep_types(trt, network, config)
    _add_profile(builder, config, network, streams, lowered.file)
    cache = timing_cache_path(trt.__version__, gpu)
    known = attach(config, cache) if options.timing_cache else False
    monitor = make_monitor(trt, report) if report else None
    if monitor is not None:
        config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if monitor is not None and monitor.interrupted:
        raise KeyboardInterrupt
    if plan is None:
        raise errors.build_failed(lowered.file, _telling(log.errors), _remedy(log.errors))
    if options.timing_cache:
        keep(config, cache)
    return Built(bytes(plan), time.monotonic() - started, known, tuple(log.warnings), network.num_layers)


def profile_streams(lowered: Lowered, asked: Streams) -> Streams:
    """The streams of the engine. Raises BackendError where the network has a fixed batch that is another."""
    fixed = lowered.fixed_streams
    if fixed is None:
        return asked
    if (asked.smallest, asked.largest) != (fixed, fixed):
        raise BackendError(
            f"{lowered.file}: the network has a fixed batch of {fixed}, {asked.smallest} to {asked.largest} streams "
            "were asked for",
            hint=f"use --streams {fixed}, or export the network with a batch that is open (dynamic_axes in torch)",
        )
    return asked


def _parse(trt: Any, network: Any, lowered: Lowered, log: Any) -> None:
    parser = trt.OnnxParser(network, log)
    if parser.parse(lowered_bytes(lowered)):
        return
    found = [_described(parser.get_error(index)) for index in range(parser.num_errors)]
    reasons = found or _telling(log.errors)
    raise errors.parser_failed(lowered.file, reasons, _parser_remedy(reasons, lowered))


def _described(error: Any) -> str:
    text = str(error.desc()).strip()
    name, operator = (getattr(error, key, None) for key in ("node_name", "node_operator"))
    return f"{operator()} {name()}: {text}" if name and operator else f"node {error.node()}: {text}"


def _parser_remedy(reasons: list[str], lowered: Lowered) -> str:
    text = " ".join(reasons).lower()
    if "edgeskip" in text or "plugin" in text:
        return "build the plugins again for this TensorRT: edgeskip build --plugins-only --force"
    if lowered.newer_ops:
        return f"ops {', '.join(lowered.newer_ops)} need a newer ONNX than TensorRT 8.6 reads: export with opset 17"
    return "see which op it is, and let TensorRT's own parser tell more: edgeskip export --for tensorrt, then trtexec"


def _pin_formats(trt: Any, network: Any) -> None:
    """Every tensor that is bound lies as its shape says, so that state in and out are the same memory."""
    linear = 1 << int(trt.TensorFormat.LINEAR)
    tensors = [network.get_input(index) for index in range(network.num_inputs)]
    tensors += [network.get_output(index) for index in range(network.num_outputs)]
    for tensor in tensors:
        tensor.allowed_formats = linear


def _keep_types(trt: Any, network: Any, config: Any) -> None:
    """On 8.6 the flag for half lets TensorRT give every plugin halves, the picture's gate too: what decides keeps the
    type that the file gives it."""
    config.set_flag(versions.prefer_types(trt))
    for layer in (network.get_layer(index) for index in range(network.num_layers)):
        kind = layer.get_output(0).dtype if layer.num_outputs else None
        if layer.type == trt.LayerType.PLUGIN_V2 and kind in (trt.DataType.FLOAT, trt.DataType.HALF):
            layer.precision = kind
            layer.set_output_type(0, kind)


def _configure(trt: Any, builder: Any, options: BuildOptions) -> Any:
    config = builder.create_builder_config()
    if options.workspace_bytes is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_bytes)
    config.builder_optimization_level = options.optimization_level
    config.profiling_verbosity = versions.verbosity(trt, options.verbosity)
    if options.hardware != "none":
        config.hardware_compatibility_level = versions.hardware_level(trt, options.hardware)
    half = versions.may_compute_half(trt)
    if options.precision == "fp16" and half is not None:
        config.set_flag(half)
    if not options.tf32:
        config.clear_flag(trt.BuilderFlag.TF32)
    for wanted, flag in (
        (options.version_compatible, trt.BuilderFlag.VERSION_COMPATIBLE),
        (options.sparse_weights, trt.BuilderFlag.SPARSE_WEIGHTS),
    ):
        if wanted:
            config.set_flag(flag)
    if options.alias_state:
        config.set_preview_feature(versions.alias_feature(trt), True)
    if options.auxiliary_streams is not None:
        config.max_aux_streams = options.auxiliary_streams
    if not versions.has_strong_types(trt) and not _has_cudnn():
        config.set_tactic_sources(versions.sources_without_cudnn(trt))
    return config


def _has_cudnn() -> bool:
    """TensorRT 8.6 opens cuDNN by itself, and fails in the middle of a build where it can't."""
    try:
        ctypes.CDLL("libcudnn.so.8")
    except OSError:
        return False
    return True


def _add_profile(builder: Any, config: Any, network: Any, streams: Streams, file: str) -> None:
    """One optimisation profile: the batch of every input, frames and states, is the number of streams."""
    profile, open_inputs = builder.create_optimization_profile(), 0
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = tuple(int(size) for size in tensor.shape)
        if -1 not in shape:
            continue
        if -1 in shape[1:]:
            raise errors.parser_failed(file, [f"input {tensor.name} has an open size: {shape}"],
                                       "export the network with a fixed picture size: --size WxH")  # fmt: skip
        open_inputs += 1
        profile.set_shape(
            tensor.name, *((count, *shape[1:]) for count in (streams.smallest, streams.best, streams.largest))
        )
    if open_inputs and config.add_optimization_profile(profile) < 0:
        raise errors.build_failed(file, ["the optimisation profile is refused"], "choose other --streams")


def _telling(messages: list[str]) -> list[str]:
    """Messages that say most first: what comes last is often only that something failed."""
    return list(dict.fromkeys(messages)) or []


def _remedy(messages: list[str]) -> str:
    text = " ".join(messages).lower()
    if "memory" in text:
        return "close other programs on the GPU, or build with --fp16, a smaller --workspace or fewer --streams"
    if "plugin" in text or "edgeskip" in text:
        return "build the plugins again for this TensorRT: edgeskip build --plugins-only --force"
    if "could not find any implementation" in text:
        return "a larger --workspace may help, or a higher --optimization-level"
    return "edgeskip export --for tensorrt writes the network; trtexec --verbose tells more about it"
