"""Records the histories that `test_replay.py` replays: `python -m tests.replay.record [NAME...]`.

It is run by hand, when a history of a new kind is wanted or an engine number has changed; histories that
are already there are promises to runs in the field, so a name is never recorded anew without a reason.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from activities.blobs import DirectoryBlobs
from cli.export import inline
from tests.support.runs import graph_of, human, tool, working
from worker.connect import Target, connect, identity
from worker.server import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.runs import Run, Runs

HISTORIES = Path(__file__).parent / "histories"
CARRY_AFTER = 60
GATE = Path(__file__).parents[2] / "examples" / "policy-gate"


async def sequence(runs: Runs) -> Run:
    """Tools one after another, a plan, a timer, a validate node with a tool, a large value."""
    nodes = {
        "one": tool("note", "two", {"value": "${input.who}"}, writes={"got": "${result.value}"}),
        "two": tool("large", "route", {"size": 33_000}, writes={"big": "${result.text}"}),
        "route": {"kind": "plan", "rules": [{"when": "size(state.got) == 1", "to": "nap"}, {"to": "fail"}]},
        "nap": {"kind": "wait", "for": "20ms", "next": "check"},
        "check": {
            "kind": "validate",
            "checks": [{"name": "a", "tool": "note", "with": {"value": 3}, "when": "result.value == 3"}],
            "routes": {"pass": "think", "fail": "fail"},
        },
        "think": {"kind": "model", "model": "default", "prompt": "${json(state.got)}", "next": "end"},
    }
    state = {"got": {"reducer": "append"}, "big": {}}
    graph = graph_of(nodes, state=state, output={"got": "${state.got}", "size": "${size(state.big)}"})
    run = await runs.start(graph, {"who": "ada"}, key="sequence")
    await run.closed()
    return run


async def branches(runs: Runs) -> Run:
    """A fork with an optional branch, in it a map that settles with a failure."""
    inner = {"over": [1, 2, 3, 4], "as": "n", "to": "each", "join": "inner", "mode": "settle", "max_concurrency": 2}
    entries = ["left", {"to": "right", "with": {"word": "r"}, "optional": True}]
    nodes = {
        "split": {"kind": "plan", "rules": [{"fork": {"branches": entries, "join": "done"}}]},
        "left": {"kind": "plan", "rules": [{"map": inner}]},
        "each": {"kind": "plan", "rules": [{"when": "n == 3", "to": "fail"}, {"to": "note"}]},
        "note": {"kind": "tool", "tool": "note", "with": {"value": "${n}"}, "writes": {"got": "${result.value}"}},
        "inner": tool("note", "done", {"value": "${failed}"}, writes={"got": "${result.value}"}),
        "right": {"kind": "tool", "tool": "flaky", "with": {"file": "${word}"}, "next": "done"},
        "done": tool("note", "end", {"value": ["${state.got}", "${size(results)}"]}),
    }
    graph = graph_of(nodes, state={"got": {"reducer": "append"}}, output={"got": "${state.got}"})
    run = await runs.start(graph, key="branches")
    await run.closed()
    return run


ASK = graph_of(
    {"ask": human("yes", "no", to="again", deadline="24h", on_timeout="no"), "again": human("yes", to="end")},
)


async def answered_by_update(runs: Runs) -> Run:
    """Two people's answers by update, one of them refused in between."""
    run = await runs.start(ASK, key="update")
    await run.asked("p1")
    await run.answer("yes", pause="p1")
    await run.asked("p2")
    await run.answer("yes", pause="p2")
    await run.closed()
    return run


async def answered_by_signal(runs: Runs) -> Run:
    """Answers by signal: a malformed one, a wrong one, an odd one without arguments, and the right ones."""
    run = await runs.start(ASK, key="signal")
    await run.pause()
    for payload in ("yes", {"pause": "p9", "outcome": "yes"}, {"pause": "p1", "outcome": "yes", "by": "bob"}):
        await run.signal(payload)
    await run.handle.signal("answer")
    await run.signal({"pause": "p2", "outcome": "yes", "by": "bob"})
    await run.closed()
    return run


async def risky(runs: Runs) -> Run:
    """A call that a person approved, and one that a person denied and the graph caught."""
    nodes = {
        "first": tool("risky", "second", {"value": 1}),
        "second": tool("risky", "end", {"value": 2}, on_failure={"to": "else"}),
        "else": tool("note", "end", {"value": "${error.type}"}),
    }
    run = await runs.start(graph_of(nodes), key="risky")
    await run.asked("p1")
    await run.answer("approve", pause="p1")
    await run.asked("p2")
    await run.answer("deny", pause="p2")
    await run.closed()
    return run


async def failure_retry(runs: Runs) -> Run:
    """A node that failed, was retried by a person, failed again and was skipped; then an uncertain call, completed."""
    nodes = {
        "try": tool("flaky", "pay", {"file": "never"}),
        "pay": tool("pay", "end", {"usd": 1, "seconds": 5}, timeout="100ms"),
    }
    run = await runs.start(graph_of(nodes), key="retry")
    await run.asked("p1")
    await run.answer("retry", pause="p1")
    await run.asked("p2")
    await run.answer("skip", pause="p2")
    await run.asked("p3")
    await run.answer("complete", pause="p3", data={"result": {"paid": 1}})
    await run.closed()
    return run


async def carry(runs: Runs) -> Run:
    """A loop in two histories, with a person and a timer that stay open over the carry."""
    act = {"kind": "tool", "tool": "note", "with": {"value": "${visit}"}, "writes": {"seen": "${result.value}"}}
    rules = [{"when": "visit < 12", "to": "act"}, {"to": "done"}]
    opening = {"fork": {"branches": ["ask", "nap", "act"], "join": "done"}}
    nodes = {
        "split": {"kind": "plan", "rules": [opening]},
        "ask": human("yes", to="done", deadline="24h", on_timeout="abort"),
        "nap": {"kind": "wait", "for": "3s", "next": "done"},
        "act": {**act, "next": "again"},
        "again": {"kind": "plan", "rules": rules},
        "done": tool("note", "end", {"value": "${state.seen}"}),
    }
    graph = graph_of(nodes, state={"seen": {"reducer": "append"}}, output={"seen": "${state.seen}"})
    run = await runs.start(graph, key="carry")
    await runs.effect("note", 12)
    await run.answer("yes")
    await run.closed()
    return run


async def cancel(runs: Runs) -> Run:
    """A run cancelled with a person asked, a call that is given up and one that must end."""
    opening = {"fork": {"branches": ["ask", "look", "wait"], "join": "done"}}
    nodes = {
        "split": {"kind": "plan", "rules": [opening]},
        "ask": human("yes", to="done"),
        "look": {"kind": "tool", "tool": "gaze", "with": {"seconds": 20}, "next": "done"},
        "wait": {"kind": "tool", "tool": "until", "with": {"file": "go"}, "next": "done"},
        "done": tool("note", "end"),
    }
    run = await runs.start(graph_of(nodes), key="cancel")
    await run.pause()
    await runs.effect("until")
    await runs.effect("gaze")
    await run.handle.cancel()
    await run.until(lambda view: not view.pauses)
    (runs.workspace / "go").touch()
    await run.closed()
    return run


async def held(runs: Runs) -> Run:
    """A run that was held, answered while it was, and resumed."""
    run = await runs.start(graph_of({"ask": human("yes", to="act"), "act": tool("note", "end")}), key="held")
    await run.pause()
    await run.handle.execute_update("pause", {"by": "op"})
    await run.answer("yes")
    await run.handle.execute_update("resume", {"by": "op"})
    await run.closed()
    return run


async def refused(runs: Runs) -> Run:
    """A run that was not admitted."""
    run = await runs.start(graph_of({"act": tool("nope", "end")}), key="refused")
    await run.closed()
    return run


AGENT: dict[str, Any] = {
    "kind": "agent",
    "model": "default",
    "instructions": "You try things.",
    "prompt": "Try ${json(input)}.",
    "tools": ["note", "risky", "gaze", "pay"],
    "next": "end",
}
TRIES = """
replies:
  - when: turn == 0
    text: All at once.
    tool_calls:
      - {name: note, args: {value: 1}}
      - {name: gaze, args: {seconds: 0}}
      - {name: risky, args: {value: 2}}
      - {name: pay, args: {usd: 1, seconds: 0}}
      - {name: note, args: {wrong: 1}}
      - {name: missing, args: {}}
      - {name: risky, args: {value: 3}}
  - {when: "turn == 1", tool_calls: [{name: request_capability, args: {kind: tool, name: missing, reason: to see}}]}
  - {default: true, text: Tried.}
"""
LOOP = """
replies:
  - {when: "turn < 12", tool_calls: [{name: note, args: {value: 1}}]}
  - {default: true, text: Enough.}
"""


async def agent(runs: Runs) -> Run:
    """An agent whose first turn wants all kinds of calls; one is approved, one denied, a gap is declined."""
    run = await runs.start(graph_of({"think": AGENT}), key="agent")
    await run.asked("p1")
    await run.answer("approve", pause="p1")
    await run.asked("p2")
    await run.answer("deny", pause="p2")
    await run.asked("p3")
    await run.answer("decline", pause="p3")
    await run.closed()
    return run


async def agent_carry(runs: Runs) -> Run:
    """An agent that is told something on its way and outlasts its history."""
    run = await runs.start(graph_of({"think": {**AGENT, "tools": ["note"]}}), key="agent-carry")
    await runs.effect("note", 2)
    await run.handle.execute_update("steer", {"by": "ann", "text": "Mind the time."})
    await run.closed()
    return run


async def gate(runs: Runs) -> Run:
    """The example of a policy gate: a read, a write that a person approved, and one that policy denied."""
    (runs.workspace / "notes.md").write_text("# Notes\n")
    run = await runs.start((GATE / "graph.yaml").read_text(), key="gate")
    await run.asked("p1")
    await run.answer("approve", pause="p1")
    await run.closed()
    return run


@dataclass(frozen=True, slots=True)
class Recording:
    """One run to record; where it is carried, in several files. An example is recorded under its own policy."""

    play: Callable[[Runs], Awaitable[Run]]
    carry_after: int | None = None
    script: str | None = None
    example: Path | None = None

    @property
    def policy(self) -> dict[str, Any] | None:
        """The example's policy, null for that of the tests."""
        return None if self.example is None else yaml.safe_load((self.example / "policy.yaml").read_text())


RECORDINGS: dict[str, Recording] = {
    "sequence": Recording(sequence),
    "branches": Recording(branches),
    "answered_by_update": Recording(answered_by_update),
    "answered_by_signal": Recording(answered_by_signal),
    "risky": Recording(risky),
    "failure_retry": Recording(failure_retry),
    "carry": Recording(carry, CARRY_AFTER),
    "cancel": Recording(cancel),
    "held": Recording(held),
    "refused": Recording(refused),
    "agent": Recording(agent, script=TRIES),
    "agent_carry": Recording(agent_carry, CARRY_AFTER, LOOP),
    "gate": Recording(gate, example=GATE),
}


async def histories_of(run: Run) -> list[str]:
    """The run's histories as JSON, with nothing kept elsewhere and no name of this machine in them."""
    texts: list[str] = []
    next_id = (await run.handle.describe()).raw_description.workflow_execution_info.first_run_id
    while next_id:
        history = await run.client.get_workflow_handle(run.handle.id, run_id=next_id).fetch_history()
        await inline(history, run.client.data_converter)
        texts.append(_anonymous(history.to_json()))
        next_id = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return texts


def _anonymous(text: str) -> str:
    return json.dumps(_renamed(json.loads(text)), indent=1) + "\n"


def _renamed(value: Any, key: str = "") -> Any:  # noqa: ANN401 - JSON
    """The same with our names replaced, except in payloads: a short one may stand in anything's base64."""
    if isinstance(value, str) and key != "data":
        for name in (identity(), socket.gethostname()):
            value = value.replace(name, "recorder")
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    return {name: _renamed(item, name) for name, item in value.items()} if isinstance(value, dict) else value


def _write(name: str, recording: Recording, texts: list[str]) -> None:
    places = [HISTORIES] if recording.example is None else [HISTORIES, recording.example / "histories"]
    for number, text in enumerate(texts, start=1):
        part = f"-{number}" if len(texts) > 1 else ""
        for place in places:
            (place / f"{name}{part}.json").write_text(text, encoding="utf-8")


async def record(names: list[str]) -> None:
    """Play the runs of that name, all by default, and write their histories."""
    HISTORIES.mkdir(exist_ok=True)
    async with EmbeddedServer() as server:
        for name in names or list(RECORDINGS):
            with tempfile.TemporaryDirectory() as directory:
                root = Path(directory)
                blobs = DirectoryBlobs(root / "blobs")
                client = await connect(Target(server.address, server.namespace), blobs)
                recording = RECORDINGS[name]
                parts: dict[str, Any] = {"carry_after": recording.carry_after, "policy": recording.policy}
                parts |= {} if recording.script is None else {"script": recording.script}
                async with working(client, blobs, f"record-{name}", root, **parts) as runs:
                    texts = await histories_of(await recording.play(runs))
            _write(name, recording, texts)
            sys.stderr.write(f"{name}: {len(texts)} histories\n")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:]))
