"""A torch network to a skip model: with the gates that it was trained with, or without any by way of its dense form."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.core.lazy import require
from edgeskip.export.dense import check_inputs, export_dense, peek
from edgeskip.export.scales import layer_scales
from edgeskip.export.torch_gates import gates_of
from edgeskip.export.torch_trace import Trace, trace
from edgeskip.export.torch_verify import verify_network
from edgeskip.graph.passes import simplify
from edgeskip.graph.passes.place_gates import GateOptions, place_gates
from edgeskip.graph.skip_model import SkipModel

if TYPE_CHECKING:
    from torch import nn

VERIFIED_FRAMES = 8
DENSE_TOLERANCE = 0.06


@dataclass(frozen=True)
class TorchOptions:
    """Of `export_torch`. `tolerance`: of convolutions without a trained gate; None is 0 beside trained gates, and 0.06
    in a network that has none. `frame_threshold`: of the picture, in steps of 0..255; None likewise is 0, or that of
    `export_dense`. `exporter`: "torchscript" or "dynamo". `verified_frames`: how many are compared with torch.
    """

    tolerance: float | None = None
    frame_threshold: float | None = None
    norm: str = "l2"
    block: int = 1
    exporter: str = "torchscript"
    verified_frames: int = VERIFIED_FRAMES
    source_description: str = "given frames"


def load_network(factory: str, weights: str | Path | None = None) -> nn.Module:
    """The network that `package.module:factory` makes, in eval mode; `weights` as `edgeskip.nn.load_checkpoint` reads.

    Raises:
        ModelError: no such module or factory, it makes no network, or the weights don't fit.
        MissingPackageError: no torch.
    """
    torch = require("torch", "export", "exporting a torch network")
    module, _, name = factory.partition(":")
    if not module or not name:
        raise ModelError(f"{factory!r} is not package.module:factory", hint="such as --torch my_networks.pose:build")
    network = _called(_imported(module, factory), name, factory)
    if not isinstance(network, torch.nn.Module):
        raise ModelError(f"{factory} makes a {type(network).__name__}, not a torch.nn.Module")
    if weights is not None:
        from edgeskip.nn import load_checkpoint

        load_checkpoint(network, weights)
    return network.float().eval()


def trace_network(network: nn.Module, size: tuple[int, int], channels: int, exporter: str = "torchscript") -> Trace:
    """The dense graph of `network` for pictures of `size` (width, height). Raises ModelError."""
    torch = require("torch", "export", "exporting a torch network")
    gates_of(network)
    with _evaluating(network):
        return trace(network, torch.zeros(1, channels, size[1], size[0]), exporter)


def export_torch(
    network: nn.Module,
    preparation: Preparation,
    task: Task,
    frames: Iterable[np.ndarray],
    options: TorchOptions | None = None,
    traced: Trace | None = None,
) -> SkipModel:
    """A skip model of `network`; save it with `save_skip_model`.

    A network without a SkipConv2d goes the way of `export_dense`. One with trained gates keeps them, and is compared
    with torch, layer by layer, on the first frames.

    Args:
        preparation: how a picture becomes the network's input; its size is that of the exported network.
        frames: prepared pictures float32 [1, C, H, W], at least one, best consecutive frames of a video.
        traced: what `trace_network` made of this very network, so that it need not be traced again.

    Raises:
        ModelError: a layer that can't be exported, torch can't export the network, or the result differs from torch;
            the layer is named.
    """
    options = options or TorchOptions()
    traced = traced or trace_network(network, preparation.size, preparation.channels, options.exporter)
    if not traced.uses:
        return _dense(traced, type(network).__name__, preparation, task, frames, options)
    with _evaluating(network):
        return _trained(network, traced, preparation, task, frames, options)


def _trained(
    network: nn.Module, traced: Trace, preparation: Preparation, task: Task, frames: Iterable[np.ndarray],
    options: TorchOptions,
) -> SkipModel:  # fmt: skip
    name = type(network).__name__
    gates = gates_of(network)
    graph = simplify(traced.graph)
    check_inputs(graph, preparation, name)
    frames = iter(peek(frames, graph, name)[1])
    shown = list(islice(frames, options.verified_frames))
    common = {
        "norm": options.norm, "block": options.block, "task": task,
        "preparations": dict.fromkeys(graph.inputs, preparation),
        # a window would mark the neighbours of what changed, too
        **({} if options.frame_threshold else {"frame_window": 1}),
        "trained": {title: gates[use.name] for title, use in traced.uses.items()},
    }  # fmt: skip
    model = place_gates(graph, GateOptions(0.0, 0.0, **common))
    model.file = name
    error = verify_network(model, network, traced, shown)
    if options.tolerance or options.frame_threshold:
        scales = layer_scales(graph, chain(shown, frames), options.norm, name) if options.tolerance else {}
        source = f"tolerance x mean {options.norm} norm over {options.source_description}"
        chosen = GateOptions(
            options.tolerance or 0.0, options.frame_threshold or 0.0, scales=scales, source=source, **common
        )
        model = place_gates(graph, chosen)
        model.file = name
    model.metadata.about = {
        "source": name, "exporter": f"torch, {options.exporter}", "frames": options.source_description,
        "trained_layers": len(traced.uses), "verified_frames": len(shown), "verified_error": error,
    }  # fmt: skip
    return model


def _dense(
    traced: Trace, name: str, preparation: Preparation, task: Task, frames: Iterable[np.ndarray], options: TorchOptions
) -> SkipModel:
    from edgeskip.graph.onnx_io import save_graph

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        save_graph(traced.graph, path)
        model = export_dense(
            path, preparation, task, frames,
            tolerance=DENSE_TOLERANCE if options.tolerance is None else options.tolerance,
            frame_threshold=options.frame_threshold, norm=options.norm, block=options.block,
            source_description=options.source_description,
        )  # fmt: skip
    model.file = name
    model.metadata.about["exporter"] = f"torch, {options.exporter}"
    return model


def _imported(module: str, factory: str) -> Any:
    """The module; the current folder counts, as it does for `python -m`."""
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise ModelError(
                f"{factory}: importing {module} needs the package {error.name}, which is not installed",
                hint=f"pip install {error.name}",
            ) from error
        raise ModelError(
            f"{factory}: there is no module {error.name}",
            hint="run the command in the folder that the package lies in, or install the package",
        ) from error
    finally:
        sys.path.remove(os.getcwd())


def _called(module: Any, name: str, factory: str) -> Any:
    made: Any = module
    for part in name.split("."):
        made = getattr(made, part, None)
    if made is None:
        raise ModelError(f"{factory}: module {module.__name__} has no {name}", hint="--torch package.module:factory")
    is_factory = isinstance(made, type) or not hasattr(made, "state_dict")
    return made() if is_factory and callable(made) else made


@contextmanager
def _evaluating(network: nn.Module) -> Any:
    training = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, before in training:
            module.training = before
