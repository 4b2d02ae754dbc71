"""Objects by name, "package.module:name": how a user hands over a network, a data set or a loss."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from edgeskip.core.errors import ModelError


def named_object(path: str, folder: Path | None = None) -> Any:
    """The object that `path` names, found on Python's path, in the current folder, or in `folder`.

    Raises:
        ModelError: not of this form, no such module, or no such name in it.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise ModelError(f"{path!r} names no object", hint="write package.module:name, such as networks.pose:build")
    for place in (Path.cwd(), folder):
        if place is not None and str(place) not in sys.path:
            sys.path.append(str(place))
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise
        raise ModelError(
            f"{path!r}: there is no module {error.name}",
            hint=f"run in the folder that holds {module_name.split('.')[0]}, or set PYTHONPATH to it",
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ModelError(f"{path!r}: {module_name} has no {part!r}", hint=_nearest(found, part))
        found = getattr(found, part)
    return found


def create_named(path: str, options: dict[str, Any], folder: Path | None = None) -> Any:
    """Call the object that `path` names with `options`.

    Raises:
        ModelError: no such object, or it does not take these options.
    """
    factory = named_object(path, folder)
    if not callable(factory):
        raise ModelError(f"{path!r} is a {type(factory).__name__}, which can't be called", hint="name a function")
    try:
        return factory(**options)
    except TypeError as error:
        # of a call that never began, the traceback ends here
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            raise
        raise ModelError(f"{path!r} does not take these options: {error}", hint="options are its arguments") from error


def _nearest(module: Any, name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [entry for entry in dir(module) if not entry.startswith("_")], 3)
    return f"it has {', '.join(near)}" if near else "check the spelling"
