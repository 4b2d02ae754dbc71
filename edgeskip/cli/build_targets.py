"""What `edgeskip build` makes: the plugin library, an engine with its description, or the CPU engine's model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeskip.cli.tensorrt_options import PluginPolicy, choice_counts, layer_choices

if TYPE_CHECKING:
    from edgeskip.backends.tensorrt.device.probe import DriverState, GpuState
    from edgeskip.backends.tensorrt.engine_build import EngineResult
    from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class EngineWishes:
    """The options of `edgeskip build` for an engine."""

    half: bool
    streams: str
    policy: PluginPolicy
    expected_active: float | None
    video: str | None
    layer_times: Path | None
    workspace_mib: int | None
    optimization_level: int
    tf32: bool
    timing_cache: bool
    hardware: str
    version_compatible: bool
    layer_info: str
    sparse_weights: bool
    auxiliary_streams: int | None
    alias_state: bool
    tensorrt_include: Path | None
    force: bool
    threads: int | None


@dataclass(frozen=True)
class Machine:
    """A device, and the TensorRT that builds for it."""

    trt: Any
    gpu: GpuState
    driver: DriverState


def require_machine() -> Machine:
    """The GPU and TensorRT here, before any work is done. Raises TensorRTError."""
    from edgeskip.backends.tensorrt.device.probe import look_for_driver
    from edgeskip.backends.tensorrt.module import load_tensorrt

    driver = look_for_driver()
    return Machine(load_tensorrt(driver), driver.gpus[0], driver)


def require_weights(model: SkipModel) -> SkipModel:
    """`model`; raises ModelError where it is an engine's, whose weights are inside."""
    if model.engine:
        from edgeskip.core.errors import ModelError

        raise ModelError(f"{model.file}: this is an engine already", hint="give the skip model that it was made of")
    return model


def refuse_int8(model: SkipModel) -> None:
    """Raises TensorRTError: INT8 needs ranges, and kernels that are not there yet."""
    from edgeskip.backends.tensorrt import errors

    raise errors.no_int8(model.file) if model.metadata.ranges else errors.needs_calibration(model.file)


def engine(model: SkipModel, output: Path, wanted: EngineWishes, machine: Machine) -> dict[str, Any]:
    """Build and write an engine; the plugins are compiled first where they are not yet. Raises EdgeskipError."""
    from edgeskip.backends.tensorrt.build_options import BuildOptions, Streams
    from edgeskip.backends.tensorrt.engine_build import make_engine

    streams = Streams.read(wanted.streams)
    options = BuildOptions(
        "fp16" if wanted.half else "fp32", streams, wanted.workspace_mib * 2**20 if wanted.workspace_mib else None,
        wanted.optimization_level, wanted.tf32, wanted.hardware, wanted.version_compatible, wanted.layer_info,
        wanted.alias_state, wanted.timing_cache, wanted.sparse_weights, wanted.threads, wanted.auxiliary_streams,
    )  # fmt: skip
    choices = layer_choices(
        model, wanted.policy, wanted.half, machine.gpu.compute_capability, streams.best, wanted.expected_active,
        wanted.video, wanted.layer_times, wanted.threads,
    )  # fmt: skip
    library = _library_for(machine, wanted)
    with _bar("building") as report:
        result = make_engine(machine.trt, machine.gpu, machine.driver, model, output, library, choices, options, report)
    return _engine_record(result, choices, model)


def plugin_library(
    architectures: str | None, include: Path | None, force: bool, alias_state: bool = False
) -> dict[str, Any]:
    """Compile the plugins, or take them from the cache. Raises TensorRTError."""
    from edgeskip.backends.tensorrt.plugin_build import build_plugins
    from edgeskip.backends.tensorrt.toolchain import find_toolchain
    from edgeskip.cli.console import say

    wanted = read_architectures(architectures)
    toolchain = find_toolchain(include)
    version, cuda = (".".join(map(str, numbers)) for numbers in (toolchain.tensorrt, toolchain.cuda))
    say(f"plugins for TensorRT {version}, CUDA {cuda}, {', '.join(f'sm_{number}' for number in wanted)} ...")
    built = build_plugins(wanted, toolchain, force=force, alias_state=alias_state)
    return {
        "library": str(built.library), "compiled": built.compiled, "tensorrt": version, "cuda": cuda,
        "architectures": [f"sm_{number}" for number in wanted],
    }  # fmt: skip


def read_architectures(text: str | None) -> list[int]:
    """[87, 110] of "87,110" or "sm_87"; without a text that of the GPU here. Raises EdgeskipError, BadParameter."""
    import typer

    from edgeskip.backends.tensorrt import errors
    from edgeskip.backends.tensorrt.device.probe import look_for_driver

    if text is None:
        driver = look_for_driver()
        if driver.problem:
            raise errors.plugin_build_failed(
                "which GPU it is for is not known", driver.problem, "name it: --architectures 87 (Orin), 110 (Thor)"
            )
        return sorted({major * 10 + minor for major, minor in (gpu.compute_capability for gpu in driver.gpus)})
    numbers = [part.strip().removeprefix("sm_").replace(".", "") for part in text.split(",")]
    if not all(number.isdigit() and 10 <= int(number) < 1000 for number in numbers):
        raise typer.BadParameter(f"{text!r} is no list such as 87,110", param_hint="--architectures")
    return sorted({int(number) for number in numbers})


def cpu_model(model: SkipModel, output: Path, threads: int | None) -> dict[str, Any]:
    """Check that the CPU engine runs the model, and write it; weights are packed when a CPU loads it."""
    from edgeskip.backends.registry import choose
    from edgeskip.cli.options import thread_count
    from edgeskip.graph.skip_model import save_skip_model

    backend, _ = choose("cpu", model)
    with backend.create_runner(model, threads=thread_count(threads)) as runner:
        layers, state = runner.layers, runner.state_bytes
        level = getattr(runner, "level", "")
    save_skip_model(model, output)
    return {
        "output": str(output), "backend": "cpu", "level": level, "convolutions": len(model.convolutions),
        "dense_macs": model.dense_macs, "state_bytes": state,
        "ops": dict(Counter(layer.where for layer in layers)), "bytes": output.stat().st_size,
    }  # fmt: skip


def show(record: dict[str, Any], json: bool) -> None:
    """Print what was made."""
    from edgeskip.cli.console import print_facts, print_json

    if json:
        print_json(record)
        return
    title = record.get("output") or record["library"]
    hidden = {"output", "library", "layers", "notes", "warnings"}
    rows = [(key.replace("_", " "), _text(value)) for key, value in record.items() if key not in hidden]
    rows += [("note", text) for key in ("notes", "warnings") for text in record.get(key, [])]
    print_facts(title, rows)


def _library_for(machine: Machine, wanted: EngineWishes) -> Path:
    from edgeskip.backends.tensorrt.plugin_build import build_plugins, plugin_path
    from edgeskip.backends.tensorrt.toolchain import find_toolchain
    from edgeskip.backends.tensorrt.versions import parse_version
    from edgeskip.cli.console import say

    version = parse_version(machine.trt.__version__)
    found = plugin_path(version, machine.gpu.architecture) if not wanted.alias_state else None
    if found is not None:
        return found
    say("compiling the plugins for this machine, once; it takes minutes ...")
    major, minor = machine.gpu.compute_capability
    toolchain = find_toolchain(wanted.tensorrt_include)
    return build_plugins([major * 10 + minor], toolchain, alias_state=wanted.alias_state).library


def _engine_record(result: EngineResult, choices: dict[str, Any], model: SkipModel) -> dict[str, Any]:
    sidecar = result.sidecar
    return {
        "output": str(result.engine), "description": str(result.description), "backend": "tensorrt",
        "tensorrt": sidecar.tensorrt, "gpu": sidecar.gpu["name"], "precision": sidecar.precision,
        "streams": "{min}:{opt}:{max}".format(**sidecar.profile), "choice": choice_counts(choices),
        "state_bytes": result.state_bytes, "bytes": result.plan_bytes, "seconds": round(result.seconds, 1),
        "known_timings": result.known_timings, "layers": sidecar.lowering["layers"],
        "notes": sidecar.lowering["notes"], "warnings": list(result.warnings),
    }  # fmt: skip


@contextmanager
def _bar(description: str) -> Iterator[Any]:
    """A progress bar on a terminal; yields what TensorRT's progress goes into, None elsewhere."""
    import sys

    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from edgeskip.cli.console import errors

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors(), transient=True) as bar:
        task = bar.add_task(description, total=1.0)

        def report(share: float, phase: str) -> bool:
            bar.update(task, completed=max(share, bar.tasks[0].completed), description=phase)
            return True

        yield report


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
