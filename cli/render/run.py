"""A run for people: a head, its nodes as a tree, what it asks, what it gave, what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from cli.render.nodes import node_tree
from cli.render.pause import pause_lines
from cli.render.text import fence, json_text, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from workflows.contracts.failures import ErrorInfo
    from workflows.contracts.run import BudgetView, RunView

PHASE_STYLES = {
    "running": "cyan",
    "waiting": "yellow",
    "paused": "yellow",
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
    "aborted": "red",
}
LABEL_WIDTH = 9
ERROR_CHARS = 1000
WARNING_CHARS = 500


def run_view(view: RunView, *, full: bool = False) -> RenderableType:
    """Everything about a run."""
    parts: list[RenderableType] = [head(view)]
    if view.nodes:
        parts += [Text(), node_tree(view)]
    for pause in view.pauses:
        parts += [Text(), *pause_lines(pause, view.id, full=full)]
    ending = [*_ending(view, full=full)]
    return Group(*parts, Text(), *ending) if ending else Group(*parts)


def head(view: RunView) -> Text:
    """`default/code-review/x1  completed  code-review@1.0.0`."""
    version = f"@{line(view.version)}" if view.version else ""
    graph = f"  {line(view.graph)}{version}"
    return Text.assemble((line(view.id, 200), "bold"), "  ", (view.phase, PHASE_STYLES[view.phase]), (graph, "dim"))


def labelled(label: str, value: str, style: str = "") -> Text:
    """A line of a label and its value; a label that is too long for its column keeps a space after it."""
    return Text.assemble((f"{label:<{LABEL_WIDTH - 1}} ", "dim"), (value, style))


def usage_line(view: RunView) -> str:
    """What the run used, in words."""
    used = view.usage
    parts = [_count(used.steps, "step"), _count(used.tool_calls, "tool call"), _count(used.tokens, "token")]
    missing = f" without `{'`, `'.join(map(line, used.unpriced))}` (no price)" if used.unpriced else ""
    return ", ".join([*parts, f"${used.cost_usd:.4f}{missing}", f"{used.elapsed_s:.1f} s"])


def _ending(view: RunView, *, full: bool) -> Iterator[Text]:
    if view.error is not None:
        yield from _error(view.error, full=full)
    if view.output is not None:
        yield from _value("output", view.output, full=full)
    if full and view.state:
        yield from _value("state", view.state, full=True)
    yield labelled("used", usage_line(view))
    for scope, budget in view.budget.items():
        limited = [f"{line(unit)} {_amount(budget, unit)}" for unit, top in budget.limit.items() if top is not None]
        if limited:
            yield labelled("budget", ", ".join(limited) + f"  ({line(scope)})")
    for warning in view.warnings:
        yield labelled("warning", line(warning, WARNING_CHARS), "yellow")
    for refusal in view.refusals:
        whose = f"an answer to {line(refusal.pause)} by {line(refusal.by)}: " if refusal.pause else ""
        yield labelled("refused", f"{whose}{line(refusal.reason)}", "yellow")


def _error(error: ErrorInfo, *, full: bool) -> Iterator[Text]:
    """What went wrong on one line; a message that is too long for one stands fenced below the engine's words."""
    at = f" at `{line(error.node)}`" if error.node else ""
    short = len(error.message) <= ERROR_CHARS
    yield labelled("error", f"{line(error.type)}{at}: {line(error.message) if short else 'as follows'}", "red")
    if not short:
        yield from (Text(part) for part in fence(error.message, full=full))


def _value(label: str, value: object, *, full: bool) -> Iterator[Text]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _field(f"{label}.{line(key, 64)}", item, full=full)
        return
    yield from _field(label, value, full=full)


def _field(label: str, value: object, *, full: bool) -> Iterator[Text]:
    shown = value if isinstance(value, str) else json_text(value)
    if "\n" in shown or len(shown) > 160:  # noqa: PLR2004 - about two lines of a terminal
        yield Text(label, style="dim")
        yield from (Text(part) for part in fence(shown, full=full))
        return
    yield labelled(label, line(shown))


def _amount(budget: BudgetView, unit: str) -> str:
    held = budget.reserved.get(unit, 0)
    reserved = f"+{_number(held)}" if held else ""
    return f"{_number(budget.used.get(unit, 0))}{reserved}/{_number(budget.limit[unit] or 0)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
