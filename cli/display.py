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

if TYPE_CHECKING:
    from rich.console import RenderableType

    from workflows.contracts.run import RunView

REFRESH_PER_S = 10


class Display(Protocol):
    """Shows view after view; `hold` leaves the screen to a question until the next view."""

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

    def hold(self) -> None:
        """Nothing is in the way."""

    def close(self) -> None:
        """Nothing is left open."""


class LiveDisplay:
    """A tree that is drawn again and again, and goes away at the end: the answer on stdout has it whole."""

    def __init__(self) -> None:
        self._console = stderr()
        self._live: Live | None = None

    def update(self, view: RunView) -> None:
        """Draw the view."""
        if self._live is None:
            self._live = Live(console=self._console, transient=True, refresh_per_second=REFRESH_PER_S)
            self._live.start()
        self._live.update(_picture(view, self._console.height), refresh=True)

    def hold(self) -> None:
        """Take the tree off the screen."""
        self.close()

    def close(self) -> None:
        """Take the tree off the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _picture(view: RunView, height: int) -> RenderableType:
    return Group(head(view), _last_lines(view, height), Text(usage_line(view), style="dim"))


def _last_lines(view: RunView, height: int) -> RenderableType:
    """The tree; where the screen is too low for it, its last lines, because that is where the run is."""
    console = stderr()
    tree = node_tree(view, compact=True)
    lines = console.render_lines(tree, console.options.update(height=None), pad=False)
    room = max(height - 4, 3)
    if len(lines) <= room:
        return tree
    text = Text(f"… {len(lines) - room + 1} lines above\n", style="dim")
    shown = ["".join(segment.text for segment in parts) for parts in lines[-room + 1 :]]
    return text.append("\n".join(shown), style="not dim")
