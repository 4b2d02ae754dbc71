"""The command line. Nothing but what `--help` needs is imported before a command runs."""

from edgeskip.cli.entry import main

__all__ = ["main"]
