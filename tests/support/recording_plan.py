"""A stand-in for `_native.Plan` that records what it is told, to test planning without native code."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import edgeskip.backends.cpu

STUB = Path(inspect.getfile(edgeskip.backends.cpu)).parent / "_native.pyi"


def _stub_signatures() -> dict[str, inspect.Signature]:
    """The signatures of `Plan` in the stub, so that a call that the engine would refuse fails here too."""
    text = STUB.read_text()
    body = text[text.index("class Plan:") : text.index("class Engine:")]
    space: dict[str, Any] = {}
    exec("from __future__ import annotations\nimport numpy as np\n" + body, space)
    methods = vars(space["Plan"])
    return {name: inspect.signature(method) for name, method in methods.items() if name.startswith("add_")}


@dataclass
class Op:
    """One recorded call: `kind` without "add_", arguments by name."""

    kind: str
    arguments: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]


@dataclass
class RecordingPlan:
    """Checks ids and sizes; `written` tensors by op tell whether an op reads something before it exists."""

    masks: list[tuple[int, int]] = field(default_factory=list)
    buffers: list[tuple[int, int, int]] = field(default_factory=list)
    tensors: list[tuple[int, int, int]] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("add_"):
            raise AttributeError(name)
        signature = _SIGNATURES[name]

        def record(*args: Any, **kwargs: Any) -> int:
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            arguments = {key: value for key, value in bound.arguments.items() if key != "self"}
            return self._record(name.removeprefix("add_"), arguments)

        return record

    def named(self, kind: str) -> list[Op]:
        """All ops of a kind, in order."""
        return [op for op in self.ops if op.kind == kind]

    def _record(self, kind: str, arguments: dict[str, Any]) -> int:
        if kind in ("mask", "buffer", "tensor"):
            table = {"mask": self.masks, "buffer": self.buffers, "tensor": self.tensors}[kind]
            values = tuple(arguments.values())
            if kind == "tensor":
                buffer, offset, channels = values
                assert offset >= 0
                assert offset + channels <= self.buffers[buffer][2]
            table.append(values)
            return len(table) - 1
        for name, value in arguments.items():
            self._check(name, value)
        self.ops.append(Op(kind, arguments))
        return len(self.ops) - 1

    def _check(self, name: str, value: Any) -> None:
        if name in ("mask", "mask_x", "mask_y", "mask_z", "gate", "pending") and value != -1:
            assert 0 <= value < len(self.masks), f"{name} {value} is no mask"
        if name in ("x", "y", "z", "a") and isinstance(value, int) and value != -1:
            assert 0 <= value < len(self.tensors), f"{name} {value} is no tensor"


_SIGNATURES = _stub_signatures()
