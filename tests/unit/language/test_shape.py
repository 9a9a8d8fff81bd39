"""Regions, flow and writers: what may lead where, and who may write what."""

from __future__ import annotations

import pytest

from tests.unit.language.documents import Doc, chain, changed, problems, told
from workflows.language.compile import compile_graph
from workflows.language.validate import examine

ECHO: Doc = {"kind": "tool", "tool": "echo"}
END: Doc = {**ECHO, "next": "end"}


def to(target: str) -> Doc:
    return {**ECHO, "next": target}


def plan(*rules: Doc) -> Doc:
    return {"kind": "plan", "rules": list(rules)}


def fork(*branches: object, join: str = "join", **more: object) -> Doc:
    return plan({"fork": {"branches": list(branches), "join": join, **more}})


def mapped(entry: str, join: str = "join", name: str = "item") -> Doc:
    return plan({"map": {"over": "${state.notes}", "as": name, "to": entry, "join": join}})


def nested(depth: int) -> Doc:
    """Forks inside forks."""
    nodes: Doc = {}
    for level in range(depth):
        inner = f"split{level + 1}" if level + 1 < depth else "work"
        nodes[f"split{level}"] = fork(inner, join=f"join{level}")
        nodes[f"join{level}"] = dict(END) if level == 0 else dict(ECHO)
    return chain(**nodes, work=ECHO)


CASES: list[tuple[str, str, str, Doc]] = [
    ("a node that nothing leads to", "unreachable", "nodes.lost", chain(a=END, lost=END)),
    ("a top-level node that goes nowhere", "no_next", "nodes.a", chain(a=ECHO)),
    (
        "a node in two scopes",
        "region_overlap",
        "nodes.two.rules[0].fork.branches[0]",
        chain(one=fork("a", join="two"), two=fork("a", join="join"), a=ECHO, join=END),
    ),
    (
        "a branch that leads to the top level",
        "region_escape",
        "nodes.a.next",
        chain(one=fork("a"), a=to("after"), join=to("after"), after=END),
    ),
    (
        "a branch that leads back to the plan that opened it",
        "region_escape",
        "nodes.a.next",
        chain(one=fork("a"), a=to("one"), join=END),
    ),
    (
        "an inner branch that leads to the outer join",
        "region_escape",
        "nodes.work.next",
        chain(out=fork("inner", join="last"), inner=fork("work", join="mid"), work=to("last"), mid=ECHO, last=END),
    ),
    (
        "a failure that leads out of a scope",
        "region_escape",
        "nodes.a.on_failure.to",
        chain(one=fork("a"), a={**ECHO, "on_failure": {"to": "help"}}, join=to("help"), help=END),
    ),
    (
        "a default that leads every failure out of a scope",
        "region_escape",
        "defaults.on_failure.to",
        {**chain(one=fork("a"), a=ECHO, join=to("help"), help=END), "defaults": {"on_failure": {"to": "help"}}},
    ),
    (
        "a branch that begins at its own join",
        "entry_is_join",
        "nodes.one.rules[0].fork.branches[1]",
        chain(one=fork("a", "join"), a=ECHO, join=END),
    ),
    (
        "a join of two plans",
        "join_shared",
        "nodes.two.rules[0].fork.join",
        chain(
            pick=plan({"when": "visit > 1", "to": "one"}, {"to": "two"}),
            one=fork("a"),
            two=fork("b"),
            a=ECHO,
            b=ECHO,
            join=END,
        ),
    ),
    ("scopes nine deep", "too_deep", "nodes.split8.rules[0].fork", nested(9)),
    ("a circle without a way out", "no_way_out", "nodes.a", chain(a=to("b"), b=to("a"))),
    (
        "a circle inside a branch",
        "no_way_out",
        "nodes.b",
        chain(one=fork("a"), a=to("b"), b=to("a"), join=END),
    ),
    (
        "plans that lead to each other",
        "cycle_without_task",
        "nodes.a",
        chain(a=plan({"when": "visit > 3", "to": "end"}, {"to": "b"}), b=plan({"to": "a"})),
    ),
    (
        "a scope of plans that joins at its own plan",
        "cycle_without_task",
        "nodes.a",
        chain(
            a=plan({"when": "visit > 3", "to": "end"}, {"fork": {"branches": ["b"], "join": "a"}}), b=plan({"to": "a"})
        ),
    ),
    (
        "a plan that leads to itself",
        "cycle_without_task",
        "nodes.a",
        chain(a=plan({"when": "false", "to": "end"}, {"to": "a"})),
    ),
    (
        "two tasks in a row under `plan_task`",
        "not_alternating",
        "nodes.a.next",
        {**chain(a=to("b"), b=END), "profile": "plan_task"},
    ),
    (
        "two plans in a row under `plan_task`",
        "not_alternating",
        "nodes.a.rules[0].to",
        {**chain(a=plan({"to": "b"}), b=plan({"to": "end"})), "profile": "plan_task"},
    ),
    (
        "a task that leads to a join that is a task under `plan_task`",
        "not_alternating",
        "nodes.a",
        {**chain(one=fork("a"), a=ECHO, join=END), "profile": "plan_task"},
    ),
    (
        "two branches that write one channel",
        "write_conflict",
        "nodes.b.writes.note",
        chain(one=fork("a", "b"), a={**ECHO, "writes": {"note": 1}}, b={**ECHO, "writes": {"note": 2}}, join=END),
    ),
    (
        "two branches that begin alike and write",
        "write_conflict",
        "nodes.a.writes.note",
        chain(one=fork("a", "a"), a={**ECHO, "writes": {"note": 1}}, join=END),
    ),
    (
        "the branches of a map that write",
        "write_conflict",
        "nodes.a.writes.note",
        chain(one=mapped("a"), a={**ECHO, "writes": {"note": 1}}, join=END),
    ),
    (
        "a branch and a scope inside the other one that write",
        "write_conflict",
        "nodes.deep.writes.note",
        chain(
            out=fork("a", "inner", join="last"),
            a={**ECHO, "writes": {"note": 1}},
            inner=fork("deep", join="mid"),
            deep={**ECHO, "writes": {"note": 2}},
            mid=ECHO,
            last=END,
        ),
    ),
]


@pytest.mark.parametrize(("code", "path", "document"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_it_refuses(code: str, path: str, document: Doc) -> None:
    assert (code, path) in told(document)


GOOD: list[tuple[str, Doc]] = [
    (
        "a join that is the opening plan",
        chain(a=plan({"when": "visit > 1", "to": "end"}, {"fork": {"branches": ["b"], "join": "a"}}), b=ECHO),
    ),
    (
        "two rules that share entries and join",
        chain(
            one=plan(
                {"when": "visit > 1", "fork": {"branches": ["a"], "join": "join"}},
                {"fork": {"branches": ["a", "b"], "join": "join", "mode": "settle"}},
            ),
            a=ECHO,
            b=ECHO,
            join=END,
        ),
    ),
    ("scopes eight deep", nested(8)),
    ("a cycle with a task", chain(a=plan({"when": "visit > 3", "to": "end"}, {"to": "b"}), b=to("a"))),
    ("an end inside a branch", chain(one=fork("a", "b"), a=END, b=to("fail"), join=END)),
    ("a failure that leads to the join", chain(one=fork("a"), a={**ECHO, "on_failure": {"to": "join"}}, join=END)),
    (
        "a plan that tries its scope again when it fails",
        chain(one={**fork("a"), "on_failure": {"to": "again"}}, again=plan({"to": "one"}), a=ECHO, join=END),
    ),
    (
        "plans and tasks in turn",
        {
            **chain(a=plan({"fork": {"branches": ["b"], "join": "c"}}), b=ECHO, c=plan({"to": "end"})),
            "profile": "plan_task",
        },
    ),
    (
        "one branch that writes",
        chain(
            one=fork("a", "b"),
            a={**ECHO, "writes": {"note": 1}, "next": "c"},
            c={**ECHO, "writes": {"note": 2}},
            b=ECHO,
            join=END,
        ),
    ),
    (
        "branches that write what can merge, and what is local",
        {
            **chain(one=mapped("a"), a={**ECHO, "writes": {"notes": 1, "mine": 2}}, join=END),
            "state": {"notes": {"reducer": "append"}, "mine": {"local": True}},
        },
    ),
    (
        "a default for failures at the top level",
        {**chain(a=to("b"), b=to("help"), help=END), "defaults": {"on_failure": {"to": "help"}}},
    ),
]


@pytest.mark.parametrize("document", [case[1] for case in GOOD], ids=[case[0] for case in GOOD])
def test_it_takes(document: Doc) -> None:
    assert problems(document) == []
    assert compile_graph(document).start in document["nodes"]


def test_a_node_in_a_region_without_next_leads_to_the_join() -> None:
    graph = compile_graph(nested(3))
    assert [graph.nodes[name].next for name in ("work", "join2", "join1", "join0")] == [
        "join2",
        "join1",
        "join0",
        "end",
    ]


def test_the_node_that_a_default_leads_failures_to_does_not_lead_to_itself() -> None:
    document = {**chain(a=to("help"), help=END), "defaults": {"on_failure": {"to": "help"}}}
    graph = compile_graph(document)
    assert (graph.nodes["a"].on_failure.action, graph.nodes["help"].on_failure.action) == ("to", "default")


def test_a_broken_part_hides_what_would_follow_from_it() -> None:
    found = told(changed(nodes__pick__rules__0__whn="x"))
    assert found == {("unknown_field", "nodes.pick.rules[0].whn")}


def test_what_cannot_be_reached_is_not_judged_further() -> None:
    document = {**chain(a=plan({"to": "end"}), lost=to("more"), more=END), "profile": "plan_task"}
    assert {code for code, _ in told(document)} == {"unreachable"}


def test_regions_know_what_they_are_in() -> None:
    layout = examine(nested(3)).layout
    top, outer, middle, inner = layout.regions
    assert (top.depth, inner.depth) == (0, 3)
    assert inner.within(outer)
    assert inner.within(inner)
    assert not outer.within(middle)
    assert (str(top), str(outer)) == ("the top level", "the scope that `split0` opens")
