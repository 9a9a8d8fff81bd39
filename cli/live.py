"""What `detent watch` shows: a picture at a terminal, lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from rich.live import Live
from rich.text import Text

from cli.changes import changes
from cli.render.live_run import LiveRun, picture
from cli.render.screen import stderr
from cli.render.steps import change_line

if TYPE_CHECKING:
    from cli.changes import Change
    from cli.context import Session
    from workflows.contracts.run import RunView

FRAME_S = 0.1
"""As often as anything new is to be had."""


class Screen(Protocol):
    """Shows what is seen of a run."""

    def change(self, change: Change) -> None:
        """Something happened to a call."""

    def view(self, view: RunView) -> None:
        """The run has thought."""

    async def keep_drawing(self) -> None:
        """Draw until cancelled, where anything is drawn at all."""

    def close(self) -> None:
        """Show nothing more."""


class Lines:
    """A line for each thing that happened, on stderr, or on stdout as JSON."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._console = stderr()
        self._before: RunView | None = None

    def change(self, change: Change) -> None:
        """Print it; what a call says while it goes on is for programs and pictures."""
        if self._session.as_json:
            self._session.print_json(change.model_dump(mode="json", exclude_none=True), line=True)
            return
        text = None if change.kind == "attempt" and change.attempt == 1 else change_line(change)
        if text is not None:
            self._console.print(Text(text), soft_wrap=True)

    def view(self, view: RunView) -> None:
        """Print what changed."""
        for change in changes(self._before, view, datetime.now(UTC).isoformat()):
            self.change(change)
        self._before = view

    async def keep_drawing(self) -> None:
        """Lines stand."""

    def close(self) -> None:
        """Nothing is left open."""


class Picture:
    """One picture that is drawn again and again, and goes away at the end: the answer on stdout has it whole."""

    def __init__(self, run: str) -> None:
        self._console = stderr()
        self._run = LiveRun(run)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._stale = True
        self._live.start()

    def change(self, change: Change) -> None:
        """Draw it soon."""
        self._run.take(change)
        self._stale = True

    def view(self, view: RunView) -> None:
        """Draw it soon."""
        self._run.view = view
        self._stale = True

    async def keep_drawing(self) -> None:
        """Ten times a second at most, and only what is new; a screen that was resized is new, too."""
        size = self._console.size
        while True:
            if self._stale or size != self._console.size:
                size, self._stale = self._console.size, False
                self._live.update(picture(self._run, self._console), refresh=True)
            await asyncio.sleep(FRAME_S)

    def close(self) -> None:
        """Take the picture off the screen."""
        self._live.stop()


def screen_for(session: Session, run: str) -> Screen:
    """A picture where a person sits at a terminal that can redraw; `TERM=dumb` cannot, and gets lines."""
    return Picture(run) if session.interactive and not stderr().is_dumb_terminal else Lines(session)
