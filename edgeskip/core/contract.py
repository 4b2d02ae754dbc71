"""The ONNX contract of `model.skip.onnx`, written once: op signatures and metadata.

A skip model is a pure function `(frame, states) -> (outputs, states, masks)`. The three ops of
domain `edgeskip` are described here by tables; exporter, planner, reference and plugins read the
tables or are tested against them. Meaning of the ops: docs/contract.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeskip.core.errors import ContractError

DOMAIN = "edgeskip"
CONTRACT_VERSION = 1
METADATA_KEY = "edgeskip"

NORMS = ("l2", "l1", "linf")
BLOCKS = (1, 2, 4, 8)
# of a frame gate's unsigned threshold to its signed one: the unsigned mean sees texture that the signed one is blind
# to, and noise that it averages away
TEXTURE_FACTOR = 2.5
ACTIVATIONS = (
    "none", "relu", "clip", "leaky_relu", "prelu", "silu", "hard_swish", "hard_sigmoid", "sigmoid", "tanh",
)  # fmt: skip
MASK_KINDS = ("union", "pool", "resize", "reduce", "slice", "pad", "upsample")


@dataclass(frozen=True)
class OpSpec:
    """Signature of one op: names in order; an input or output in `optional` may be absent.

    `attributes` maps a name to its default; `REQUIRED` marks one without.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    optional: frozenset[str]
    attributes: dict[str, Any]
    variadic: bool = False


REQUIRED = object()

SKIP_GATE = OpSpec(
    inputs=("x", "ref"),
    outputs=("y", "mask"),
    optional=frozenset(),
    attributes={"threshold": REQUIRED, "threshold_signed": float("inf"), "norm": "l2", "window": 1},
)
SKIP_CONV = OpSpec(
    inputs=("x", "mask_x", "w", "b", "z", "mask_z", "gate", "channel_weight", "y_prev", "pending"),
    outputs=("y", "mask_y", "pending_next"),
    optional=frozenset({"b", "z", "mask_z", "gate", "channel_weight", "pending", "pending_next"}),
    attributes={
        "kernel_shape": REQUIRED, "strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "group": 1,
        "transposed": 0, "output_padding": [0, 0],
        "activation": "none", "alpha": [], "beta": 0.0,
        "threshold": REQUIRED, "norm": "l2", "block": 1,
    },
)  # fmt: skip
SKIP_MASK = OpSpec(
    inputs=("mask",),
    outputs=("mask_out",),
    optional=frozenset(),
    attributes={
        "kind": REQUIRED,
        # pool: the geometry of MaxPool
        "kernel_shape": [1, 1], "strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "ceil_mode": 0,
        # resize: the attributes of Resize, with the output's height and width in `sizes`
        "mode": "nearest", "coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor",
        "scales": [], "sizes": [],
        # slice: height then width; `ends` clipped to the size as in Slice. upsample: `factor` (nearest)
        # pad: `pads`; a padded pixel counts as its nearest pixel of the picture, so that unknown state fills it once
        "starts": [0, 0], "ends": [], "steps": [1, 1], "factor": 1,
    },
    variadic=True,
)  # fmt: skip
OPS = {"SkipGate": SKIP_GATE, "SkipConv": SKIP_CONV, "SkipMask": SKIP_MASK}


def state_input(index: int, tensor: str) -> str:
    """Name of the state input number `index` for `tensor`."""
    return f"state.{index}.{tensor}"


def state_output(index: int, tensor: str) -> str:
    """Name of the state output number `index` for `tensor`."""
    return f"state.{index}.{tensor}.next"


def mask_name(tensor: str) -> str:
    """Name of the mask that belongs to `tensor`."""
    return f"mask.{tensor}"


def fitting_block(block: int, least_blocks: int, height: int, width: int) -> int:
    """`block`, halved until `least_blocks` of it lie along the shorter side of a map, or it is 1."""
    while block > 1 and block * least_blocks > min(height, width):
        block //= 2
    return block


@dataclass(frozen=True)
class Activation:
    """What follows a convolution. `clip`: alpha[0] to beta; `leaky_relu`, `hard_sigmoid`: alpha[0];
    `prelu`: one alpha per channel; `hard_sigmoid`: max(0, min(1, alpha * x + beta))."""

    kind: str = "none"
    alpha: tuple[float, ...] = ()
    beta: float = 0.0


@dataclass(frozen=True)
class StatePair:
    """One state: the network reads `input` and writes `output`; `start` is "nan" or "one"."""

    input: str
    output: str
    start: str = "nan"


@dataclass(frozen=True)
class Preparation:
    """How a camera picture (uint8, BGR) becomes the network's input: value = (pixel - mean) * scale.

    `size` is (width, height) in pixels. `resize`: "letterbox" keeps the aspect ratio and fills right
    and bottom with `pad_value` (picture at the top left), "stretch" does not keep it. `color`: "BGR",
    "RGB" or "GRAY". `mean` and `scale` hold one value per channel, in pixel units and their inverse.
    """

    size: tuple[int, int]
    color: str = "BGR"
    resize: str = "letterbox"
    pad_value: float = 114.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)

    @property
    def channels(self) -> int:
        """Channels of the network's input."""
        return 1 if self.color == "GRAY" else 3


@dataclass(frozen=True)
class Task:
    """What the outputs mean: a decoder of `edgeskip.tasks` by name, its class labels and parameters."""

    name: str = "tensor"
    labels: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Threshold:
    """Threshold of one layer or gate, and where it came from: value = tolerance * scale.

    `scale` is the layer's own mean norm over channels, `source` how it was found.
    """

    value: float
    tolerance: float
    scale: float
    source: str


@dataclass
class Metadata:
    """What `metadata_props["edgeskip"]` holds, as JSON.

    `masks` maps a tensor to the mask that tells which of its pixels changed; `inputs` maps a
    network input to its preparation; `thresholds` maps the y tensor of a gate or convolution (its
    dense name) to its threshold; `ranges` (INT8) maps a tensor to (low, high).
    """

    states: list[StatePair] = field(default_factory=list)
    masks: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Preparation] = field(default_factory=dict)
    task: Task = field(default_factory=Task)
    thresholds: dict[str, Threshold] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    contract: int = CONTRACT_VERSION
    generator: str = ""

    def to_json(self) -> str:
        """The JSON text that goes into the file."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, file: str) -> Metadata:
        """Read the JSON of `file`. Raises ContractError on another version or a broken record."""
        try:
            record = json.loads(text)
            version = record["contract"]
        except (ValueError, TypeError, KeyError) as error:
            raise ContractError(
                f"{file}: metadata {METADATA_KEY!r} is not the JSON of a skip model",
                hint="export the model again: edgeskip export MODEL -o model.skip.onnx",
            ) from error
        if version != CONTRACT_VERSION:
            newer = isinstance(version, int) and version > CONTRACT_VERSION
            raise ContractError(
                f"{file}: contract version {version}, this edgeskip reads version {CONTRACT_VERSION}",
                hint="update edgeskip: pip install -U edgeskip" if newer else "export the model again: edgeskip export",
            )
        try:
            return cls._from_record(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ContractError(
                f"{file}: metadata {METADATA_KEY!r} is broken: {error}",
                hint="export the model again: edgeskip export MODEL -o model.skip.onnx",
            ) from error

    @classmethod
    def _from_record(cls, record: dict[str, Any]) -> Metadata:
        return cls(
            states=[StatePair(**pair) for pair in record["states"]],
            masks=dict(record["masks"]),
            inputs={name: _preparation(value) for name, value in record["inputs"].items()},
            task=_task(record["task"]),
            thresholds={name: Threshold(**value) for name, value in record["thresholds"].items()},
            ranges={name: (low, high) for name, (low, high) in record.get("ranges", {}).items()},
            about=dict(record.get("about", {})),
            contract=record["contract"],
            generator=record.get("generator", ""),
        )


def _preparation(record: dict[str, Any]) -> Preparation:
    sequences = {key: tuple(record[key]) for key in ("size", "mean", "scale")}
    return Preparation(**{**record, **sequences})


def _task(record: dict[str, Any]) -> Task:
    return Task(record["name"], tuple(record["labels"]), dict(record["parameters"]))
