"""The batch dimension: one symbol everywhere, so that an optimisation profile can say how many streams there are."""

from __future__ import annotations

from dataclasses import replace

from edgeskip.graph.ir import Graph, TensorInfo

BATCH = "N"


def name_batch(graph: Graph) -> int | None:
    """Name the batch `N` in every known shape; returns the fixed number of streams, None where it is open."""
    sizes = [graph.info[name].shape[0] for name in graph.inputs]
    fixed = {size for size in sizes if isinstance(size, int)}
    if fixed:
        return max(fixed)
    for name, info in graph.info.items():
        # inference gives a name of its own to what it does not follow; in our graphs only the batch is open
        if info.shape and not isinstance(info.shape[0], int):
            graph.info[name] = TensorInfo(info.dtype, (BATCH, *info.shape[1:]))
    return None


def shaped(info: TensorInfo, streams: int) -> TensorInfo:
    """`info` for a number of streams."""
    return replace(info, shape=tuple(size if isinstance(size, int) else streams for size in info.shape))
