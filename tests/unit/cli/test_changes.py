"""What happened between two views of a run."""

from __future__ import annotations

from cli.changes import changes
from cli.render.steps import change_line
from tests.unit.cli.pauses import AT, node, pause, view
from workflows.contracts.pause import Refusal
from workflows.contracts.run import RunView

NOW = "2026-11-21T07:00:00Z"


def _kinds(before: RunView | None, after: RunView) -> list[tuple[str, str | None]]:
    return [(change.kind, change.activation or change.phase) for change in changes(before, after, NOW)]


def test_the_first_view_is_told_whole() -> None:
    first = view(nodes=(node("a#1"), node("b#1", "running")), pauses=(pause(),))
    assert _kinds(None, first) == [
        ("phase", "running"),
        ("started", "a#1"),
        ("ended", "a#1"),
        ("started", "b#1"),
        ("asked", "accept#1"),
    ]


def test_only_what_is_new_is_told() -> None:
    before = view(nodes=(node("a#1"), node("b#1", "running")))
    after = view(nodes=(node("a#1"), node("b#1", "failed"), node("c#1", "running")))
    assert _kinds(before, after) == [("ended", "b#1"), ("started", "c#1")]


def test_the_same_view_twice_tells_nothing() -> None:
    same = view(nodes=(node("a#1"),), pauses=(pause(),))
    assert changes(same, same, NOW) == ()


def test_an_answered_pause_is_lifted() -> None:
    assert _kinds(view("waiting", pauses=(pause(),)), view("completed")) == [
        ("lifted", "accept#1"),
        ("phase", "completed"),
    ]


def test_a_refused_answer_is_told_once() -> None:
    refusal = Refusal(pause="p1", outcome="accept", by="x", reason="unknown", at=AT)
    before, after = view(), view(refusals=(refusal,))
    (change,) = changes(before, after, NOW)
    assert change_line(change) == "! p1: answer refused: unknown"
    assert changes(after, after, NOW) == ()


def test_a_refused_control_is_not_called_an_answer() -> None:
    refusal = Refusal(pause="", outcome="steer", by="x", reason="no agent `b` is at work", at=AT)
    (change,) = changes(view(), view(refusals=(refusal,)), NOW)
    assert change_line(change) == "! refused: no agent `b` is at work"


def test_the_lines_of_changes_cannot_draw_on_the_terminal() -> None:
    hostile = "\x1b[2J\u202e"
    told = changes(None, view(nodes=(node("a#1", summary=hostile),), pauses=(pause(ask=hostile),)), NOW)
    lines = [text for change in told if (text := change_line(change))]
    assert any("\\x1b[2J\\u202e" in text for text in lines)
    assert not any("\x1b" in text or "\u202e" in text for text in lines)


def test_what_starts_is_not_worth_a_line() -> None:
    started = changes(view(), view(nodes=(node("a#1", "running"),)), NOW)[0]
    assert started.kind == "started"
    assert change_line(started) is None
