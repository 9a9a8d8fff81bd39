"""A run that goes on as one calm picture: its nodes, what its calls gave, what is said just now, what it has used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from cli.render.nodes import node_tree
from cli.render.run import head, usage_line
from cli.render.steps import call_line
from cli.render.text import block, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

    from cli.changes import Change
    from workflows.contracts.pause import PauseView
    from workflows.contracts.run import RunView

KEEP_RESULTS = 100
LEAST_ROWS, MOST_ROWS = 3, 8
SHOWN_CALLS = 3
ASK_CHARS = 200


@dataclass(slots=True)
class LiveCall:
    """A call in flight: how it was made, and what its present attempt has said so far."""

    made: Change
    attempt: int = 1
    error: str | None = None
    text: str = ""
    chars: int = 0


@dataclass(slots=True)
class LiveRun:
    """What is known of a run at this moment. `calls` and `results` are in the order in which they came."""

    id: str
    view: RunView | None = None
    calls: dict[str, LiveCall] = field(default_factory=dict)
    results: list[Change] = field(default_factory=list)
    tokens: int = 0
    cost_usd: float = 0.0

    def take(self, change: Change) -> None:
        """Take up a change of a call. A new attempt says everything anew: what the one before said goes."""
        name = change.id or ""
        if change.kind in ("result", "denied"):
            self.calls.pop(name, None)
            self.results = [*self.results, change][-KEEP_RESULTS:]
            self.tokens = change.total_tokens or self.tokens
            self.cost_usd = change.total_cost_usd or self.cost_usd
            return
        if change.kind == "call":
            self.calls[name] = LiveCall(change)
        call = self.calls.get(name)
        if call is None:  # what is pending still, and has ended in the history
            return
        if change.kind == "attempt":
            call.attempt, call.error, call.text, call.chars = change.attempt or 1, change.error, "", 0
        elif change.kind == "text":
            call.attempt, call.text, call.chars = change.attempt or 1, change.text or "", change.chars or 0


def picture(run: LiveRun, console: Console) -> RenderableType:
    """The run, never wider or higher than the screen: what is said now stands whole, what came before gives way."""
    top = Text(f"{line(run.id, 200)}  not seen yet", style="dim") if run.view is None else head(run.view)
    height = max(console.height - 3, LEAST_ROWS)
    now = [*_asks(run.view.pauses if run.view else (), height // 4), *_said(run, console, height // 2)]
    nodes = _nodes(run, console, max(height - len(now), 0))
    room = height - len(now) - len(nodes) - 2
    told = [_styled(change) for change in run.results[-min(room, MOST_ROWS) :]] if room > 0 else []
    rows = [*nodes, *([Text()] if told else []), *told, *([Text()] if now and room > 0 else []), *now]
    return Group(*(_cut(row, console) for row in (top, *rows[-height:], Text(_foot(run), style="dim"))))


def _nodes(run: LiveRun, console: Console, room: int) -> list[Text]:
    """The tree; where the screen is too low for it, its last lines, because that is where the run is."""
    if run.view is None or not room:
        return []
    tree = node_tree(run.view, {}, compact=True)
    rendered = console.render_lines(tree, console.options.update(height=None), pad=False)
    rows = [Text.assemble(*((part.text, part.style or "") for part in parts)) for parts in rendered]
    if len(rows) <= room:
        return rows
    return [Text(f"… {len(rows) - room + 1} lines above", style="dim"), *rows[len(rows) - room + 1 :]]


def _said(run: LiveRun, console: Console, room: int) -> list[Text]:
    """The calls in flight, those that speak with the end of what they say."""
    most = max(1, min(SHOWN_CALLS, room // 2))
    calls = sorted(run.calls.values(), key=lambda call: bool(call.text))[-most:]
    height = max(1, min(MOST_ROWS, room // max(len(calls), 1) - 1))
    more = len(run.calls) - len(calls)
    rows = [Text(f"… {more} more calls", style="dim")] if more else []
    for call in calls:
        rows += [Text(_title(call), style="cyan"), *(_tail(call, console, height) if call.text else ())]
    return rows


def _title(call: LiveCall) -> str:
    made = call.made
    turn = f"  turn {made.turn}" if made.turn else ""
    again = f"  attempt {call.attempt}" if call.attempt > 1 else ""
    why = f" after: {line(call.error, 120)}" if call.error else ""
    about = f"  {line(made.text, 160)}" if made.text and not call.text else ""
    return f"● {line(made.activation, 120)}  {line(made.call, 60)}{turn}{again}{why}{about}"


def _tail(call: LiveCall, console: Console, height: int) -> list[Text]:
    width = max(console.width - 2, 8)
    begins = "" if call.chars <= len(call.text) else "…"
    lines = Text(begins + block(call.text).rstrip("\n")).wrap(console, width)
    return [Text.assemble(("│ ", "dim"), row) for row in lines[-height:]]


def _asks(pauses: tuple[PauseView, ...], room: int) -> Iterator[Text]:
    for pause in pauses[: max(1, room)]:
        outcomes = " | ".join(line(outcome, 60) for outcome in pause.outcomes)
        yield Text(f"◆ {line(pause.id)}  {line(pause.ask, ASK_CHARS)}  [{outcomes}]", style="yellow")


def _foot(run: LiveRun) -> str:
    """What was used: the run's own count, and beside it what calls have said since."""
    if run.view is None:
        return "waiting for a worker to begin"
    newer = run.tokens > run.view.usage.tokens
    return usage_line(run.view) + (
        f"; with calls just ended {run.tokens:,} tokens, ${run.cost_usd:.4f}" if newer else ""
    )


def _styled(change: Change) -> Text:
    bad = change.kind == "denied" or change.status not in (None, "ok")
    return Text(call_line(change), style="red" if bad else "dim")


def _cut(text: Text, console: Console) -> Text:
    text.truncate(console.width, overflow="ellipsis")
    return text
