"""The tool that the agent lacks at first: it adds up a column of a CSV file."""  # noqa: INP001 - an operator's file is in no package

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TypedDict

from activities.tools.declare import Effect, Risk, ToolContext, ToolError, need, tool


class Sum(TypedDict):
    """The total of a column, the rows that it comes from, and its parts."""

    total: int
    rows: int
    groups: dict[str, int]


@tool("table.sum", effect=Effect.READ, risk=Risk.LOW, timeout="10s", requires=[need("fs.read", arg="path")])
async def add_up(context: ToolContext, path: str, column: str, by: str) -> Sum:
    """Add up a column of whole numbers in a CSV file, in all and by the values of another column."""
    text = (await context.read_bytes(path)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    missing = {column, by} - set(rows[0] if rows else ())
    if missing:
        raise ToolError(f"`{path}` has no column {', '.join(f'`{name}`' for name in sorted(missing))}")
    groups: Counter[str] = Counter()
    for row in rows:
        groups[row[by]] += int(row[column])
    return {"total": groups.total(), "rows": len(rows), "groups": dict(groups)}
