"""The demo's terminal: a live panel on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from edgeskip.cli.console import errors, percent, say

if TYPE_CHECKING:
    from rich.console import RenderableType

    from edgeskip.demos.session import DemoFrame
    from edgeskip.demos.tally import Tally
    from edgeskip.tasks.base import Result

_BAR = 32
_SPARKS = " ▁▂▃▄▅▆▇█"


class Terminal:
    """Shows the run on stderr. Use it as a context manager; `update` after every frame."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._fractions: deque[float] = deque(maxlen=44)
        self._shown = 0.0
        self._live = None

    def __enter__(self) -> Terminal:
        if sys.stderr.isatty():
            from rich.live import Live

            self._live = Live(console=errors(), refresh_per_second=8, transient=True, redirect_stdout=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, frame: DemoFrame, tally: Tally) -> None:
        """Show `frame`; several times a second at most."""
        self._fractions.append(frame.cost.active_mac_fraction)
        now = time.monotonic()
        if now - self._shown < (0.12 if self._live is not None else 1.0):
            return
        self._shown = now
        if self._live is not None:
            self._live.update(self._panel(frame, tally))
        else:
            say(_line(frame, tally))

    def _panel(self, frame: DemoFrame, tally: Tally) -> RenderableType:
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        rows = [
            _figures(tally),
            Text.assemble(
                ("MACs computed  ", "dim"), (f"{percent(frame.cost.active_mac_fraction):>6}  ", "bold"),
                (_sparkline(self._fractions), "green"),
            ),
            Text(),
            Text("computed by resolution", style="dim"),
            *(_stage_row(stage.reduction, stage.active_mac_fraction) for stage in tally.stages),
            Text(),
            Text.assemble(("frame ", "dim"), f"{frame.index:<7}", (describe(frame.result), "")),
        ]  # fmt: skip
        return Panel(Group(*rows), title=self._title, title_align="left", border_style="dim", width=74, padding=(0, 2))


def describe(result: Result) -> str:
    """What was found, in one line: "2 person, 1 car"."""
    from edgeskip.tasks.base import Detections, Keypoints

    if isinstance(result, Detections):
        counts = Counter(int(class_id) for class_id in result.class_ids)
        named = ((_label(result.labels, class_id), count) for class_id, count in sorted(counts.items()))
        return ", ".join(f"{count} {label}" for label, count in named) or "nothing found"
    if isinstance(result, Keypoints):
        return f"{len(result.scores)} key points, mean score {float(result.scores.mean()):.2f}"
    return ""


def _label(labels: tuple[str, ...], class_id: int) -> str:
    return labels[class_id] if 0 <= class_id < len(labels) else f"class {class_id}"


def _figures(tally: Tally):
    from rich.text import Text

    dense = f"{tally.dense_ms:.1f} ms" if tally.dense_ms is not None else "not measured"
    text = Text.assemble(
        ("frame ", "dim"), (f"{tally.frame_ms:.1f} ms", "bold"), ("   rate ", "dim"), (f"{tally.fps:.0f} fps", "bold"),
        ("   dense ", "dim"), dense,
    )  # fmt: skip
    if tally.speedup is not None:
        text.append(f"   {tally.speedup:.1f}x", style="bold green" if tally.speedup >= 1 else "bold yellow")
        text.append(" vs dense", style="dim")
    return text


def _stage_row(reduction: int, fraction: float):
    from rich.text import Text

    filled = min(_BAR, round(_BAR * fraction)) if fraction < 0.5 / _BAR else max(1, round(_BAR * min(1.0, fraction)))
    return Text.assemble(
        (f"{'1/' + str(reduction):>6} ", "dim"), ("━" * filled, "green"), ("╌" * (_BAR - filled), "bright_black"),
        f" {percent(fraction):>6}",
    )  # fmt: skip


def _sparkline(fractions: deque[float]) -> str:
    """One character a frame; the root opens up the low range."""
    return "".join(_SPARKS[min(8, round(8 * min(1.0, value) ** 0.5))] for value in fractions)


def _line(frame: DemoFrame, tally: Tally) -> str:
    speedup = f", {tally.speedup:.1f}x vs dense {tally.dense_ms:.1f} ms" if tally.speedup is not None else ""
    share = percent(frame.cost.active_mac_fraction)
    found = describe(frame.result)
    return f"frame {frame.index}: {tally.frame_ms:.1f} ms{speedup}, {share} of MACs computed" + (
        f", {found}" if found else ""
    )
