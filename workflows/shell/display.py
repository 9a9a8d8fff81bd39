"""The run as the Temporal UI shows it under "User Metadata": a page of Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workflows.engine.summaries import short

if TYPE_CHECKING:
    from workflows.contracts.pause import PauseView
    from workflows.contracts.run import BudgetLine, NodeView, RunView

MAX_ROWS = 100
MARKS = {"ok": "done", "running": "running", "waiting": "waiting", "failed": "FAILED"}


def page(view: RunView) -> str:
    """Phase, open pauses with the JSON that answers each, budget, and at most 100 rows of nodes."""
    parts = [f"**{_cell(view.graph)}@{_cell(view.version)}** is **{view.phase}**"]
    parts += [_pause(pause) for pause in view.pauses]
    parts += [_budget(scope, lines) for scope, lines in view.budget.items() if scope == "lifetime"]
    parts.append(_nodes(view.nodes))
    return "\n\n".join(parts)


def _pause(pause: PauseView) -> str:
    until = "" if pause.deadline is None else f" (until {pause.deadline}, then {pause.on_timeout})"
    answers = [
        json.dumps({"v": 1, "pause": pause.id, "digest": pause.digest, "outcome": outcome, "by": "you"})
        for outcome in pause.outcomes
    ]
    lines = [f"### {pause.id} waits for you{until}", _cell(short(pause.ask, 300))]
    if pause.call is not None:
        lines.append(f"call `{_code(pause.call.name)}`, arguments SHA-256 `{pause.call.args_digest[:16]}`")
        lines.append(fence(json.dumps(pause.call.args, ensure_ascii=True, indent=1, sort_keys=True)))
    if pause.show is not None:
        lines.append(fence(pause.show))
    lines.append("Send one of these as update `answer`:")
    lines.append(fence("\n".join(answers)))
    return "\n\n".join(lines)


def _budget(scope: str, lines: dict[str, BudgetLine]) -> str:
    rows = [f"| {scope} | used | reserved | limit |", "|---|---|---|---|"]
    for unit, line in lines.items():
        limit = "none" if line.limit is None else f"{line.limit:g}"
        rows.append(f"| {unit} | {line.used:g} | {line.reserved:g} | {limit} |")
    return "\n".join(rows)


def _nodes(nodes: tuple[NodeView, ...]) -> str:
    shown = nodes[-MAX_ROWS:]
    rows = ["| activation | kind | status | |", "|---|---|---|---|"]
    rows += [
        f"| {_cell(node.activation)} | {node.kind} | {MARKS.get(node.status, node.status)} | {_cell(node.summary)} |"
        for node in shown
    ]
    left = len(nodes) - len(shown)
    return "\n".join(rows) + (f"\n\n{left} earlier rows are in the history" if left else "")


def fence(text: str, limit: int = 2048) -> str:
    """Text from outside inside a fence longer than any in it, control and bidirectional characters escaped."""
    safe = "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text)
    if len(safe) > limit:
        safe = f"{safe[: limit - 300]}\n… {len(safe) - limit + 100:,} characters left out …\n{safe[-200:]}"
    ticks = "`" * max(3, _longest_run(safe) + 1)
    return f"{ticks}\n{safe}\n{ticks}"


def _longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest


_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+-.!|~&"})


def _cell(text: str) -> str:
    """Text as one cell of a table: one line, nothing in it is markup."""
    return short(text, 200).translate(_SPECIAL)


def _code(text: str) -> str:
    return short(text).replace("`", "'")
