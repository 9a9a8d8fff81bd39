"""The audit chain covers what a run decides and all that it is told, and says only what its table has."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.budget import Amount
from policies.canonical import canonical
from tests.architecture.tree import modules, parsed, shown
from tests.support.cards import run_card
from tests.support.simulator import START_MS, Simulator
from workflows.contracts.calls import Usage
from workflows.contracts.pause import Answer
from workflows.contracts.run import StarterCard
from workflows.engine import auditing, events
from workflows.engine.audit_records import HEAD, KINDS
from workflows.engine.engine import Engine
from workflows.engine.machine import RunFacts
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policies.model import Decision, Facts, Outcome, Request, Review
    from policies.tenant import TenantPolicy

TEXT = st.text(max_size=20)
PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBER = st.integers(0, 10**15)
GRAPH: dict[str, object] = {
    "graph": "g",
    "version": "1.0.0",
    "capabilities": [{"tool": ["pure"]}],
    "start": "one",
    "nodes": {
        "one": {"kind": "tool", "tool": "pure", "with": {"x": 1}, "next": "two"},
        "two": {"kind": "tool", "tool": "pure", "with": {"x": 2}, "next": "end"},
    },
}


@dataclass
class Watcher:
    """Keeps what an observer is told."""

    records: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)
    decisions: list[tuple[str, TenantPolicy, Decision]] = field(default_factory=list)
    reviews: list[tuple[str, Outcome]] = field(default_factory=list)

    def decided(self, call: str, policy: TenantPolicy, _: Request, __: Facts, decision: Decision) -> None:
        self.decisions.append((call, policy, decision))

    def reviewed(self, call: str, _: Request, __: Facts, outcome: Outcome, ___: Review) -> None:
        self.reviews.append((call, outcome))

    def recorded(self, record: Mapping[str, object], head: str, beside: Mapping[str, object]) -> None:
        assert "at_ms" in beside
        self.records.append((record, head))


def watched(**card: object) -> tuple[Engine, Watcher]:
    """An engine before its first event, and who watches it."""
    facts = RunFacts("default", "default/g/k", "r1", "r1", None)
    engine, watcher = Engine(compile_graph(GRAPH), run_card().model_copy(update=card), facts), Watcher()
    engine.watch(watcher)
    return engine, watcher


def head_after(*told: events.Event) -> str:
    """The head of a run that was told these events."""
    engine, _ = watched()
    for event in told:
        engine.apply(event)
    return engine.audit.head


def chained(records: list[tuple[Mapping[str, Any], str]]) -> None:
    """Each record names its place and the one before it, and its digest is that of its canonical form."""
    before = ""
    for place, (record, head) in enumerate(records, start=1):
        assert (record["seq"], record["prev"]) == (place, before)
        assert head == hashlib.sha256(auditing.DOMAIN + canonical(record)).hexdigest()
        before = head


def test_records_are_chained_by_their_canonical_form() -> None:
    engine, watcher = watched()
    engine.apply(events.RunStarted(START_MS))
    engine.apply(events.CallSucceeded(START_MS + 1, "one#1:1", {"y": 1}, Usage(latency_ms=5), ("external",)))
    engine.apply(events.HoldRequested(START_MS + 2, "ann"))
    engine.apply(events.HoldLifted(START_MS + 3, "ann"))
    engine.apply(events.CallCancelled(START_MS + 4, "two#1:1"))
    kinds = [record["kind"] for record, _ in watcher.records]
    assert kinds[:5] == ["admitted", "decided", "settled", "decided", "control"]
    assert kinds[-1] in KINDS
    chained(watcher.records)
    assert engine.audit.head == watcher.records[-1][1]
    assert [call for call, _, _ in watcher.decisions] == ["one#1:1", "two#1:1"]
    assert [call for call, _ in watcher.reviews] == ["one#1:1"]


@given(
    call=TEXT,
    name=TEXT,
    rules=st.lists(TEXT, max_size=3),
    pause=st.none() | TEXT,
    status=TEXT,
    result=st.none() | TEXT,
    tokens=NUMBER,
)
def test_records_that_write_themselves_are_canonical(
    call: str, name: str, rules: list[str], pause: str | None, status: str, result: str | None, tokens: int
) -> None:
    engine, watcher = watched()
    decision: dict[str, object] = {"verdict": "allow", "rules": rules, "policy": "0" * 16, "digest": "1" * 16}
    auditing.issued(engine._m, call, name, decision, pause)
    auditing.take(engine._m, events.TimerFired(5, "wait:x"))
    auditing.settled(engine._m, call, status, Amount(tokens=tokens, cost_nano=tokens), result)
    writable = [text for text in (call, name, status, *rules, pause or "", result or "") if not _has_canonical(text)]
    if not writable:
        chained(watcher.records)
    assert [record["kind"] for record, _ in watcher.records] == ["decided", "settled"]
    assert ("pause" in watcher.records[0][0]) == (pause is not None)
    assert "event" in watcher.records[1][0]


def _has_canonical(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


USAGE = Usage(latency_ms=11)
START = events.RunStarted(START_MS, "s" * 64, "c" * 64, "r1")
OK = events.CallSucceeded(START_MS + 1, "one#1:1", {"y": 1}, USAGE, ("external",))
ENDED = events.CallSucceeded(START_MS + 2, "two#1:1", {"y": 2})
ANSWER = Answer(pause="p1", outcome="approve", by="ann")
OTHERWISE: tuple[tuple[events.Event, events.Event], ...] = (
    (START, events.RunStarted(START_MS, "t" * 64, "c" * 64, "r1")),
    (START, events.RunStarted(START_MS, "s" * 64, "d" * 64, "r1")),
    (START, events.RunStarted(START_MS, "s" * 64, "c" * 64, "r2")),
    (OK, events.CallSucceeded(START_MS + 1, "one#1:1", {"y": 2}, USAGE, ("external",))),
    (OK, events.CallSucceeded(START_MS + 1, "one#1:1", {"y": 1}, USAGE, ())),
    (OK, events.CallSucceeded(START_MS + 1, "one#1:1", {"y": 1}, None, ("external",))),
    (OK, events.CallSucceeded(START_MS + 1, "one#1:1", {"y": 1}, Usage(latency_ms=12), ("external",))),
    (events.HoldLifted(START_MS, "ann"), events.HoldLifted(START_MS, "bob")),
    (events.AnswerArrived(START_MS, ANSWER), events.AnswerArrived(START_MS, ANSWER.model_copy(update={"by": "bob"}))),
    (
        events.AnswerArrived(START_MS, ANSWER),
        events.AnswerArrived(START_MS, ANSWER.model_copy(update={"data": {"x": "\ud800"}})),
    ),
    (events.DrainRequested(START_MS), events.CarryResumed(START_MS)),
    (
        events.LeaseArrived(START_MS, Amount(tokens=1), 5, 1, {}, Amount()),
        events.LeaseArrived(START_MS, Amount(tokens=1), 5, 1, {"tokens": 1}, Amount()),
    ),
)


@pytest.mark.parametrize(("told", "other"), OTHERWISE)
def test_whatever_a_run_is_told_otherwise_changes_its_head(told: events.Event, other: events.Event) -> None:
    def story(event: events.Event) -> list[events.Event]:
        if isinstance(event, events.RunStarted):
            return [event, OK, ENDED]
        return [START, event, ENDED] if isinstance(event, events.CallSucceeded) else [START, event, OK, ENDED]

    assert head_after(*story(told)) == head_after(*story(told))
    assert head_after(*story(told)) != head_after(*story(other))


def test_times_are_not_chained() -> None:
    """A replay does not give them back to the millisecond (ADR 0015)."""
    later = [type(event)(**{**_fields(event), "at_ms": event.at_ms + 9}) for event in (START, OK, ENDED)]
    assert head_after(START, OK, ENDED) == head_after(*later)
    engine, watcher = watched()
    auditing.note(engine._m, "pause", pause="p1", deadline=5, digest="d", again=False)
    assert watcher.records[0][0].keys() == {"seq", "prev", "kind", "at_event", "pause", "again"}


def _fields(event: events.Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__slots__}


def test_what_is_told_twice_or_in_another_order_changes_the_head() -> None:
    one, two = events.HoldRequested(START_MS, "ann"), events.HoldLifted(START_MS, "ann")
    heads = {head_after(START, *told, OK) for told in ((one, two), (two, one), (one, two, two), ())}
    assert len(heads) == 4


def test_the_first_record_says_which_run_it_is() -> None:
    engine, watcher = watched(starter=StarterCard(id="ann", assurance="signed"))
    engine.apply(START)
    first, _ = watcher.records[0]
    assert {name: first[name] for name in ("kind", "workflow_id", "sent", "card", "starter", "prev")} == {
        "kind": "admitted",
        "workflow_id": "default/g/k",
        "sent": "s" * 64,
        "card": "c" * 64,
        "starter": "signed:ann",
        "prev": "",
    }
    assert "parent" not in first


def test_a_child_begins_with_its_parents_head_and_its_parent_ends_it_with_the_childs() -> None:
    parent, watcher = watched()
    parent.apply(START)
    child, seen = watched()
    link = auditing.Parent("default/g/k", "r1", parent.audit.head)
    auditing.genesis(child._m, START, link)
    assert seen.records[0][0]["parent"] == {"workflow_id": "default/g/k", "run_id": "r1", "head": parent.audit.head}
    auditing.child_ended(parent._m, auditing.Parent("default/c/k", "r9", child.audit.head), child.audit.seq)
    last, _ = watcher.records[-1]
    assert (last["kind"], last["head"], last["records"]) == ("child", child.audit.head, 1)
    chained(watcher.records)


def test_the_first_record_after_a_carry_names_the_execution_before() -> None:
    engine, _ = watched()
    engine.apply(START)
    facts = RunFacts("default", "default/g/k", "r2", "r1", None)
    data = json.loads(json.dumps(engine.snapshot()))
    later, watcher = Engine.restore(compile_graph(GRAPH), run_card(), facts, data), Watcher()
    later.watch(watcher)
    later.apply(events.CarryResumed(START_MS + 9, "x" * 64, "r2"))
    first, _ = watcher.records[0]
    named = {name: first[name] for name in ("kind", "prev", "run", "run_id", "sent")}
    assert named == {
        "kind": "carried",
        "prev": engine.audit.head,
        "run": "r1",
        "run_id": "r2",
        "sent": "x" * 64,
    }


def test_a_run_that_goes_on_in_the_same_history_is_not_carried() -> None:
    engine, watcher = watched()
    for event in (START, events.DrainRequested(START_MS), events.CarryResumed(START_MS)):
        engine.apply(event)
    assert "carried" not in [record["kind"] for record, _ in watcher.records]


def test_a_snapshot_keeps_the_chain() -> None:
    run = Simulator(GRAPH, run_card())
    for line in ("start", 'ok one#1:1 {"y": 1}', 'ok two#1:1 {"y": 1}'):
        run.say(line)  # which restores the engine from its snapshot after every line
    plain, _ = watched()
    assert run.engine.audit.seq == 6
    assert plain.audit.seq == 0
    assert not plain.audited
    assert not plain.signs_audit
    assert plain.pauses_asked == 0


def noted(tree: ast.Module) -> Iterator[tuple[int, str, list[str]]]:
    """Every record that a module writes: its line, kind and fields. Fields that are spread are not seen."""
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if isinstance(node, ast.Call) and name == "note" and len(node.args) == 2:
            kind = node.args[1]
            if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
                yield node.lineno, kind.value, [word.arg for word in node.keywords if word.arg]


def test_every_record_is_of_a_kind_that_the_table_has() -> None:
    wrong = [
        f"{shown(path)}:{line}: {kind} {sorted(set(names) - KINDS.get(kind, {}).keys())}"
        for path in modules("workflows/engine")
        for line, kind, names in noted(parsed(path))
        if kind not in KINDS or not set(names) <= KINDS[kind].keys()
    ]
    assert wrong == []


def test_a_digest_is_that_of_the_canonical_form_and_anything_has_one() -> None:
    assert auditing.digest_of({"b": 1, "a": 0.5}) == hashlib.sha256(b'{"a":0.5,"b":1}').hexdigest()
    assert len({auditing.digest_of(odd) for odd in ({"x": "\ud800"}, {"x": "\ud801"}, {"x": float("nan")})}) == 3


def test_a_signal_that_is_no_answer_is_in_the_audit() -> None:
    engine, watcher = watched()
    engine.apply(START)
    engine.note_refusal("the answer does not parse")
    record, _ = watcher.records[-1]
    assert (record["kind"], record["reason"]) == ("refused", "the answer does not parse")


def test_a_record_of_another_kind_is_seen() -> None:
    assert list(noted(ast.parse("auditing.note(m, 'x', y=1, **z)"))) == [(1, "x", ["y"])]


def test_no_field_is_of_every_record_and_of_one_kind() -> None:
    assert [kind for kind, fields in KINDS.items() if HEAD.keys() & fields.keys()] == []
