"""Parameters of a task record, checked once: a wrong name or value is a ModelError."""

from __future__ import annotations

from typing import Any

from edgeskip.core.contract import Task
from edgeskip.core.errors import ModelError


class Parameters:
    """Reads `task.parameters` one by one; `finish` refuses names that nobody read."""

    def __init__(self, task: Task) -> None:
        self._task = task.name
        self._left = dict(task.parameters)
        self._known: list[str] = []

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number with low <= value <= high. Raises ModelError."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise self._error(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false. Raises ModelError."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise self._error(name, value, "true or false")
        return value

    def text(self, name: str, default: str) -> str:
        """A text. Raises ModelError."""
        value = self._take(name, default)
        if not isinstance(value, str):
            raise self._error(name, value, "a text")
        return value

    def pairs(self, name: str) -> tuple[tuple[int, int], ...] | None:
        """Pairs of whole numbers from 0, or None where absent. Raises ModelError."""
        value = self._take(name, None)
        if value is None:
            return None
        if not isinstance(value, (list, tuple)) or not all(map(_is_pair, value)):
            raise self._error(name, value, "a list of pairs of whole numbers from 0")
        return tuple((first, second) for first, second in value)

    def finish(self) -> None:
        """Raises ModelError where a parameter is left that the task does not know."""
        if self._left:
            known = ", ".join(self._known) or "none"
            raise ModelError(
                f"task {self._task}: unknown parameter {min(self._left)!r}",
                hint=f"parameters of this task: {known}",
            )

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        return self._left.pop(name, default)

    def _error(self, name: str, value: Any, rule: str) -> ModelError:
        return ModelError(f"task {self._task}: parameter {name} is {value!r}, it must be {rule}")


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(isinstance(item, int) and not isinstance(item, bool) and item >= 0 for item in value)
    )
