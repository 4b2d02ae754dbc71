"""Plays a source through a network: terminal, window and file, until the source or the person ends it."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeskip.cli.console import say
from edgeskip.cli.facts import source_name
from edgeskip.cli.live import Terminal
from edgeskip.cli.outlet import Outlet
from edgeskip.cli.sources import picture_preparation
from edgeskip.core.errors import EdgeskipError
from edgeskip.demos.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edgeskip.backends.base import Runner
    from edgeskip.cli.networks import Network
    from edgeskip.demos.session import DemoFrame, DenseNetwork, Session
    from edgeskip.video import Frame

ENDLESS_FRAMES = 300


class Player:
    """One run of the demo. `tally` holds its figures, `backend` and `level` what ran it."""

    def __init__(
        self, network: Network, uri: str, backend: str, threads: int, show_masks: bool = True, dense_every: int = 15,
        options: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`options` go to the backend's runner."""
        from edgeskip.backends.registry import choose
        from edgeskip.demos.overlay.view import View

        self._network = network
        self._uri = uri
        self._backend, _ = choose(backend, network.model)
        self._dense_every = dense_every
        self._preparation = picture_preparation(network.model)
        self._view = View(self._preparation, show_masks)
        self.threads = threads
        self.backend = self._backend.name
        self.level: str | None = None
        self.precision = "f32"
        self._options = dict(options or {})
        self.tally = Tally()

    def run(self, start: int, frames: int | None, loop: bool, window: bool, file: Path | None) -> bool:
        """Play; returns whether the person interrupted with Ctrl-C, which keeps what was made so far.

        Raises:
            SourceError, OutputError, InputError: the source, the file or a picture is unfit.
        """
        from edgeskip.video import open_source

        name = source_name(self._network.model)
        with ExitStack() as stack:
            source = stack.enter_context(open_source(self._uri, start, loop=loop))
            runner = self._backend.create_runner(self._network.model, threads=self.threads, **self._options)
            stack.enter_context(runner)
            self.level = getattr(runner, "level", None)
            self.precision = getattr(runner, "precision", "f32")
            outlet = stack.enter_context(Outlet(name, window, file, source.fps))
            terminal = stack.enter_context(Terminal(f"edgeskip  {name}  {self.where}, {self.threads} threads"))
            session = self._session(runner, outlet.wanted)
            if frames is None and file is not None and not window and source.length is None:
                frames = ENDLESS_FRAMES
                say(f"the source has no end: writing {frames} frames; --frames chooses how many")
            try:
                self._play(session, islice(source, frames), outlet, terminal)
            except KeyboardInterrupt:
                return True
        return False

    @property
    def where(self) -> str:
        """What runs the network, in a word or two."""
        return f"{self.backend} {self.level}" if self.level else self.backend

    def _play(self, session: Session, frames: Iterable[Frame], outlet: Outlet, terminal: Terminal) -> None:
        for frame in frames:
            shown = session.step(frame.picture, frame.index)
            self.tally.add(shown)
            terminal.update(shown, self.tally)
            if outlet.wanted and not outlet.put(self._draw(shown), frame.time_s, self._view):
                return

    def _draw(self, shown: DemoFrame) -> Any:
        from edgeskip.demos.overlay.caption import CaptionValues

        name = source_name(self._network.model)
        caption = CaptionValues(name, self.where, self.tally.frame_ms, self.tally.fps, self.tally.speedup)
        return self._view.draw(shown.picture, shown.result, shown.stages, caption, shown.cost.active_mac_fraction)

    def _session(self, runner: Runner, heats: bool) -> Session:
        from edgeskip.demos.session import Session
        from edgeskip.tasks import create_decoder

        decoder = create_decoder(self._network.model.metadata.task, self._preparation)
        dense = self._dense_network() if self._dense_every else None
        return Session(runner, decoder, self._preparation, dense, self._dense_every, heats)

    def _dense_network(self) -> DenseNetwork | None:
        from edgeskip.evaluate.dense import dense_bytes
        from edgeskip.evaluate.peers import create_peers

        try:
            network = dense_bytes(self._network.model, self._network.dense)
            return create_peers(["onnxruntime"], network, self.threads)[0].infer
        except EdgeskipError as error:
            say(f"note: no comparison with the dense network: {error.message}")
            return None
