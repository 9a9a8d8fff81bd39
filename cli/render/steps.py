"""Changes of a run as lines on stderr, where there is no terminal to draw a tree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render.nodes import MARKS
from cli.render.text import line

if TYPE_CHECKING:
    from cli.changes import Change

SUMMARY_CHARS = 160


def change_line(change: Change) -> str | None:
    """One line, or none where a change is not worth one: what starts will end."""
    if change.kind == "ended" and change.status is not None:
        mark, _ = MARKS.get(change.status, ("?", ""))
        return f"{mark} {_name(change)}{_summary(change)}"
    if change.kind == "asked":
        outcomes = " | ".join(line(outcome) for outcome in change.outcomes or ())
        return f"◆ {line(change.pause)} at {_name(change)}{_summary(change)}  [{outcomes}]"
    if change.kind == "refused":
        whose = f"{line(change.pause)}: answer " if change.pause else ""
        return f"! {whose}refused: {line(change.summary)}"
    if change.kind == "attempt":
        why = f"  after: {line(change.error, SUMMARY_CHARS)}" if change.error else ""
        return f"↻ {_name(change)}  {line(change.call)}  attempt {change.attempt}{why}"
    if change.kind in ("result", "denied"):
        return call_line(change)
    if change.kind == "phase":
        return f"= {change.phase}"
    return None


def call_line(change: Change) -> str:
    """What became of a call: `✓ list#1  fs.glob  → 12 files  140 ms`, or the rules that denied it."""
    called = f"{_name(change)}  {line(change.call, 60)}"
    if change.kind == "denied":
        return f"✗ {called}  denied: {line(', '.join(change.rules or ()), SUMMARY_CHARS)}"
    mark = "✓" if change.status == "ok" else "✗"
    said = f"  → {line(change.text, SUMMARY_CHARS)}" if change.text else ""
    used = f"  {change.tokens:,} tokens  ${change.cost_usd or 0:.4f}" if change.tokens else ""
    return f"{mark} {called}{used}{said}"


def _name(change: Change) -> str:
    return line(change.activation or change.node or "", 200)


def _summary(change: Change) -> str:
    return f"  {line(change.summary, SUMMARY_CHARS)}" if change.summary else ""
