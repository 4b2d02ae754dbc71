"""TensorRT's progress monitor (10.0 and newer) as one number that goes from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# called with the share that is done and the phase; returns False to stop the build
Report = Callable[[float, str], bool]


def make_monitor(trt: Any, report: Report) -> Any:
    """A trt.IProgressMonitor, or None where this version has none."""
    base = getattr(trt, "IProgressMonitor", None)
    if base is None:
        return None

    class Monitor(base):  # type: ignore[misc, valid-type]
        """Phases nest; a phase's steps are shares of the step of the one around it. `interrupted`: by Ctrl-C, which
        Python notices in here, and which TensorRT would swallow with a line on stderr."""

        def __init__(self) -> None:
            base.__init__(self)
            self.phases: dict[str, tuple[str | None, int, int]] = {}
            self.goes_on, self.interrupted = True, False

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with self.noticing():
                self.phases[phase_name] = (parent_phase, 0, max(num_steps, 1))

        def step_complete(self, phase_name: str, step: int) -> bool:
            with self.noticing():
                if phase_name in self.phases:
                    parent, _, steps = self.phases[phase_name]
                    self.phases[phase_name] = (parent, min(step + 1, steps), steps)
                    self.goes_on = self.goes_on and report(self.share(phase_name), phase_name) is not False
            return self.goes_on

        def phase_finish(self, phase_name: str) -> None:
            with self.noticing():
                self.phases.pop(phase_name, None)

        @contextmanager
        def noticing(self) -> Iterator[None]:
            try:
                yield
            except KeyboardInterrupt:
                self.goes_on, self.interrupted = False, True

        def share(self, phase_name: str) -> float:
            """What is done of the whole, seen from one phase."""
            parent, done, steps = self.phases[phase_name]
            inside = done / steps
            while parent in self.phases:
                parent, done, steps = self.phases[parent]
                inside = (done + inside) / steps
            return min(inside, 1.0)

    return Monitor()
