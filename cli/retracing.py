"""What `detent replay --envelopes` says: the same records give the same edges, or where they first do not."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from rich.text import Text

from activities.blobs_places import open_blobs
from cli.documents import read_graph, require_valid
from cli.envelopes import fetch_values, read_envelopes
from cli.exits import Exit, invalid, usage
from cli.export import inline
from cli.followed import started_with
from cli.render.screen import show
from cli.render.text import json_text, line
from cli.replaying import read_history
from cli.retraced import retrace
from worker.connect import converter
from worker.settings import blobs_place
from workflows.contracts.records import PlanExecution
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from cli.context import Session
    from cli.retraced import Difference

VALUE_CHARS = 300


def replay_envelopes(session: Session, file: str, history: str | None, graph: str | None) -> int:
    """Route a run again from its records and say whether it goes the same way; exit 5 where it does not."""
    if (history is None) == (graph is None):
        raise usage("`--envelopes` needs the run's graph: give either `--history FILE` or `--graph FILE`")
    envelopes = read_envelopes(file)
    document = asyncio.run(_graph_of(history)) if history else require_valid(read_graph(str(graph), allow_gaps=True))
    compiled = compile_graph(document)
    if compiled.digest != envelopes.lifetime.graph_digest:
        mine, theirs = compiled.digest[:16], envelopes.lifetime.graph_digest[:16]
        message = (
            f"`{history or graph}` is not the graph of `{file}`: its digest is {mine}…, and the run's is {theirs}…"
        )
        raise invalid(message, kind="OtherGraph")
    by_reference = asyncio.run(fetch_values(envelopes))
    difference = retrace(envelopes, compiled)
    plans = sum(isinstance(one, PlanExecution) for one in envelopes.executions)
    counts = {"executions": len(envelopes.executions), "plans": plans, "by_reference": by_reference}
    _say(session, file, counts, difference)
    return Exit.OK if difference is None else Exit.FAILED


def _say(session: Session, file: str, counts: dict[str, int], difference: Difference | None) -> None:
    if session.as_json:
        found = None if difference is None else difference.model_dump(mode="json")
        session.print_json({"file": file, "ok": difference is None, **counts, "difference": found})
        return
    fetched = f", {counts['by_reference']} values from the blob store" if counts["by_reference"] else ""
    told = f"  {counts['executions']} executions, {counts['plans']} of them plans{fetched}"
    if difference is None:
        show(Text.assemble(("✓ ", "green"), line(file), (f"{told}: the same edges", "dim")))
        return
    where = "the run's" if difference.activation is None else f"`{line(difference.activation, 200)}`:"
    both = f"{_shown(difference.recorded)} in the records and {_shown(difference.made)} here"
    words = f"{where} `{difference.field}` is {both}"
    show(Text.assemble(("✗ ", "red"), line(file), (told, "dim")), Text(words, style="red"))


def _shown(value: object) -> str:
    return "nothing" if value is None else line(json_text(value), VALUE_CHARS)


async def _graph_of(file: str) -> dict[str, Any]:
    found, data = read_history(file), converter(open_blobs(blobs_place(os.environ)))
    await inline(found, data)
    return (await started_with(found, data)).graph
