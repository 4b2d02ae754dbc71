"""A table of plain values becomes a dataclass, and every slip is told with its place."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from edgeskip.core.errors import ConfigError

Table = TypeVar("Table")


def read_table(kind: type[Table], values: Any, title: str, place: str = "") -> Table:
    """An instance of the dataclass `kind`; `title` is the file, `place` the table's name, for messages.

    Raises:
        ConfigError: no table, a key that is missing or unknown, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{title}: {place or 'it'} is no table", hint=f"write [{place}] and its keys below")
    known = {field.name: field for field in fields(kind)}
    unknown = [key for key in values if key not in known]
    if unknown:
        near = get_close_matches(unknown[0], list(known), 1)
        hint = f"did you mean {near[0]}?" if near else f"keys: {', '.join(known)}"
        raise ConfigError(f"{title}: unknown key {_joined(place, unknown[0])}", hint=hint)
    required = [name for name, field in known.items() if field.default is MISSING and field.default_factory is MISSING]
    missing = [_joined(place, name) for name in required if name not in values]
    if missing:
        raise ConfigError(f"{title}: missing {', '.join(missing)}", hint="edgeskip train-gates --help shows an example")
    hints = typing.get_type_hints(kind)
    return kind(**{key: _value(hints[key], value, title, _joined(place, key)) for key, value in values.items()})


def _value(kind: Any, value: Any, title: str, place: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return read_table(kind, value, title, place)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _value(arguments[0], value, title, place)
    if origin is tuple:
        return _tuple(arguments, value, title, place)
    if origin is dict and isinstance(value, Mapping):
        return dict(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = kind in (str, int, float, bool, Path) and isinstance(value, kind)
    if not plain or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{title}: {place} is {value!r}", hint=f"it must be {_NAMES.get(kind, 'a table')}")
    return value


def _tuple(arguments: tuple[Any, ...], value: Any, title: str, place: str) -> tuple[Any, ...]:
    entry = arguments[0]
    many = len(arguments) == 2 and arguments[1] is Ellipsis
    # one value stands for a list of it, which reads better for a single folder
    listed = [value] if many and not isinstance(value, list | tuple) else value
    if not isinstance(listed, list | tuple) or (not many and len(listed) != len(arguments)):
        raise ConfigError(f"{title}: {place} is {value!r}", hint=f"it must be a list of {len(arguments)} values")
    return tuple(_value(entry, item, title, place) for item in listed)


def _joined(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


_NAMES = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
