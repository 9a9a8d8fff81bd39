"""The picture of a run that goes on: by attempt, never wider or higher than the screen, and safe to look at."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from temporalio.api.common.v1 import Payloads
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter

from cli.changes import Change
from cli.render.live_run import LiveRun, picture
from cli.running import Said, said
from workflows.contracts.pause import PauseView
from workflows.contracts.run import NodeView, RunView, UsageView

AT = "2026-11-21T06:20:00.000Z"
HOSTILE = "\x1b[2J\x1b]0;title\x07 \u202egnp.exe [bold red]x[/] \u200bzero\r\x9b31m"


def change(kind: str, **fields: object) -> Change:
    return Change.model_validate({"at": AT, "kind": kind, "activation": "think#1", "id": "think#1:1", **fields})


def view(nodes: int = 1, **fields: object) -> RunView:
    rows = tuple(NodeView(activation=f"think#{n}", kind="model", visit=n, started_at=AT) for n in range(1, nodes + 1))
    told = {"id": "default/g/1", "run_id": "r", "graph": "g", "version": "1.0.0", "tenant": "default", "nodes": rows}
    return RunView.model_validate({**told, "phase": "running", "usage": UsageView(tokens=5), **fields})


def drawn(run: LiveRun, width: int = 80, height: int = 24) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(picture(run, console), end="")
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def speaking(text: str = "so far", **fields: object) -> LiveRun:
    run = LiveRun("default/g/1", view())
    run.take(change("call", call="default", turn=3, text="a prompt"))
    run.take(change("attempt", call="model.scripted", attempt=1))
    run.take(change("text", call="model.scripted", attempt=1, text=text, chars=len(text), **fields))
    return run


async def pending(attempt: int, *details: object) -> Said:
    payloads = Payloads(payloads=await DataConverter.default.encode(details)) if details else None
    call = PendingActivityInfo(activity_id="think#1:1@abc", attempt=attempt, heartbeat_details=payloads)
    return await said(DataConverter.default, call)


@pytest.mark.parametrize(
    ("attempt", "details", "text"),
    [
        (1, ({"attempt": 1, "text": "so far", "chars": 6},), "so far"),
        (2, ({"attempt": 1, "text": "of the lost one", "chars": 15},), ""),
        (1, (), ""),
        (1, ("a word",), ""),
        (1, ({"attempt": 1, "text": 7},), ""),
    ],
)
async def test_only_what_the_present_attempt_said_is_shown(
    attempt: int, details: tuple[object, ...], text: str
) -> None:
    assert (await pending(attempt, *details)).text == text


def test_a_call_is_shown_with_its_turn_and_what_it_says() -> None:
    shown = drawn(speaking())
    assert "think#1  default  turn 3" in shown
    assert "│ so far" in shown


def test_a_new_attempt_replaces_what_the_one_before_said() -> None:
    run = speaking("of the lost one")
    run.take(change("attempt", call="model.scripted", attempt=2, error="overloaded"))
    shown = drawn(run)
    assert "of the lost one" not in shown
    assert "attempt 2 after: overloaded" in shown


def test_a_call_that_has_ended_speaks_no_more_whatever_is_pending_still() -> None:
    run = speaking("the whole text")
    run.take(change("result", call="default", status="ok", text="the whole", tokens=7, cost_usd=0.5, total_tokens=12))
    run.take(change("text", call="default", attempt=1, text="the whole text", chars=14))
    shown = drawn(run, 120)
    assert "│" not in shown
    assert "✓ think#1  default  7 tokens  $0.5000  → the whole" in shown
    assert "with calls just ended 12 tokens" in shown


def test_denials_and_questions_are_shown() -> None:
    asks = PauseView.model_validate(
        {
            "id": "p1",
            "trigger": "human",
            "ui": "panel",
            "node": "ask",
            "activation": "ask#1",
            "ask": "Good?",
            "outcomes": ("yes", "no"),
            "digest": "d",
            "opened_at": AT,
            "on_timeout": "abort",
        }
    )
    run = LiveRun("default/g/1", view(pauses=(asks,)))
    run.take(change("denied", call="pay", rules=("capability.denied",)))
    shown = drawn(run)
    assert "✗ think#1  pay  denied: capability.denied" in shown
    assert "◆ p1  Good?  [yes | no]" in shown


@pytest.mark.parametrize("width", [20, 40, 200])
@pytest.mark.parametrize("height", [8, 24])
def test_the_picture_is_no_wider_and_no_higher_than_the_screen(width: int, height: int) -> None:
    run = LiveRun("default/g/1", view(nodes=60))
    for number in range(9):
        run.take(change("result", id=f"x{number}", call="fs.read", status="ok", text="word " * 60))
        run.take(change("call", id=f"c{number}", call="default", text="word " * 60))
        run.take(change("text", id=f"c{number}", attempt=1, text="word " * 80, chars=900))
    lines = drawn(run, width, height).split("\n")
    assert max(map(len, lines)) <= width
    assert len(lines) <= height


@pytest.mark.parametrize("place", ["text", "error", "call", "activation", "result"])
def test_hostile_text_is_shown_and_not_obeyed(place: str) -> None:
    run = speaking(HOSTILE if place == "text" else "fine")
    run.take(change("attempt", attempt=2, error=HOSTILE if place == "error" else None))
    run.take(change("text", attempt=2, text=HOSTILE if place == "text" else "fine", chars=4))
    more = {"call": "x", "activation": "y", "text": "z"}
    more |= {"text" if place == "result" else place: HOSTILE} if place not in ("text", "error") else {}
    run.take(change("result", id="other", status="failed", **more))
    shown = drawn(run, 200)
    assert not set("\x1b\x07\u202e\u200b\x9b\r") & set(shown)
    assert "[bold red]x[/]" in shown


def test_before_a_worker_begins_the_run_is_named() -> None:
    shown = drawn(LiveRun("default/g/1"))
    assert "default/g/1  not seen yet" in shown
    assert "waiting for a worker to begin" in shown
