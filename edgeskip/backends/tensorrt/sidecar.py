"""ENGINE.json beside ENGINE: what the engine was built of and for, and what has to be bound to it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeskip.backends.tensorrt import errors
from edgeskip.core.contract import Metadata
from edgeskip.core.errors import ContractError
from edgeskip.core.files import atomic_path, write_bytes
from edgeskip.graph.skip_model import SkipModel, to_bytes

SIDECAR_VERSION = 1


@dataclass(frozen=True)
class Sidecar:
    """Description of one engine.

    `model`: the file it was made of, `model_hash` the SHA-256 of that skip model. `contract`: its metadata as JSON
    gives it; `lowering`: states, masks, layers (docs/tensorrt.md); `outline`: the model without its weights
    (edgeskip.graph.outline). `gpu`: name and compute_capability. `plugin`: what
    `edgeskip_library_info` says, and its path. `profile`: min, opt, max streams. `engine_hash` is SHA-256 too.
    """

    model: str
    model_hash: str
    engine_hash: str
    tensorrt: str
    cuda: str
    gpu: dict[str, Any]
    plugin: dict[str, Any]
    profile: dict[str, int]
    precision: str
    contract: dict[str, Any]
    lowering: dict[str, Any]
    outline: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    version: int = SIDECAR_VERSION
    generator: str = ""

    @property
    def metadata(self) -> Metadata:
        """The contract's metadata. Raises ContractError."""
        return Metadata.from_json(json.dumps(self.contract), self.model)


def sidecar_path(engine: Path) -> Path:
    """Where the description of `engine` lies."""
    return engine.with_name(f"{engine.name}.json")


def model_hash(model: SkipModel) -> str:
    """SHA-256 of a skip model as it would be written."""
    return hashlib.sha256(to_bytes(model)).hexdigest()


def write_engine(engine: Path, plan: bytes, sidecar: Sidecar) -> None:
    """Write engine and description; neither is seen before both are whole on the disk. Raises OutputError."""
    text = json.dumps(asdict(sidecar), indent=1, sort_keys=True)
    with atomic_path(engine) as temporary:
        temporary.write_bytes(plan)
        # the engine's name appears last: a description without its engine harms nobody
        write_bytes(sidecar_path(engine), text.encode())


def read_sidecar(engine: Path) -> Sidecar:
    """The description of `engine`.

    Raises:
        TensorRTError: missing, broken, of another version, or not that of this engine.
    """
    path = sidecar_path(engine)
    if not engine.is_file():
        raise errors.engine_unloadable(str(engine), "no such file")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise errors.no_sidecar(str(engine), str(path)) from error
    except (OSError, ValueError) as error:
        raise errors.broken_sidecar(str(path), str(error)) from error
    sidecar = _from_record(record, path)
    if hashlib.sha256(engine.read_bytes()).hexdigest() != sidecar.engine_hash:
        raise errors.broken_sidecar(str(path), "it belongs to another engine, or the engine is truncated")
    return sidecar


def _from_record(record: Any, path: Path) -> Sidecar:
    if not isinstance(record, dict) or record.get("version") != SIDECAR_VERSION:
        found = record.get("version") if isinstance(record, dict) else None
        raise errors.broken_sidecar(str(path), f"version {found}, this edgeskip reads version {SIDECAR_VERSION}")
    try:
        sidecar = Sidecar(**record)
        assert {"min", "opt", "max"} <= sidecar.profile.keys()
        assert {"states", "masks", "inputs", "outputs"} <= sidecar.lowering.keys()
        assert {"name", "compute_capability"} <= sidecar.gpu.keys()
        assert sidecar.metadata.states
    except (TypeError, AssertionError, AttributeError, ContractError) as error:
        raise errors.broken_sidecar(str(path), str(error) or "an entry is missing") from error
    return sidecar


@dataclass(frozen=True)
class Here:
    """What the machine has that an engine is to run on."""

    tensorrt: str
    gpu_name: str
    compute_capability: tuple[int, int]
    plugin: dict[str, Any] = field(default_factory=dict)


def require_fitting(sidecar: Sidecar, engine: Path, here: Here, streams: int) -> None:
    """Raises TensorRTError unless the engine runs on this machine, for so many streams."""
    model = sidecar.model
    compatible = sidecar.options.get("version_compatible") and _major(sidecar.tensorrt) == _major(here.tensorrt)
    if sidecar.tensorrt != here.tensorrt and not compatible:
        raise errors.engine_mismatch(str(engine), "TensorRT", sidecar.tensorrt, here.tensorrt, model)
    built_for = tuple(sidecar.gpu["compute_capability"])
    hardware = sidecar.options.get("hardware", "none")
    if built_for != here.compute_capability and not (hardware == "ampere+" and here.compute_capability >= (8, 0)):
        built, found = (f"{name} (sm_{major}{minor})" for name, (major, minor) in (
            (sidecar.gpu["name"], built_for), (here.gpu_name, here.compute_capability),
        ))  # fmt: skip
        raise errors.engine_mismatch(str(engine), "GPU", built, found, model)
    hashes = sidecar.plugin.get("source_hash"), here.plugin.get("source_hash")
    if all(hashes) and hashes[0] != hashes[1]:
        raise errors.engine_mismatch(str(engine), "plugin", hashes[0], hashes[1], model)
    smallest, largest = sidecar.profile["min"], sidecar.profile["max"]
    if not smallest <= streams <= largest:
        raise errors.batch_outside_profile(str(engine), streams, smallest, largest, model)


def _major(version: str) -> str:
    return version.split(".")[0]
