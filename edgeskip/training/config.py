"""What a training of gates is told: one dataclass per table of the configuration file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeskip.core.errors import ConfigError
from edgeskip.core.lazy import require
from edgeskip.training.reading import read_table

OPTIMIZERS = ("adam", "adamw", "sgd")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class ModelConfig:
    """The dense network: `factory` ("package.module:function") is called with `options` and returns a module.

    `weights`: its dense checkpoint, where the factory does not load one. `fold_batch_norms`: see `edgeskip.nn.convert`.
    """

    factory: str
    options: dict[str, Any] = field(default_factory=dict)
    weights: str = ""
    fold_batch_norms: bool = True


@dataclass(frozen=True)
class GateConfig:
    """One policy (`edgeskip.nn.Policy`): gate, its options, and the layers that get it."""

    gate: str
    options: dict[str, Any] = field(default_factory=dict)
    mode: str = "refresh"
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("pointwise", "depthwise", "grouped", "spatial")
    minimum_weights: int = 0
    minimum_macs: int = 0
    shared: str = "error"


@dataclass(frozen=True)
class DataConfig:
    """Clips: videos and folders of pictures (`train`), or any map-style data set (`dataset`).

    `train`, `tuning`: folders, files or URIs. Without `tuning` the last `tuning_share` of every video is kept for it.
    `size` (width, height), `color`, `resize`, `pad_value`, `mean`, `scale`: how a picture becomes the network's input,
    value = (pixel - mean) * scale, mean in grey levels in the network's channel order. `window`: frames of a clip, the
    first being the reference. `spacing`: every how-many-th frame of the video is a frame of the clip. `most_frames`:
    of a video, counted from its start. `dataset`: "package.module:name", called with `options` for training and with
    `tuning_options` for tuning; items are a clip [T, C, H, W], or a tuple of it and targets. `tuning_clips`: clips
    that evaluation takes, spread evenly (0: all). `workers`: processes that load.
    """

    train: tuple[str, ...] = ()
    tuning: tuple[str, ...] = ()
    tuning_share: float = 0.2
    size: tuple[int, int] | None = None
    color: str = "RGB"
    resize: str = "stretch"
    pad_value: float = 114.0
    mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    scale: tuple[float, ...] = (1 / 58.395, 1 / 57.12, 1 / 57.375)
    spacing: int = 1
    most_frames: int = 3000
    dataset: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    tuning_options: dict[str, Any] = field(default_factory=dict)
    window: int = 4
    tuning_clips: int = 32
    workers: int = 0


@dataclass(frozen=True)
class TrainingConfig:
    """The loop.

    `budget`: share of the dense network's MACs that the finished network may need, gates included. `rate`: learning
    rate of gates, `tolerance_rate`: of a norm gate's tolerance, `weights_rate`: of the network's own weights (0: they
    stay as they are). `temperature_end`: factor that the gates' temperatures reach at the last step. `noise`: share of
    the steps over which the Gumbel gates' noise sinks to nothing. `loss`, `metric`:
    "package.module:name"; self-distillation from the dense network without. `teacher`: run the dense network as well,
    for a loss or metric that wants its outputs. `layer_weights`: price of a layer's MACs by the pattern that its name
    matches. `start_share`: share of its blocks that a Gumbel gate opens at the start (0: as its options say). `price`:
    of a MAC at the start, `price_rate`: how fast it follows the budget. `ramp`: share of the steps over which the
    budget sinks from `start_share`. `sweeps`: of a search for each layer's own threshold or bias after the steps
    (`edgeskip.training.allocation`). `steps` 0: only the thresholds are searched and fitted to the budget.
    """

    budget: float
    steps: int = 1000
    batch: int = 4
    rate: float = 1e-2
    tolerance_rate: float = 2e-3
    weights_rate: float = 0.0
    optimizer: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warm_up: int = 20
    clip_gradient: float = 1.0
    temperature_end: float = 0.5
    noise: float = 0.5
    loss: str = ""
    metric: str = ""
    teacher: bool = True
    layer_weights: dict[str, Any] = field(default_factory=dict)
    start_share: float = 0.6
    price: float = 0.1
    price_rate: float = 0.05
    ramp: float = 0.3
    sweeps: int = 0
    log_every: int = 10
    evaluate_every: int = 100
    fit: bool = True
    seed: int = 1
    device: str = "auto"
    precision: str = "float32"


@dataclass(frozen=True)
class Config:
    """Everything; `folder` is where relative paths begin, `output` where results go."""

    model: ModelConfig
    gates: tuple[GateConfig, ...]
    data: DataConfig
    training: TrainingConfig
    output: str = ""
    folder: Path = Path()

    def path(self, name: str) -> Path:
        """`name` as seen from the folder of the configuration."""
        return self.folder / Path(name).expanduser()

    def record(self) -> dict[str, Any]:
        """As plain values, without the places: what two runs must agree on to be the same training."""
        return json.loads(json.dumps({key: asdict(self)[key] for key in ("model", "gates", "data", "training")}))


def read_config(path: str | Path, **changes: Any) -> Config:
    """The configuration in a .toml or .json file, with `changes` to its [training] table.

    Raises:
        ConfigError: the file can't be read, a key is missing, unknown, or has a value that it can't have.
    """
    path = Path(path)
    table = _parsed(path)
    table["training"] = {**table.get("training", {}), **changes}
    folder = Path(table.pop("folder", path.resolve().parent))
    config = read_table(Config, {**table, "folder": folder}, str(path))
    check_config(config, str(path))
    return config


def check_config(config: Config, title: str = "configuration") -> None:
    """Raise ConfigError for values that contradict each other or their rules."""
    data, training = config.data, config.training
    rules = (
        (bool(config.gates), "gates: none", 'add [[gates]] with gate = "gumbel"'),
        (bool(data.train) != bool(data.dataset), "data: needs either train or dataset",
         'train = "clips/" for videos and folders of pictures, dataset = "package.module:Name" for a data set'),
        (not data.train or data.size is not None, "data.size is missing", "size = [width, height] of the network"),
        (data.window >= 2, f"data.window is {data.window}", "2 frames or more: the first one is the reference"),
        (data.spacing >= 1 and data.most_frames >= data.window, "data: spacing or most_frames is too small",
         "spacing counts from 1, most_frames from the window"),
        (0 < data.tuning_share < 1, f"data.tuning_share is {data.tuning_share}", "a share between 0 and 1"),
        (0 < training.budget <= 1, f"training.budget is {training.budget}", "a share of dense MACs, above 0, up to 1"),
        (min(training.steps, training.sweeps) >= 0 and training.batch >= 1,
         "training: steps, sweeps or batch is too small", "steps 0, sweeps 0, batch 1"),
        (min(training.log_every, training.evaluate_every) >= 1,
         "training: log_every and evaluate_every count steps", "1 or more"),
        (training.optimizer in OPTIMIZERS, f"training.optimizer is {training.optimizer!r}", ", ".join(OPTIMIZERS)),
        (training.schedule in ("cosine", "constant"), f"training.schedule is {training.schedule!r}",
         "cosine, constant"),
        (training.precision in PRECISIONS, f"training.precision is {training.precision!r}", ", ".join(PRECISIONS)),
        (training.price > 0 and training.temperature_end > 0, "training: price and temperature_end must be above 0",
         "leave them out for the usual values"),
        (training.teacher or bool(training.loss and training.metric),
         "training.teacher is false without loss or metric",
         "self-distillation needs the teacher: name a loss and a metric"),
    )  # fmt: skip
    for holds, message, hint in rules:
        if not holds:
            raise ConfigError(f"{title}: {message}", hint=hint)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ConfigError(f"can't read {path}: {reason}", hint="edgeskip train-gates --help shows one") from error
    try:
        record = json.loads(text) if path.suffix == ".json" else _toml(text)
    except ValueError as error:  # both parsers' errors are of this class
        raise ConfigError(f"{path}: not {path.suffix[1:] or 'TOML'}: {error}", hint="TOML, or JSON in .json") from error
    if not isinstance(record, dict) or not isinstance(record.get("training", {}), dict):
        raise ConfigError(f"{path}: no tables in it", hint="edgeskip train-gates --help shows one")
    return record


def _toml(text: str) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        return require("tomli", "export", "reading TOML on Python 3.10").loads(text)
    return tomllib.loads(text)
