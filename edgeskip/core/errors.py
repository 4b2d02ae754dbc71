"""Errors that a user can cause: each is one message and, where one exists, the remedy."""

from __future__ import annotations


class EdgeskipError(Exception):
    """Base of every error a user can cause.

    `message` says what failed, with which value, and the rule. `hint` is the command, flag or
    action that mends it; the command line prints it after a blank line as `hint: ...`.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message


class ModelError(EdgeskipError):
    """The network can't be read, or holds something edgeskip can't run."""


class ContractError(ModelError):
    """A skip model breaks the ONNX contract: version, state pair or reference."""


class SourceError(EdgeskipError):
    """A video source can't be opened, or ended in the middle of a frame."""


class InputError(EdgeskipError):
    """A frame has the wrong shape, or holds a value that is not finite."""


class OutputError(EdgeskipError):
    """A result can't be written; nothing was left half-written."""


class BackendError(EdgeskipError):
    """A backend is missing on this machine, or can't run this model."""


class ConfigError(EdgeskipError):
    """A configuration file can't be read, or says something that it can't say."""


class MissingPackageError(EdgeskipError):
    """An optional package is needed and not installed."""
