"""One line about a call or a node, as the Temporal UI shows it beside the activity's type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.plain_text import plain

if TYPE_CHECKING:
    from workflows.engine.state import Activation, CallState, Frame

MAX_CHARS = 100


def call_summary(call: CallState, activation: Activation, frame: Frame) -> str:
    """Which activation makes the call and with what, on one line of at most 100 characters."""
    return short(f"{activation.id} {_subject(call, frame)}")


def _subject(call: CallState, frame: Frame) -> str:
    """A tool's first text; for a model, whose prompt is too long, what its branch is about."""
    if call.kind == "model":
        about = [value for value in frame.bindings.values() if isinstance(value, str)]
        return f"({call.name}) {short(about[0])}" if about else f"({call.name})"
    for value in call.args.values():
        if isinstance(value, str):  # a path says more than an offset
            return short(value)
    return short(next((str(value) for value in call.args.values() if isinstance(value, int)), ""))


def short(text: str, limit: int = MAX_CHARS) -> str:
    """The text on one line, what would not simply be drawn escaped, cut with an ellipsis."""
    line = plain(text[: limit + 1])
    return line if len(line) <= limit else line[: limit - 1] + "…"
