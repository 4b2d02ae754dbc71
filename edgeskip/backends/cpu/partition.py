"""Which nodes run where, and in which order: engine ops and dense segments take turns."""

from __future__ import annotations

from dataclasses import dataclass

from edgeskip.backends.cpu.decisions import DOMAIN as ENGINE_DOMAIN
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering import lowering_of, supports
from edgeskip.backends.cpu.lowering.base import Views
from edgeskip.core.contract import DOMAIN
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class Run:
    """Nodes that run one after the other, all in the engine or all in one dense segment."""

    in_engine: bool
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Partition:
    """Runs in order; why each node of a dense segment is there; the engine's views."""

    runs: list[Run]
    reasons: dict[str, str]
    views: Views

    @property
    def engine_nodes(self) -> list[Node]:
        """Nodes of the engine, in order."""
        return [node for run in self.runs if run.in_engine for node in run.nodes]


def partition(model: SkipModel, facts: Facts) -> Partition:
    """Split what the outputs depend on into engine runs and maximal connected dense segments.

    Raises:
        ModelError: an op of the contract that the engine can't run.
    """
    nodes = needed_nodes(model, facts)
    reasons = {node.outputs[0]: reason for node in nodes if (reason := supports(node, facts)) is not None}
    for node in nodes:
        if node.domain == DOMAIN and node.outputs[0] in reasons:
            raise ModelError(
                f"{model.file}: {node.op_type} {node.outputs[0]} can't run in the CPU engine: "
                f"{reasons[node.outputs[0]]}",
                hint="run it with --backend onnxruntime",
            )
    views: Views = {}
    for node in nodes:
        lowering = lowering_of(node)
        if node.outputs[0] not in reasons and lowering is not None:
            views.update(lowering.views(node, facts))
    return Partition(_schedule(nodes, reasons, facts), reasons, views)


def needed_nodes(model: SkipModel, facts: Facts) -> list[Node]:
    """Nodes that the outputs depend on, by value or by mask, in graph order. Nothing else is run."""
    next_states = {pair.input: pair.output for pair in model.metadata.states}
    needed: set[int] = set()
    open_tensors = list(model.outputs)
    while open_tensors:
        node = facts.producers.get(open_tensors.pop())
        if node is None or id(node) in needed:
            continue
        needed.add(id(node))
        open_tensors += reads(node, facts)
        # what a node remembers has to be written, even where nothing of this frame reads it
        open_tensors += [next_states[name] for name in node.inputs if name in next_states]
    return [node for node in facts.graph.nodes if id(node) in needed]


def reads(node: Node, facts: Facts) -> list[str]:
    """Tensors and masks of the file that must exist before `node` runs in the engine."""
    names = [name for name in node.inputs if name]
    if node.domain in (DOMAIN, ENGINE_DOMAIN):
        return names
    masks = [facts.mask_of(name) for name in (*node.inputs, *node.outputs) if name]
    return names + [source for mask in masks if mask for source in _sources(mask, facts)]


def _sources(mask: str, facts: Facts) -> list[str]:
    if mask not in facts.derived:
        return [mask]
    return [source for name in facts.derived[mask].inputs for source in _sources(name, facts)]


def _schedule(nodes: list[Node], reasons: dict[str, str], facts: Facts) -> list[Run]:
    """Engine ops as far as they go, then dense nodes as far as they go, and so on."""
    written = {output for node in nodes for output in node.outputs}
    done: set[str] = set()
    runs: list[Run] = []
    waiting = list(nodes)
    while waiting:
        for in_engine in (True, False):
            taken, waiting = _advance(waiting, in_engine, reasons, written, done, facts)
            if taken and in_engine:
                runs.append(Run(True, tuple(taken)))
            elif taken:
                runs += [Run(False, tuple(part)) for part in _connected(taken, facts)]
        assert runs, "the graph has a cycle"
    return runs


def _advance(
    waiting: list[Node], in_engine: bool, reasons: dict[str, str], written: set[str], done: set[str], facts: Facts
) -> tuple[list[Node], list[Node]]:
    """Nodes of one kind that can run now, in order, and what is left. `done` grows."""
    taken: list[Node] = []
    progress = True
    while progress:
        progress, left = False, []
        for node in waiting:
            here = (node.outputs[0] not in reasons) == in_engine
            inputs = reads(node, facts) if in_engine else node.inputs
            if here and all(name in done or name not in written for name in inputs):
                taken.append(node)
                done.update(node.outputs)
                progress = True
            else:
                left.append(node)
        waiting = left
    return taken, waiting


def _connected(nodes: list[Node], facts: Facts) -> list[list[Node]]:
    """Groups of nodes that share a tensor that one of them writes; each is a session of its own."""
    groups: list[tuple[set[str], list[Node]]] = []
    for node in nodes:
        touched = {name for name in node.inputs if name and facts.constant(name) is None}
        joined = [group for group in groups if group[0] & touched]
        merged = (set(node.outputs).union(*(group[0] for group in joined)), [*_in_order(joined, nodes), node])
        groups = [group for group in groups if not any(group is other for other in joined)] + [merged]
    return [group[1] for group in groups]


def _in_order(groups: list[tuple[set[str], list[Node]]], nodes: list[Node]) -> list[Node]:
    position = {id(node): index for index, node in enumerate(nodes)}
    return sorted((node for group in groups for node in group[1]), key=lambda node: position[id(node)])
