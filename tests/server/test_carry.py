"""Long runs go on in new histories, and nobody notices."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from policies.canonical import digest
from tests.server.histories import calls_of, events_of
from tests.support.runs import Runs, graph_of, human, policy_of, tool, working
from workflows.engine.digest import idempotency_key
from workflows.shell import options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run
    from workflows.contracts.run import RunView

CARRY_AFTER = 60


@pytest.fixture
async def short(temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path) -> AsyncIterator[Runs]:
    """A worker whose runs are carried over after 60 events, which is some eight steps."""
    limits = {"steps": None, "tool_calls": None, "wall_clock": None}
    policy = policy_of(budgets={"lifetime": limits}, loop_guard=None)
    place = working(temporal_client, blobs, task_queue, tmp_path, policy=policy, carry_after=CARRY_AFTER)
    async with place as runs:
        yield runs


def loop(times: int, to: str = "end") -> dict[str, object]:
    """Note numbers one by one, then go on; `seen` collects them."""
    act = {"kind": "tool", "tool": "note", "with": {"value": "${visit}"}, "writes": {"seen": "${result.value}"}}
    rules = [{"when": f"visit < {times}", "to": "act"}, {"to": to}]
    return {
        "act": {**act, "next": "again", "max_visits": 1000},
        "again": {"kind": "plan", "max_visits": 1000, "rules": rules},
    }


def fork(*branches: str) -> dict[str, object]:
    return {"kind": "plan", "rules": [{"fork": {"branches": list(branches), "join": "done"}}]}


async def histories(run: Run) -> int:
    started = [e for e in await events_of(run) if e.HasField("workflow_execution_started_event_attributes")]
    return len(started)


async def test_a_loop_goes_on_over_several_histories(short: Runs) -> None:
    graph = graph_of(loop(30), state={"seen": {"reducer": "append"}}, output={"seen": "${state.seen}"})
    run = await short.start(graph)
    view = await run.closed()
    assert (view.phase, view.output) == ("completed", {"seen": list(range(1, 31))})
    assert await histories(run) >= 3
    assert [effect["value"] for effect in short.effects()] == list(range(1, 31)), "nothing is done twice"
    assert view.usage.steps == 60
    assert view.usage.tool_calls == 30
    calls = await calls_of(run)
    assert len({call["key"] for call in calls}) == len(calls) == 30
    assert [call["activation"] for call in calls] == [f"act#{visit}" for visit in range(1, 31)]


async def test_keys_do_not_depend_on_where_a_history_ends(short: Runs) -> None:
    """The key of a call is made of the first history's id: a carried run has the keys that it would have had."""
    graph = graph_of(loop(10), state={"seen": {"reducer": "append"}})
    run = await short.start(graph)
    await run.closed()
    first_run_id = (await run.handle.describe()).raw_description.workflow_execution_info.first_run_id
    for call in await calls_of(run):
        assert call["key"] == idempotency_key(
            namespace=short.client.namespace,
            workflow_id=run.handle.id,
            first_run_id=first_run_id,
            call=f"{call['activation']}:{call['index']}",
            args_digest=digest(call["args"]),
        )


def open_ends() -> dict[str, object]:
    """A loop long enough to be carried, beside a person, a timer and a risky call that all stay open."""
    return graph_of(
        {
            "split": fork("ask", "nap", "danger", "act"),
            "ask": human("yes", "late", to="done", deadline="24h", on_timeout="late", writes={"said": "${result}"}),
            "nap": {"kind": "wait", "for": "2h", "next": "done"},
            "danger": {"kind": "tool", "tool": "risky", "with": {"value": "r"}, "next": "done"},
            **loop(12, "done"),
            "done": tool("note", "end", {"value": "done"}),
        },
        state={"seen": {"reducer": "append"}, "said": {}},
        output={"seen": "${state.seen}", "said": "${state.said.outcome}"},
    )


async def test_pauses_and_timers_stay_open_over_a_carry(short: Runs) -> None:
    run = await short.start(open_ends(), execution_timeout=None)
    before = await run.pause(2)
    await short.effect("note", 12)
    await run.until(lambda view: view.usage.steps > 24 and len(view.pauses) == 2)
    assert await histories(run) >= 2
    view = await run.view()
    assert view.pauses[1] == before, "a pause keeps its id, its digest and its deadline"
    assert {pause.node for pause in view.pauses} == {"ask", "danger"}
    danger = next(pause for pause in view.pauses if pause.node == "danger")
    await run.answer("approve", pause=danger.id, digest=danger.digest)
    await short.effect("risky")
    await TimeSkipper(short.client).fast_forward(run.handle, timedelta(hours=25))
    closed = await run.closed()
    assert closed.phase == "completed"
    assert closed.output == {"seen": list(range(1, 13)), "said": "late"}
    assert len(short.effects("risky")) == 1
    assert [effect["value"] for effect in short.effects("note")] == [*range(1, 13), "done"]


async def test_a_yes_given_before_the_carry_is_used_after_it(short: Runs) -> None:
    """A held run takes answers and starts nothing: the permit waits in the state while the history ends."""
    run = await short.start(open_ends(), execution_timeout=None)
    await run.pause(2)
    await short.effect("note", 2)
    await run.handle.execute_update("pause", {})
    danger = next(pause for pause in await run.pauses() if pause.node == "danger")
    await run.answer("approve", pause=danger.id)
    for _ in range(8):
        await run.handle.execute_update("pause", {})
    assert await histories(run) >= 2
    assert short.effects("risky") == []
    assert (await run.view()).phase == "paused"
    await run.handle.execute_update("resume", {})
    await short.effect("risky")
    (risky,) = [call for call in await calls_of(run) if call["name"] == "risky"]
    assert risky["permit"]["pause"] == danger.id
    await run.handle.cancel()


async def test_a_slow_call_is_waited_for_and_not_repeated(short: Runs) -> None:
    nodes = {
        "split": fork("slow", "act"),
        "slow": {"kind": "tool", "tool": "until", "with": {"file": "go"}, "next": "done"},
        **loop(20, "done"),
        "done": tool("note", "end", {"value": "done"}),
    }
    run = await short.start(graph_of(nodes, state={"seen": {"reducer": "append"}}))
    await short.effect("until")
    await short.effect("note", 5)
    await asyncio.sleep(0.5)
    waiting = len(short.effects("note"))
    await asyncio.sleep(0.3)
    assert len(short.effects("note")) == waiting < 20, "no new call starts while the slow one is in flight"
    assert await histories(run) == 1
    (short.workspace / "go").touch()
    assert (await run.closed()).phase == "completed"
    assert await histories(run) >= 2
    assert len(short.effects("until")) == 1
    assert [effect["value"] for effect in short.effects("note")] == [*range(1, 21), "done"]


async def test_a_call_that_outlasts_our_patience_puts_the_carry_off(
    short: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "DRAIN_S", 0.2)
    monkeypatch.setattr(options, "DRAIN_AGAIN_EVENTS", 60)
    nodes = {
        "split": fork("slow", "act"),
        "slow": {"kind": "tool", "tool": "until", "with": {"file": "go"}, "next": "done"},
        **loop(50, "done"),
        "done": tool("note", "end", {"value": "done"}),
    }
    run = await short.start(graph_of(nodes, state={"seen": {"reducer": "append"}}))
    await short.effect("note", 25)
    assert await histories(run) == 1, "the run goes on beside the slow call"
    (short.workspace / "go").touch()
    assert (await run.closed()).phase == "completed"
    assert await histories(run) >= 2
    assert len(short.effects("until")) == 1
    assert [effect["value"] for effect in short.effects("note")] == [*range(1, 51), "done"]


async def test_a_run_can_be_answered_and_cancelled_while_it_drains(short: Runs) -> None:
    nodes = {
        "split": fork("slow", "ask", "act"),
        "slow": {"kind": "tool", "tool": "until", "with": {"file": "go"}, "next": "done"},
        "ask": human("yes", to="done"),
        **loop(20, "done"),
        "done": tool("note", "end", {"value": "done"}),
    }
    run = await short.start(graph_of(nodes, state={"seen": {"reducer": "append"}}))
    await short.effect("note", 5)
    await asyncio.sleep(0.5)
    await run.answer("yes")
    assert await run.pauses() == []
    await run.handle.cancel()
    await asyncio.sleep(0.2)
    (short.workspace / "go").touch()
    assert (await run.closed()).phase == "cancelled"
    assert len(short.effects("until")) == 1


def asks(pause: str, view: RunView) -> bool:
    return [open_pause.id for open_pause in view.pauses] == [pause]


async def test_no_answer_sent_around_a_carry_is_lost(short: Runs) -> None:
    """People answer one question after another as fast as they can; every answer counts exactly once."""
    ask = human("yes", to="act", writes={"said": ["${visit}"]}, max_visits=1000)
    act = tool("note", "again", {"value": "${visit}"}, max_visits=1000)
    rules = [{"when": "visit < 20", "to": "ask"}, {"to": "end"}]
    nodes = {"ask": ask, "act": act, "again": {"kind": "plan", "max_visits": 1000, "rules": rules}}
    graph = graph_of(nodes, state={"said": {"reducer": "extend"}}, output={"said": "${state.said}"})
    run = await short.start(graph)
    taken = 0
    for number in range(1, 21):
        await run.until(partial(asks, f"p{number}"))
        sent = [run.answer("yes", pause=f"p{number}") for _ in range(2)]
        said = await asyncio.gather(*sent, return_exceptions=True)
        taken += sum(isinstance(one, dict) for one in said)
    view = await run.closed()
    assert view.output == {"said": list(range(1, 21))}
    assert [effect["value"] for effect in short.effects("note")] == list(range(1, 21))
    assert taken == 20
    assert await histories(run) >= 3


async def test_signals_sent_around_a_carry_are_taken_too(short: Runs) -> None:
    ask = human("yes", to="again", max_visits=1000, writes={"said": ["${visit}"]})
    rules = [{"when": "visit < 40", "to": "ask"}, {"to": "end"}]
    nodes = {"ask": ask, "again": {"kind": "plan", "max_visits": 1000, "rules": rules}}
    graph = graph_of(nodes, state={"said": {"reducer": "extend"}}, output={"said": "${state.said}"})
    run = await short.start(graph)
    await run.pause()
    for number in range(1, 41):
        with suppress(RPCError, WorkflowUpdateFailedError):
            await run.signal({"pause": f"p{number}", "outcome": "yes"})
    view = await run.closed()
    assert view.output == {"said": list(range(1, 41))}
    assert view.refusals == ()
    assert await histories(run) >= 2


async def test_the_search_attributes_go_along(short: Runs) -> None:
    run = await short.start(open_ends(), execution_timeout=None)
    await run.pause(2)
    await short.effect("note", 12)
    await run.until(lambda view: view.usage.steps > 24)
    found = {pair.key.name: pair.value for pair in (await run.handle.describe()).typed_search_attributes}
    assert (found["DetentGraph"], found["DetentPending"]) == ("g", 2)
    await run.handle.cancel()
    assert (await run.closed()).phase == "cancelled"
