"""From the MODEL argument of a command to a skip model: read, or exported on the fly from a dense network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from edgeskip.cli.options import BUNDLED, DEFAULT_TOLERANCE
from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

    from edgeskip.graph.ir import Graph
    from edgeskip.graph.skip_model import SkipModel

DEFAULT_CALIBRATION_FRAMES = 8
CALIBRATION_SPAN = 400  # frames of a video over which they are spread


@dataclass(frozen=True)
class ExportChoices:
    """What a person may choose for an export; None leaves it to the task's decoder, the network or the exporter."""

    tolerance: float | None = None
    frame_threshold: float | None = None
    norm: str = "l2"
    block: int = 1
    size: tuple[int, int] | None = None
    task: str = "auto"
    labels: str | None = None
    score_threshold: float | None = None
    color: str | None = None
    resize: str | None = None
    pad_value: float | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    video: str | None = None
    calibration_frames: int = DEFAULT_CALIBRATION_FRAMES
    start: int = 0
    residuals_apart: bool = False


def model_path(argument: str) -> Path:
    """The file that a MODEL argument names."""
    if argument != BUNDLED:
        return Path(argument)
    from edgeskip.demos.bundled import bundled_path

    return bundled_path()


@dataclass(frozen=True)
class Network:
    """A skip model, and the dense file that it was exported from in this very run (None where it was read)."""

    model: SkipModel
    dense: Path | None = None


def open_network(argument: str, choices: ExportChoices | None = None) -> Network:
    """The network that a MODEL argument names; a dense one is exported in memory, with a note, and of an engine its
    description is read.

    Raises:
        ModelError, ContractError, TensorRTError: the file can't be read or is no network that edgeskip can take.
    """
    from edgeskip.backends.tensorrt.loader import is_engine, load_engine_model
    from edgeskip.cli.console import say
    from edgeskip.graph.skip_model import is_skip_model, load_skip_model

    path = model_path(argument)
    if is_engine(path):
        return Network(load_engine_model(path))
    if is_skip_model(path):
        return Network(load_skip_model(path))
    choices = choices or ExportChoices()
    if argument != BUNDLED:
        say(f"note: {path} is a dense network: exporting it in memory with --tolerance {_tolerance(choices):g}")
    return Network(export_model(path, choices), path)


def export_model(path: Path, choices: ExportChoices) -> SkipModel:
    """A skip model of the dense network at `path`.

    Raises:
        ModelError: the network can't be read, or a choice does not fit it.
        SourceError: the video for the activation ranges can't be read.
    """
    from edgeskip.export.dense import export_dense
    from edgeskip.graph.onnx_io import load_graph

    graph = load_graph(path, choices.size)
    preparation, task = describe(path, graph, choices)
    frames, described = calibration_frames(preparation, choices)
    model = export_dense(
        path,
        preparation,
        task,
        frames,
        tolerance=_tolerance(choices),
        frame_threshold=choices.frame_threshold,
        norm=choices.norm,
        block=choices.block,
        size=choices.size,
        residuals_apart=choices.residuals_apart,
        source_description=described,
    )
    model.file = model.file or str(path)
    return model


def _tolerance(choices: ExportChoices) -> float:
    return DEFAULT_TOLERANCE if choices.tolerance is None else choices.tolerance


def export_torch_model(factory: str, weights: Path | None, exporter: str, choices: ExportChoices) -> SkipModel:
    """A skip model of the torch network that `factory` ("package.module:factory") makes.

    Raises:
        ModelError: the network can't be made or exported, or its checkpoint does not fit.
        SourceError: the video can't be read.
    """
    from edgeskip.export.torch_network import TorchOptions, export_torch, load_network, trace_network

    if choices.size is None:
        raise ModelError(f"{factory}: the size of its pictures is not known", hint="give it: --size WIDTHxHEIGHT")
    network = load_network(factory, weights)
    traced = trace_network(network, choices.size, 1 if choices.color == "GRAY" else 3, exporter)
    # a description may lie beside the checkpoint; dots of a module's name are no file's suffix
    preparation, task = describe(weights or Path(factory.replace(".", "/")), traced.graph, choices)
    frames, described = calibration_frames(preparation, choices, consecutive=bool(traced.uses))
    options = TorchOptions(
        choices.tolerance, choices.frame_threshold, choices.norm, choices.block, exporter, len(frames), described
    )
    model = export_torch(network, preparation, task, frames, options, traced)
    model.metadata.about["factory"] = factory
    return model


def describe(path: Path, graph: Graph, choices: ExportChoices) -> tuple[Preparation, Task]:
    """How pictures are prepared for a dense network, and what its outputs mean.

    From the JSON file beside the network where there is one, else from its task's decoder; what was chosen wins.
    """
    from edgeskip import tasks
    from edgeskip.demos.bundled import read_description

    input_shape = _picture_shape(path, graph)
    size = (input_shape[3], input_shape[2])
    described = read_description(path) if choices.task == "auto" else None
    if described is None:
        name = choices.task if choices.task != "auto" else tasks.detect_task(input_shape, _output_shapes(graph))
        preparation = tasks.get(name).preparation(size)
        if input_shape[1] == 1:
            preparation = replace(preparation, color="GRAY")
        described = preparation, Task(name)
    preparation, task = described
    preparation = _chosen_preparation(replace(preparation, size=size), choices)
    if preparation.channels != input_shape[1]:
        raise ModelError(
            f"{path}: its input has {input_shape[1]} channels, a {preparation.color} one {preparation.channels}",
            hint="edgeskip reads networks of 1 (--color GRAY) or 3 (--color BGR, RGB) channels",
        )
    task = _chosen_task(task, choices)
    tasks.create_decoder(task, preparation)  # refuses parameters that make no sense before any work is done
    return preparation, task


def calibration_frames(
    preparation: Preparation, choices: ExportChoices, consecutive: bool = False
) -> tuple[list[np.ndarray], str]:
    """Prepared pictures for the activation ranges, and how to call them in the metadata.

    They are spread over the video, or with `consecutive` follow each other, as trained gates want to see them.
    """
    from edgeskip.cli.sources import scene_uri
    from edgeskip.video import open_source, prepare

    uri, count = choices.video or scene_uri(preparation), choices.calibration_frames
    with open_source(uri, choices.start) as source:
        seen = min(source.length or CALIBRATION_SPAN, CALIBRATION_SPAN)
        step = 1 if source.live or consecutive else max(1, seen // count)
        chosen = islice(source, 0, step * count, step)
        frames = [prepare(frame.picture, preparation)[0] for frame in chosen]
    return frames, f"{len(frames)} frames of {uri if choices.video is None else Path(uri).name or uri}"


def _chosen_preparation(preparation: Preparation, choices: ExportChoices) -> Preparation:
    names = ("color", "resize", "pad_value")
    chosen = {name: getattr(choices, name) for name in names if getattr(choices, name) is not None}
    preparation = replace(preparation, **chosen)
    for name in ("mean", "scale"):
        values = getattr(choices, name) or getattr(preparation, name)
        preparation = replace(preparation, **{name: _per_channel(name, values, preparation.channels)})
    return preparation


def _per_channel(name: str, values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(values) == channels:
        return tuple(values)
    if len(set(values)) == 1:
        return (values[0],) * channels
    raise ModelError(
        f"--{name} has {len(values)} values, the picture has {channels} channels",
        hint=f"give one value, or {channels}",
    )


def _chosen_task(task: Task, choices: ExportChoices) -> Task:
    labels = read_labels(choices.labels) if choices.labels is not None else task.labels
    parameters = dict(task.parameters)
    if choices.score_threshold is not None:
        parameters["score_threshold"] = choices.score_threshold
    return Task(task.name, labels, parameters)


def read_labels(text: str) -> tuple[str, ...]:
    """Class names of a comma list, or of a text file with one a line. Raises ModelError."""
    if "," in text and not Path(text).exists():
        return tuple(part.strip() for part in text.split(","))
    try:
        lines = Path(text).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ModelError(
            f"{text}: labels can't be read: {reason}", hint="a text file with one name a line, or: --labels cat,dog"
        ) from error
    return tuple(line.strip() for line in lines if line.strip())


def _picture_shape(path: Path, graph: Graph) -> tuple[int, ...]:
    """[1, C, H, W] of the input. Raises ModelError unless there is one input, a picture."""
    shapes = [graph.shape(name) for name in graph.inputs]
    if len(shapes) != 1 or shapes[0] is None or len(shapes[0]) != 4:
        listed = ", ".join(f"{name} {list(shape or ())}" for name, shape in zip(graph.inputs, shapes, strict=True))
        raise ModelError(
            f"{path}: inputs {listed}; the command line feeds one picture, [N, C, H, W]",
            hint="networks with other inputs are driven from Python: edgeskip.export.dense, edgeskip.backends",
        )
    return (1, *(int(size) for size in shapes[0][1:]))


def _output_shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    shapes = {name: graph.shape(name) for name in graph.outputs}
    return {
        name: (1, *(int(size) for size in shape[1:]))
        for name, shape in shapes.items()
        if shape and all(isinstance(size, int) for size in shape[1:])
    }
