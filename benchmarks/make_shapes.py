"""Write benchmarks/shapes/*.csv, the convolutions of real networks: python -m benchmarks.make_shapes."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from benchmarks.networks import BUILDERS, build
from edgeskip.core.errors import EdgeskipError, ModelError
from edgeskip.core.files import write_bytes
from edgeskip.evaluate.conv_shapes import ACTIVATIONS, COLUMNS, ConvShape
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.passes import simplify
from edgeskip.graph.passes.fused_conv import activation_of, is_fused_conv

ROOT = Path(__file__).resolve().parent
# file: a network of benchmarks.networks, or one of the shared folder
FILES = {
    "hrnet_w32_384x288": "hrnet_w32",
    "efficientdet_d0_512": "efficientdet_d0",
    "yolox_nano_640x384": "yolox_nano_640x384.onnx",
    "mobilenetv2_224": "mobilenetv2",
    "resnet50_224": "resnet50",
}


def main(arguments: list[str]) -> int:
    """Write the chosen files and print their paths."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.make_shapes", description=__doc__)
    default = Path(os.environ.get("EDGESKIP_SHARED", ROOT.parent.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=default, help="folder with data/networks")
    parser.add_argument("--only", default="", help="files whose name holds this text")
    parser.add_argument("--output", type=Path, default=ROOT / "shapes", help="folder of the files")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    for name, network in FILES.items():
        if options.only in name:
            path = build(network) if network in BUILDERS else options.shared / "data" / "networks" / network
            write_shapes(shapes_of(path), options.output / f"{name}.csv")
            print(options.output / f"{name}.csv")
    return 0


def shapes_of(path: Path) -> list[ConvShape]:
    """The convolutions of an ONNX network, batch norms folded and activations fused; equal ones once, with their count.

    A residual input is left out, transposed convolutions too. Raises ModelError.
    """
    graph = simplify(load_graph(path))
    convolutions = [node for node in graph.nodes if is_fused_conv(node) and not node.attributes["transposed"]]
    counts = Counter(_shape(graph, node, path) for node in convolutions)
    return [replace(shape, count=count, name=shape.described()) for shape, count in counts.items()]


def write_shapes(shapes: list[ConvShape], path: Path) -> None:
    """Write the CSV file that `edgeskip bench conv --shapes` reads. Raises OutputError."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for shape in shapes:
        values = (getattr(shape, column) for column in COLUMNS)
        writer.writerow([_cell(value) for value in values])
    write_bytes(path, table.getvalue().encode())


def _cell(value: object) -> str:
    """One number where all are equal."""
    if not isinstance(value, tuple):
        return str(value)
    return str(value[0]) if len(set(value)) == 1 else " ".join(map(str, value))


def _shape(graph: Graph, node: Node, path: Path) -> ConvShape:
    picture, weight = graph.shape(node.inputs[0]), graph.shape(node.inputs[1])
    if picture is None or weight is None:
        raise ModelError(f"{path}: the shape of {node.inputs[0]} is not known")
    attributes = node.attributes
    return ConvShape(
        int(picture[1]), int(weight[0]), int(picture[2]), int(picture[3]), tuple(attributes["kernel_shape"]),  # type: ignore[arg-type]
        tuple(attributes["strides"]), tuple(attributes["pads"]), tuple(attributes["dilations"]), attributes["group"],
        _activation(node, path),
    )  # fmt: skip


def _activation(node: Node, path: Path) -> str:
    activation = activation_of(node)
    for name, (kind, alpha, beta) in ACTIVATIONS.items():
        if kind == activation.kind and (not alpha or (alpha, beta) == (activation.alpha, activation.beta)):
            return name
    raise ModelError(f"{path}: no shape file has the activation {activation} of {node.outputs[0]}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeskipError as error:
        sys.exit(f"error: {error}")
