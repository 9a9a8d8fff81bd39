"""Lists as tables without lines; where stdout is no terminal, columns separated by tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cli.render.screen import stdout
from cli.render.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]], styles: Sequence[str] = ()) -> None:
    """Print rows of cells. A style per column may be given; a cell that is a `Text` keeps its own."""
    console = stdout()
    if not console.is_terminal:
        for row in rows:
            console.file.write("\t".join(_plain(cell) for cell in row) + "\n")  # `print` makes spaces of tabs
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, head in enumerate(heads):
        table.add_column(head, style=styles[index] if index < len(styles) else "", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(_plain(cell)) for cell in row))
    console.print(table)


def _plain(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else "" if cell is None else line(cell)
