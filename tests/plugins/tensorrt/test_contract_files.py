"""The plugins' contract files say what the creators take, and the same as the ONNX contract."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.tensorrt_builds import PLUGIN_SOURCE

from edgeskip.core.contract import ACTIVATIONS, BLOCKS, MASK_KINDS, NORMS, OPS, REQUIRED
from edgeskip.graph.reference.resize import COORDINATES, NEAREST

FILES = sorted((PLUGIN_SOURCE / "contract").glob("*.json"))
CHOICES = {
    "activation": ACTIVATIONS, "norm": NORMS, "block": BLOCKS, "kind": MASK_KINDS, "ceil_mode": (0, 1),
    "coordinate_transformation_mode": COORDINATES, "nearest_mode": NEAREST, "mode": ("nearest", "linear"),
}  # fmt: skip


def contract_files() -> list[Any]:
    return [pytest.param(json.loads(file.read_text()), id=file.stem) for file in FILES]


def test_each_op_of_the_contract_has_a_plugin() -> None:
    assert {json.loads(file.read_text())["contract_op"] for file in FILES} == set(OPS)


@pytest.mark.parametrize("plugin", contract_files())
def test_every_attribute_of_the_op_is_the_plugins_or_named_as_left_out(plugin: dict) -> None:
    names = [attribute["name"] for attribute in plugin["attributes"]]
    left_out = set(plugin["not_of_the_plugin"])
    assert len(names) == len(set(names))
    assert left_out.isdisjoint(names)
    assert set(OPS[plugin["contract_op"]].attributes) <= set(names) | left_out


@pytest.mark.parametrize("plugin", contract_files())
def test_defaults_are_those_of_the_contract(plugin: dict) -> None:
    spec = OPS[plugin["contract_op"]].attributes
    for attribute in plugin["attributes"]:
        if attribute["name"] not in spec:
            continue
        expected = spec[attribute["name"]]
        if expected is REQUIRED:
            assert attribute["required"]
        else:
            assert attribute["default"] == ("infinity" if expected == float("inf") else expected), attribute["name"]


@pytest.mark.parametrize("plugin", contract_files())
def test_choices_are_those_of_the_contract(plugin: dict) -> None:
    for attribute in plugin["attributes"]:
        if attribute["name"] in CHOICES:
            assert tuple(attribute["choices"]) == tuple(CHOICES[attribute["name"]]), attribute["name"]
        else:
            assert attribute["type"] != "text", f"{attribute['name']} needs its choices"


@pytest.mark.parametrize("plugin", contract_files())
def test_inputs_and_outputs_stand_in_the_contracts_order(plugin: dict) -> None:
    spec = OPS[plugin["contract_op"]]
    assert tuple(value["name"] for value in plugin["inputs"]) == spec.inputs
    assert tuple(value["name"] for value in plugin["outputs"]) == spec.outputs
    flags = {attribute["name"] for attribute in plugin["attributes"]}
    optional = {value["name"] for value in plugin["inputs"] + plugin["outputs"] if "present_with" in value}
    assert optional == spec.optional
    assert {value["present_with"] for value in plugin["inputs"] if "present_with" in value} <= flags
