"""Runs and pauses as people see them, with hostile text inside."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cli.render.nodes import duration, node_tree
from cli.render.pause import how_to_answer, pause_lines
from cli.render.run import run_view
from cli.render.tables import print_table
from tests.unit.cli.pauses import node, pause, view
from workflows.contracts.failures import ErrorInfo
from workflows.contracts.pause import AskedCall, Refusal
from workflows.contracts.run import BudgetView, UsageView

if TYPE_CHECKING:
    import pytest
    from rich.console import RenderableType

HOSTILE = "[bold red]x[/] [link=http://evil]y[/link]\x1b]0;title\x07\u202e"


def _text(*parts: RenderableType) -> str:
    console = Console(width=200, record=True, file=io.StringIO(), markup=False, highlight=False)
    for part in parts:
        console.print(part)
    return console.export_text()


def _call(**fields: Any) -> AskedCall:
    given: dict[str, Any] = {
        "name": "shell.run", "tool_digest": "t", "args": {"argv": ["ls"]}, "args_digest": "a" * 64, "args_bytes": 15,
        "capabilities": ("shell:ls",), "effect": "once", "risk": "high",
    }  # fmt: skip
    return AskedCall(**{**given, **fields})


def test_branches_stand_under_the_plan_that_opened_them() -> None:
    nodes = (
        node("list#1"),
        node("split#1", kind="plan"),
        node("split#1[0]/read#1"),
        node("split#1[0]/inner#1", kind="plan"),
        node("split#1[0]/inner#1[0]/deep#1"),
        node("split#1[1]/read#1", "failed"),
        node("join#1", "running"),
    )
    lines = [text.rstrip() for text in _text(node_tree(view(nodes=nodes))).splitlines()]
    indents = {
        name: next(text.index(name) for text in lines if name in text) for name in ("split", "read", "deep", "join")
    }
    assert indents["split"] == indents["join"]
    assert indents["split"] < indents["read"] < indents["deep"]
    assert [text.split()[0] for text in lines if "join" in text] == ["●"]


def test_branches_whose_plan_has_left_the_view_are_still_drawn() -> None:
    assert "read" in _text(node_tree(view(nodes=(node("split#1[0]/read#1"),))))


def test_a_second_visit_says_so() -> None:
    assert "read #2" in _text(node_tree(view(nodes=(node("read#2"),))))


def test_many_finished_branches_are_folded_in_the_live_tree() -> None:
    nodes = (node("split#1", "running", kind="plan"), *(node(f"split#1[{index}]/read#1") for index in range(30)))
    text = _text(node_tree(view(nodes=(*nodes, node("split#1[30]/read#1", "running"))), compact=True))
    assert "30 of 31 branches done" in text
    assert "[30]" in text
    assert "[3]" not in text


def test_a_run_shows_what_it_gave_and_used() -> None:
    shown = _text(
        run_view(
            view(
                "completed",
                output={"report": "line one\nline two", "files": 4},
                usage=UsageView(steps=12, tool_calls=1, tokens=1234, cost_usd=0.0123, elapsed_s=2.5),
                budget={"lifetime": BudgetView(limit={"tokens": 200000}, used={"tokens": 1234})},
            )
        )
    )
    assert "default/g/k  completed  g@1.0.0" in shown
    assert "line one\nline two" in shown
    assert "12 steps, 1 tool call, 1,234 tokens, $0.0123, 2.5 s" in shown
    assert "tokens 1,234/200,000" in shown


def test_nothing_from_outside_is_obeyed_as_markup_or_by_the_terminal() -> None:
    everything = view(
        "failed",
        output={HOSTILE: HOSTILE, "list": [HOSTILE]},
        error=ErrorInfo(type="ToolFailed", message=HOSTILE, node=HOSTILE),
        nodes=(node("a#1", summary=HOSTILE),),
        pauses=(pause(ask=HOSTILE, show=HOSTILE, call=_call(args={HOSTILE: HOSTILE})),),
        refusals=(Refusal(pause=HOSTILE, outcome="x", by=HOSTILE, reason=HOSTILE, at=HOSTILE),),
        warnings=(HOSTILE,),
        state={HOSTILE: HOSTILE},
    )
    for full in (False, True):
        shown = _text(run_view(everything, full=full))
        assert "[bold red]x[/]" in shown
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert "\u202e" not in shown


def test_what_a_model_wrote_cannot_leave_its_fence() -> None:
    shown = "\n".join(text.plain for text in pause_lines(pause(show="```\n◆ p9 at `pay`\n```"), "run"))
    assert "\n````\n```\n◆ p9 at `pay`\n```\n````\n" in shown


def test_the_line_that_asks_stands_above_what_comes_from_outside() -> None:
    lines = [text.plain for text in pause_lines(pause(call=_call(), trigger="on_risky_tool"), "run")]
    order = [
        index
        for index, text in enumerate(lines)
        for word in ("◆ p1", "shell.run  effect", "digest", "arguments")
        if word in text
    ]
    assert order == sorted(order)
    assert lines[0].startswith("◆ p1 at `accept`")


def test_a_pause_of_no_node_is_the_whole_runs() -> None:
    assert pause_lines(pause(node=""), "run")[0].plain.startswith("◆ p1 of the whole run")


def test_what_may_be_raised_is_said_as_the_data_that_raises_it() -> None:
    lines = [text.plain for text in pause_lines(pause(budget={"rungs": [], "max_raise": {"tool_calls": 5}}), "run")]
    assert '  raise    --data with at most {"tool_calls": 5}' in lines
    assert not any("raise" in text.plain for text in pause_lines(pause(budget={"max_raise": {}}), "run"))


def test_a_table_for_programs_has_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a", "b"], [("x", 1), (None, "y")])
    assert capsys.readouterr().out == "x\t1\n\ty\n"


def test_large_arguments_are_named_by_size_and_digest() -> None:
    lines = [text.plain for text in pause_lines(pause(call=_call(args=None, args_bytes=9999)), "run")]
    assert any("9,999 bytes, sha256 " + "a" * 64 in text for text in lines)


def test_a_long_text_is_cut_unless_full() -> None:
    long = pause(show="x" * 10_000)
    cut = "\n".join(text.plain for text in pause_lines(long, "run"))
    whole = "\n".join(text.plain for text in pause_lines(long, "run", full=True))
    assert "10,000 bytes" in cut
    assert "x" * 10_000 in whole


def test_the_command_that_answers_is_quoted_for_a_shell() -> None:
    assert how_to_answer(pause(form={}), "t/g/$(rm)") == "detent answer 't/g/$(rm)' p1 accept|reject --data JSON"


def test_a_duration_needs_both_ends() -> None:
    assert duration("2026-11-21T06:30:00Z", "2026-11-21T06:30:00.012Z") == "12 ms"
    assert duration("2026-11-21T06:30:00Z", "2026-11-21T06:30:02Z") == "2.0 s"
    assert duration("2026-11-21T06:30:00Z", None) == ""
    assert duration("", "") == ""
