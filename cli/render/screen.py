"""The two consoles: plain text in, no markup, no wrapping where no person reads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDE = 10_000


def stdout() -> Console:
    """The console of answers."""
    return _console(stderr=False)


def stderr() -> Console:
    """The console of everything else."""
    return _console(stderr=True)


def show(*parts: RenderableType) -> None:
    """Print to stdout; long lines stay whole where stdout is no terminal."""
    console = stdout()
    for part in parts:
        console.print(part, markup=False, highlight=False, emoji=False, soft_wrap=not console.is_terminal)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)
