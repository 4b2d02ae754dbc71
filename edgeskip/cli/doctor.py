"""`edgeskip doctor`: what this machine has, and what to do about the rest."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import typer

from edgeskip.cli.options import Json, examples

if TYPE_CHECKING:
    from edgeskip.doctor import Finding


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("doctor", epilog=examples("edgeskip doctor", "edgeskip doctor --json"))(doctor)


def doctor(json: Json = False) -> None:
    """Show what this machine has: CPU engine, packages, CUDA, TensorRT, cameras, each with a remedy."""
    from edgeskip import __version__
    from edgeskip.cli.console import print_json
    from edgeskip.doctor import examine

    findings = examine()
    if json:
        print_json({"edgeskip": __version__, "findings": [finding.to_record() for finding in findings]})
        return
    _print_findings(findings, __version__)


def _print_findings(findings: list[Finding], version: str) -> None:
    from rich.text import Text

    from edgeskip.cli.console import output

    console = output()
    width = max(len(finding.name) for finding in findings)
    console.print(Text(f"edgeskip {version}", style="bold"))
    for group, members in groupby(findings, key=lambda finding: finding.group):
        console.print()
        console.print(Text(group, style="bold"))
        for finding in members:
            console.print(_line(finding, width))
            if finding.remedy:
                console.print(Text(f"{'':{width + 13}}{finding.remedy}", style="cyan"))


def _line(finding: Finding, width: int):
    from rich.text import Text

    mark, style = ("ok", "green") if finding.ok else ("missing", "red" if finding.needed else "yellow")
    return Text.assemble("  ", (f"{mark:<9}", style), f"{finding.name:<{width}}  ", (finding.detail, "dim"))
