"""What a run remembers of its calls: taint, what came last, repetitions."""

from __future__ import annotations

from collections import deque
from typing import Any

from tests.support.cards import policy_document, run_card
from tests.support.simulator import START_MS, Simulator
from workflows.engine import events
from workflows.engine.commands import StartCall
from workflows.engine.engine import Engine
from workflows.engine.machine import RunFacts
from workflows.language.compile import compile_graph

Call = tuple[str, dict[str, Any]]
ALLOW = [{"tool": ["*"]}, {"net": [".example.org"]}]
TAINT = {
    "id": "tainted",
    "when": "'external' in seen.labels && capability.kind == 'tool' && capability.value == 'pay'",
    "then": "deny",
    "message": "nothing is paid after reading what came from outside",
}


def chain(*calls: Call, **node: object) -> dict[str, Any]:
    """Tool calls, one after the other, whether the one before failed or not."""
    names = [f"n{number}" for number in range(len(calls))]
    nodes = {
        name: {"kind": "tool", "tool": tool, "with": args, "next": to, "on_failure": {"to": to}, **node}
        for name, to, (tool, args) in zip(names, [*names[1:], "end"], calls, strict=True)
    }
    capabilities = [{"tool": ["*"]}, {"net": [".example.org"]}]
    return {"graph": "g", "version": "1.0.0", "capabilities": capabilities, "start": "n0", "nodes": nodes}


def started(document: dict[str, Any], *rules: dict[str, Any], **policy: Any) -> Simulator:
    card = run_card(policy_document(guardrails=list(rules), allow=ALLOW, **policy))
    run = Simulator(document, card)
    run.say("start")
    return run


def through(run: Simulator) -> list[str]:
    """Let every call end well; the tools that were called."""
    while run.calls:
        run.say(f"ok {next(iter(run.calls))} 1")
    return [str(command.payload["name"]) for command in run.every_call]


WEB: Call = ("web", {"host": "a.example.org"})
PAY: Call = ("pay", {"usd": 1})
KEEP: Call = ("keep", {"x": 1})


def test_what_was_read_from_outside_forbids_what_comes_after_it() -> None:
    assert through(started(chain(PAY, WEB), TAINT)) == ["pay", "web"]
    assert through(started(chain(WEB, PAY, KEEP), TAINT)) == ["web", "keep"]


def test_a_run_is_tainted_from_the_moment_the_call_starts_and_in_every_branch() -> None:
    document = chain(WEB, PAY)
    fork = {"branches": ["n0", "n1"], "join": "after"}
    document["nodes"]["n0"].update({"next": "after", "on_failure": "fail"})
    document["nodes"]["n1"].update({"next": "after", "on_failure": "fail"})
    document["nodes"]["split"] = {"kind": "plan", "rules": [{"fork": fork}], "on_failure": {"to": "end"}}
    document["nodes"]["after"] = {"kind": "plan", "rules": [{"to": "end"}]}
    assert through(started({**document, "start": "split"}, TAINT)) == ["web"]


def test_labels_of_a_result_taint_the_run_as_well() -> None:
    run = started(chain(KEEP, PAY), TAINT)
    run.feed(events.CallSucceeded(run.now_ms, "n0#1:1", 1, labels=("external",)))
    assert through(run) == ["keep"]


def test_a_call_that_was_denied_taints_nothing() -> None:
    forbids = {"id": "r", "when": "execution.name == 'web'", "then": "deny"}
    assert through(started(chain(WEB, PAY), TAINT, forbids)) == ["pay"]


def test_rules_know_the_hosts_that_were_reached() -> None:
    rule = {"id": "r", "when": "'a.example.org' in seen.hosts && execution.name == 'keep'", "then": "deny"}
    assert through(started(chain(KEEP, WEB, ("keep", {"x": 2})), rule)) == ["keep", "web"]
    assert through(started(chain(("web", {"host": "b.example.org"}), KEEP), rule)) == ["web", "keep"]


def test_rules_know_what_came_last_and_how_it_ended() -> None:
    rule = {"id": "r", "when": "last.name == 'pure' && last.status == 'failed' && last.node == 'n0'", "then": "deny"}
    run = started(chain(("pure", {"x": 1}), KEEP), rule)
    run.say("fail n0#1:1 ToolFailed no")
    assert through(run) == ["pure"]
    assert through(started(chain(("pure", {"x": 1}), KEEP), rule)) == ["pure", "keep"]


def test_rules_count_denials_and_failures() -> None:
    forbids = {"id": "a", "when": "execution.name == 'pay'", "then": "deny"}
    enough = {"id": "b", "when": "lifetime.denials > 1 || lifetime.failures > 0", "then": "deny"}
    assert through(started(chain(PAY, KEEP, PAY, KEEP), forbids, enough)) == ["keep"]
    run = started(chain(KEEP, KEEP), enough)
    run.say("fail n0#1:1 ToolFailed no")
    assert len(run.every_call) == 1


def test_calls_that_repeat_themselves_are_warned_about_and_then_denied() -> None:
    run = started(chain(*[KEEP] * 5), loop_guard={"same_call": {"warn": 2, "block": 4}, "same_result": None})
    assert through(run) == ["keep"] * 3
    assert [warning.split(" ")[-1] for warning in run.engine.view().warnings] == ["[loop.same_call]"] * 2
    assert run.engine.phase == "completed"


def test_equal_results_of_equal_calls_count_whatever_else_differs() -> None:
    guard = {"same_call": None, "same_result": {"warn": None, "block": 2}}
    assert through(started(chain(*[KEEP] * 4), loop_guard=guard)) == ["keep"] * 2
    run = started(chain(*[KEEP] * 3), loop_guard=guard)
    for number in range(3):
        run.say(f"ok n{number}#1:1 {number}")
    assert len(run.every_call) == 3


def test_failures_alike_are_results_alike() -> None:
    guard = {"same_call": None, "same_result": {"warn": None, "block": 2}}
    run = started(chain(*[KEEP] * 3), loop_guard=guard)
    run.say("fail n0#1:1 ToolFailed no")
    run.say("fail n1#1:1 ToolFailed no")
    assert (len(run.every_call), run.engine.phase) == (2, "completed")


def test_a_denied_call_counts_as_a_call() -> None:
    forbids = {"id": "a", "when": "execution.name == 'keep' && lifetime.denials < 2", "then": "deny"}
    run = started(chain(*[KEEP] * 3), forbids, loop_guard={"same_call": {"warn": None, "block": 3}})
    assert through(run) == []


def test_a_pattern_of_two_is_broken() -> None:
    calls = [("keep", {"x": number % 2}) for number in range(8)]
    run = started(chain(*calls), loop_guard={"same_call": None, "same_result": None, "ping_pong": 4})
    assert through(run) == ["keep"] * 3


def test_a_node_that_calls_too_often_in_one_frame_is_rejected() -> None:
    node = {"kind": "tool", "tool": "keep", "with": {"x": "${visit}"}, "next": "again", "on_failure": {"to": "end"}}
    again = {"kind": "plan", "rules": [{"when": "visit < 9", "to": "n0"}, {"to": "end"}]}
    document = {**chain(KEEP), "nodes": {"n0": node, "again": again}}
    assert through(started(document, loop_guard={"total": 3})) == ["keep"] * 3
    assert through(started(document, loop_guard=None)) == ["keep"] * 9


def test_results_that_are_no_json_are_all_alike_to_the_guard() -> None:
    guard = {"same_call": None, "same_result": {"warn": None, "block": 2}}
    run = started(chain(*[KEEP] * 3), loop_guard=guard)
    for number in range(2):
        run.feed(events.CallSucceeded(run.now_ms, f"n{number}#1:1", float("inf") * (1 - 2 * number)))
    assert (len(run.every_call), run.engine.phase) == (2, "completed")


def many_hosts(when: str) -> Engine:
    """A run that has reached more hosts than a rule may read, or as many as its rule let it reach."""
    rule = {"id": "few", "when": when, "then": "warn"}
    mapped = {"over": "${input.hosts}", "as": "n", "to": "get", "join": "late", "max_concurrency": 1000}
    nodes = {
        "all": {"kind": "plan", "rules": [{"map": mapped}]},
        "get": {"kind": "tool", "tool": "web", "with": {"host": "${n}"}},
        "late": {"kind": "tool", "tool": "keep", "with": {"x": 1}, "next": "end"},
    }
    hosts = [f"h{number}.example.org" for number in range(270)]
    engine = Engine(
        compile_graph({**chain(KEEP), "start": "all", "nodes": nodes}),
        run_card(policy_document(guardrails=[rule], allow=ALLOW, loop_guard=None)),
        RunFacts("default", "default/g/1", "r", "r", {"hosts": hosts}),
    )
    given = deque(engine.apply(events.RunStarted(START_MS)))
    while given and not engine.over:
        command = given.popleft()
        assert isinstance(command, StartCall)
        given += engine.apply(events.CallSucceeded(START_MS, command.call, 1))
    assert len(engine._m.state.seen.hosts) == 257
    return engine


def test_more_hosts_than_a_rule_may_read_are_not_kept() -> None:
    assert many_hosts("execution.name == 'other'").phase == "completed"


def test_more_hosts_than_a_rule_may_read_are_its_error() -> None:
    engine = many_hosts("'z.example.org' in seen.hosts")
    error = engine.view().error
    assert error is not None
    assert "`seen.hosts` has 257 items: a rule reads at most 256 [rule_error:few]" in error.message
