"""From a skip model to a CPU plan."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from edgeskip.backends.base import LayerInfo
from edgeskip.backends.cpu.activations import activations
from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.chains import Chains
from edgeskip.backends.cpu.decisions import fuse_decisions
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.fused_gates import fuse_gates, gates_behind_chains
from edgeskip.backends.cpu.layout import Layout
from edgeskip.backends.cpu.lowering import lowering_of
from edgeskip.backends.cpu.lowering.chain import lower_chain
from edgeskip.backends.cpu.partition import Partition, Run, partition
from edgeskip.backends.cpu.plan import ConvolutionCost, CpuPlan, EngineStep, SegmentStep
from edgeskip.backends.cpu.products import products
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.skip_model import SkipModel, dense_name


def make_plan(model: SkipModel, native_plan: Any) -> CpuPlan:
    """Plan `model` into `native_plan` (an empty `_native.Plan`).

    Raises:
        ModelError: an op of the contract that the engine can't run.
    """
    model = replace(model, graph=fuse_decisions(model))
    titles = fuse_gates(model.graph)
    facts = Facts(model.graph, model.metadata.masks)
    parts = partition(model, facts)
    layout = Layout(parts.engine_nodes, facts, parts.views)
    builder = Builder(native_plan, facts, layout, titles)
    plan = builder.plan
    plan.inputs, plan.outputs = tuple(model.frame_inputs), tuple(model.outputs)
    constants = model.graph.constants
    plan.fixed_outputs = {name: constants[name] for name in plan.outputs if name in constants}
    read_by_engine = {name for node in parts.engine_nodes for name in node.inputs}
    for run in parts.runs:
        if run.in_engine:
            _add_engine_run(run, builder)
        else:
            _refuse_states(run, model)
            _add_segment(run, builder, parts, read_by_engine)
    return plan


def _refuse_states(run: Run, model: SkipModel) -> None:
    """States live in the engine: a dense segment can't remember."""
    states = {pair.input for pair in model.metadata.states}
    for node in run.nodes:
        if node.op_type != "Identity" and states.intersection(node.inputs):
            raise ModelError(
                f"{model.file}: {node.op_type} {node.outputs[0]} reads a state, and the CPU engine does not know this "
                "way of writing a gate",
                hint="run it with --backend onnxruntime",
            )


def _add_engine_run(run: Run, builder: Builder) -> None:
    begin = builder.ops
    builder.products.update(products(run.nodes, builder.facts))
    chains = Chains(tuple(node for node in run.nodes if node.outputs[0] not in builder.products), builder.facts)
    builder.activations.update(activations(run.nodes, chains, builder.facts))
    written = {id(node) for parts in builder.activations.values() for node in parts}
    own_chains = tuple(node for node in run.nodes if id(node) not in written)
    builder.chain_gates.update(gates_behind_chains(own_chains, chains))
    compared = {id(node) for gates in builder.chain_gates.values() for node in gates}
    fused = written | chains.absorbed | compared
    for node in run.nodes:
        if id(node) in fused or node.outputs[0] in builder.products:
            builder.fused_layer(node)
            continue
        chain = chains.ending_in(node)
        if chain is not None:
            lower_chain(chain.nodes, builder)
            continue
        lowering = lowering_of(node)
        assert lowering is not None
        lowering.lower(node, builder)
    if builder.ops > begin:
        builder.plan.steps.append(EngineStep(begin, builder.ops))


def _add_segment(run: Run, builder: Builder, parts: Partition, read_by_engine: set[str]) -> None:
    graph = segment_graph(run.nodes, builder.facts.graph, read_by_engine, parts)
    to_engine = tuple(name for name in graph.outputs if name in read_by_engine)
    index = sum(isinstance(step, SegmentStep) for step in builder.plan.steps)
    layers = [_segment_layer(node, builder.facts, parts.reasons) for node in run.nodes]
    for name in to_engine:
        if builder.facts.size(name):
            builder.slot(name)
        else:
            builder.mask_named(name)
    for layer in layers:
        if layer.macs:
            builder.plan.costs.append(ConvolutionCost(layer.name, layer.macs, layer.pixels, segment=index))
    builder.plan.layers += layers
    builder.plan.steps.append(SegmentStep(graph, to_engine, tuple(layer.name for layer in layers)))


def segment_graph(nodes: tuple[Node, ...], whole: Graph, read_by_engine: set[str], parts: Partition) -> Graph:
    """The nodes as a graph of their own: it reads what others write, and writes what others read."""
    inside = {output for node in nodes for output in node.outputs if output}
    names = list(dict.fromkeys(name for node in nodes for name in node.inputs if name))
    others = {id(node) for node in nodes}
    read_outside = set(whole.outputs) | read_by_engine
    for run in parts.runs:
        read_outside.update(name for node in run.nodes if id(node) not in others for name in node.inputs)
    return Graph(
        nodes=list(nodes),
        inputs=[name for name in names if name not in inside and name not in whole.constants],
        outputs=[output for node in nodes for output in node.outputs if output in read_outside and output],
        constants={name: whole.constants[name] for name in names if name in whole.constants},
        info={name: whole.info[name] for name in (*names, *inside) if name in whole.info},
        opset=whole.opset,
        name="dense_segment",
    )


def _segment_layer(node: Node, facts: Facts, reasons: dict[str, str]) -> LayerInfo:
    tensor = node.outputs[0]
    known = facts.graph.shape(tensor) or ()
    shape = tuple(dim if isinstance(dim, int) else 1 for dim in known)
    pixels = shape[2] * shape[3] if len(shape) == 4 else 0
    name = dense_name(tensor)
    return LayerInfo(name, node.op_type, name, shape, _dense_macs(node, facts), pixels, "onnxruntime", reasons[tensor])


def _dense_macs(node: Node, facts: Facts) -> int:
    """MACs of a convolution that was left dense, 0 for any other node."""
    if node.op_type not in ("Conv", "ConvTranspose"):
        return 0
    weight = facts.graph.shape(node.inputs[1])
    picture = facts.graph.shape(node.inputs[0] if node.op_type == "ConvTranspose" else node.outputs[0])
    if not weight or not picture or not all(isinstance(size, int) for size in (*weight, *picture[2:])):
        return 0
    return prod(weight) * prod(picture[2:])  # type: ignore[arg-type]
