"""Optional packages are imported where they are used, with an error that names the extra."""

from __future__ import annotations

import importlib
from types import ModuleType

from edgeskip.core.errors import MissingPackageError


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra of edgeskip brings it.

    Raises:
        MissingPackageError: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(error.name + ".")):
            raise
        raise MissingPackageError(
            f"{purpose} needs the package {error.name}, which is not installed",
            hint=f'pip install "edgeskip[{extra}]"',
        ) from error
