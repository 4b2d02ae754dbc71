"""Pictures times a vector (squeeze and excite) that the convolution behind multiplies as it reads: never stored."""

from __future__ import annotations

from edgeskip.backends.cpu.facts import Facts
from edgeskip.core.contract import DOMAIN, SKIP_CONV
from edgeskip.graph.ir import Node

Products = dict[str, tuple[str, str]]


def products(nodes: tuple[Node, ...], facts: Facts) -> Products:
    """The product's tensor to (picture, vector), for each Mul that only a 1x1 convolution of `nodes` reads.

    The convolution's mask is the product's: where the vector changed, every pixel is computed again.
    """
    inside = {id(node) for node in nodes}
    readers = facts.graph.consumers()
    found: Products = {}
    for node in nodes:
        factors = _factors(node, facts)
        name = node.outputs[0]
        # with a second reader the multiplication would cost twice
        reader = readers[name][0] if len(readers.get(name, [])) == 1 else None
        if factors and name not in facts.graph.outputs and id(reader) in inside and _multiplies(reader, name):
            found[name] = factors
    return found


def _factors(node: Node, facts: Facts) -> tuple[str, str] | None:
    """The picture and the vector that `node` multiplies, None where it does something else."""
    if node.op_type != "Mul" or any(facts.constant(name) is not None for name in node.inputs):
        return None
    size = facts.size(node.outputs[0])
    for picture, vector in (node.inputs, node.inputs[::-1]):
        if size and size[1:] != (1, 1) and facts.size(picture) == size and facts.size(vector) == (size[0], 1, 1):
            return picture, vector
    return None


def _multiplies(conv: Node | None, name: str) -> bool:
    """Whether `conv` is a convolution that reads each pixel of `name` by itself."""
    if conv is None or conv.domain != DOMAIN or conv.op_type != "SkipConv" or conv.inputs.count(name) != 1:
        return False
    attributes = conv.attributes
    return (
        conv.inputs[SKIP_CONV.inputs.index("x")] == name
        and list(attributes["kernel_shape"]) == [1, 1]
        and not any(attributes["pads"])
        and not attributes["transposed"]
    )
