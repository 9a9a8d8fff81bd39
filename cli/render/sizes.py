"""How much a run takes, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render.run import labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from cli.run_sizes import ShownRun

KIB = 1024


def size_lines(run: ShownRun) -> Iterator[Text]:
    """A line for its histories, and one for what they reach in the blob store."""
    history = run.history
    histories = "1 history" if history.runs == 1 else f"{history.runs:,} histories"
    yield labelled("history", f"{history.events:,} events, {_bytes(history.bytes)} in {histories}")
    if run.blobs is not None and (run.blobs.count or run.blobs.missing):
        missing = f"; {run.blobs.missing:,} are missing" if run.blobs.missing else ""
        yield labelled("blobs", f"{run.blobs.count:,}, {_bytes(run.blobs.bytes)}{missing}", "red" if missing else "")


def _bytes(number: int) -> str:
    return f"{number:,} B" if number < KIB else f"{number / KIB:,.1f} KiB"
