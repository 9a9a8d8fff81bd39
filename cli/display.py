"""What a person sees of a run while it goes on: a live tree at a terminal, else a line a step, both on stderr."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli.changes import changes
from cli.render.nodes import node_tree
from cli.render.run import head, usage_line
from cli.render.screen import stderr
from cli.render.steps import change_line
from cli.running import attempts

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cli.changes import Change
    from cli.cluster import Cluster
    from workflows.contracts.run import RunView

TAIL_CHARS = 60
REFRESH_PER_S = 10


class Display(Protocol):
    """Shows view after view; `hold` leaves the screen to a question until the next view."""

    def tell(self, change: Change) -> None:
        """Show what a call in flight reports."""

    def update(self, view: RunView) -> None:
        """Show a view."""

    def hold(self) -> None:
        """Leave the screen to somebody else."""

    def close(self) -> None:
        """Show nothing more."""


class LineDisplay:
    """A line for each change."""

    def __init__(self) -> None:
        self._console = stderr()
        self._before: RunView | None = None

    def update(self, view: RunView) -> None:
        """Print what changed."""
        for change in changes(self._before, view, datetime.now(UTC).isoformat()):
            text = change_line(change)
            if text is not None:
                self._console.print(Text(text), soft_wrap=True)
        self._before = view

    def tell(self, change: Change) -> None:
        """Print that a call is tried again; a first attempt is nothing new."""
        text = change_line(change) if (change.attempt or 0) > 1 and change.text is None else None
        if text is not None:
            self._console.print(Text(text), soft_wrap=True)

    def hold(self) -> None:
        """Nothing is in the way."""

    def close(self) -> None:
        """Nothing is left open."""


class LiveDisplay:
    """A tree that is drawn again and again, and goes away at the end: the answer on stdout has it whole."""

    def __init__(self) -> None:
        self._console = stderr()
        self._live: Live | None = None
        self._view: RunView | None = None
        self._calls: dict[str, str] = {}

    def tell(self, change: Change) -> None:
        """Draw what a call reports beside its node: its name, its attempt if it is not the first, its last text."""
        again = f" attempt {change.attempt}" if (change.attempt or 0) > 1 else ""
        tail = " ".join((change.text or "").split())[-TAIL_CHARS:]
        self._calls[change.activation or ""] = f"{change.call}{again}  {tail}".rstrip()
        if self._live is not None and self._view is not None:
            self._live.update(_picture(self._view, self._calls, self._console.height), refresh=True)

    def update(self, view: RunView) -> None:
        """Draw the view."""
        self._view = view
        if self._live is None:
            self._live = Live(console=self._console, transient=True, refresh_per_second=REFRESH_PER_S)
            self._live.start()
        self._live.update(_picture(view, self._calls, self._console.height), refresh=True)

    def hold(self) -> None:
        """Take the tree off the screen."""
        self.close()

    def close(self) -> None:
        """Take the tree off the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def display_for(*, interactive: bool) -> Display:
    """A live tree where a person sits at a terminal that can redraw; `TERM=dumb` cannot, and gets lines."""
    return LiveDisplay() if interactive and not stderr().is_dumb_terminal else LineDisplay()


async def report_calls(display: Display, cluster: Cluster, run: str) -> None:
    """Tell a display of calls in flight, until the run closes."""
    async for change in attempts(cluster, run):
        display.tell(change)


def _picture(view: RunView, calls: dict[str, str], height: int) -> RenderableType:
    return Group(head(view), _last_lines(view, calls, height), Text(usage_line(view), style="dim"))


def _last_lines(view: RunView, calls: dict[str, str], height: int) -> RenderableType:
    """The tree; where the screen is too low for it, its last lines, because that is where the run is."""
    console = stderr()
    tree = node_tree(view, calls, compact=True)
    lines = console.render_lines(tree, console.options.update(height=None), pad=False)
    room = max(height - 4, 3)
    if len(lines) <= room:
        return tree
    text = Text(f"… {len(lines) - room + 1} lines above\n", style="dim")
    shown = ["".join(segment.text for segment in parts) for parts in lines[-room + 1 :]]
    return text.append("\n".join(shown), style="not dim")
