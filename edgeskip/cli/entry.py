"""The entry point: runs the application and turns a user's error into one message and exit code 1."""

from __future__ import annotations

import os
import sys

from edgeskip.core.errors import EdgeskipError

USER_ERROR = 1
INTERRUPTED = 130


def main() -> None:
    """Run `edgeskip` with the arguments of the process and exit.

    Exit codes: 0 done, 1 a user's error, 2 wrong usage, 130 interrupted. A bug shows its traceback.
    """
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit code. Prints a user's error on stderr."""
    from edgeskip.cli.app import app

    try:
        code = _exit_code(app, arguments)
        sys.stdout.flush()
    except EdgeskipError as error:
        _print_error(error)
        return USER_ERROR
    except BrokenPipeError:
        # the reader has gone (edgeskip ... | head): what is still buffered must not raise at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _exit_code(app, arguments: list[str]) -> int:
    """Typer ends a command with SystemExit, also where it went well."""
    try:
        app(args=arguments, prog_name="edgeskip")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _print_error(error: EdgeskipError) -> None:
    print(f"error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"\nhint: {error.hint}", file=sys.stderr)
