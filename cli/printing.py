"""The answer of every command that shows a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render.run import run_view
from cli.render.screen import show

if TYPE_CHECKING:
    from cli.context import Session
    from workflows.contracts.run import RunView


def print_view(session: Session, view: RunView, *, full: bool = False) -> None:
    """Print a run to stdout: the view itself for programs, a picture of it for people."""
    if session.as_json:
        session.print_model(view)
    else:
        show(run_view(view, full=full))
