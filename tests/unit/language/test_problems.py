"""One bad graph for each kind of problem: its code, and the place it is reported at."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.language.documents import DROP, EXAMPLE, MODELS, changed, problems, small, told
from workflows.language.validate import check_graph
from workflows.language.yaml import load

TASK = {"kind": "wait", "for": "1s"}
STOP = {**TASK, "next": "end"}
DEEP: dict[str, Any] = {"x": "y"}
for _ in range(60):
    DEEP = {"x": DEEP}

SHAPES: list[tuple[str, str, dict[str, object]]] = [
    ("missing_field", "version", {"version": DROP}),
    ("missing_field", "nodes.first.kind", {"nodes__first__kind": DROP}),
    ("missing_field", "nodes.first.tool", {"nodes__first__tool": DROP}),
    ("unknown_field", "nodez", {"nodez": 1}),
    ("unknown_field", "nodes.first.tol", {"nodes__first__tol": 1}),
    ("unknown_field", "state.note.rdcr", {"state__note__rdcr": 1}),
    ("unknown_kind", "nodes.first.kind", {"nodes__first__kind": "tol"}),
    ("wrong_type", "nodes.first", {"nodes__first": 3}),
    ("wrong_type", "version", {"version": 1.0}),
    ("wrong_type", "nodes", {"nodes": []}),
    ("wrong_type", "state", {"state": 3}),
    ("wrong_type", "nodes.first.max_visits", {"nodes__first__max_visits": True}),
    ("wrong_type", "nodes.two.for", {"nodes__two__for": 5}),
    ("wrong_type", "capabilities", {"capabilities": {"tool": ["echo"]}}),
    ("wrong_type", "nodes.first.capabilities", {"nodes__first__capabilities": {"tool": ["echo"]}}),
    ("wrong_value", "state.note.reducer", {"state__note__reducer": "lst"}),
    ("wrong_value", "budget.tokens", {"budget": {"tokens": -1}}),
    ("wrong_value", "nodes.pick.rules[1].fork.mode", {"nodes__pick__rules__1__fork__mode": "al"}),
    ("wrong_value", "nodes.first.on_failure", {"nodes__first__on_failure": "retry"}),
    ("unknown_key", "budget.token", {"budget": {"token": 1}}),
    ("unknown_key", "budget.depth", {"budget": {"depth": 1}}),
    ("unknown_key", "capabilities[0].tol", {"capabilities__0__tol": []}),
    ("bad_pattern", "capabilities[0].fs.write[0]", {"capabilities__0__fs.write": ["../x"]}),
    ("bad_name", "graph", {"graph": "Small"}),
    ("bad_name", "version", {"version": "1.0"}),
    ("bad_name", "nodes.Two", {"nodes__Two": STOP}),
    ("bad_name", "state.N", {"state__N": {}}),
    ("bad_name", "nodes.first.timeout", {"nodes__first__timeout": "1 s"}),
    ("out_of_range", "nodes.first.max_visits", {"nodes__first__max_visits": 0}),
    ("out_of_range", "nodes.one.temperature", {"nodes__one__temperature": 3}),
    ("out_of_range", "nodes.ask.outcomes", {"nodes__ask__outcomes": []}),
    ("out_of_range", "nodes.one.prompt", {"nodes__one__prompt": ""}),
    ("out_of_range", "nodes", {"nodes": {}}),
    ("not_json", "input.x", {"input__x": {1, 2}}),
    ("not_json", "input.x", {"input__x": float("nan")}),
    ("not_json", "input.x", {"input__x": 2**64}),
    ("not_json", "input.x", {"input__x": "\ud800"}),
    ("not_json", "input", {"input": {1: 2}}),
    ("too_large", "", {"description": "x" * 1024 * 1024}),
]
FIELDS: list[tuple[str, str, dict[str, object]]] = [
    ("bad_duration", "defaults.timeout", {"defaults__timeout": "0s"}),
    ("bad_duration", "nodes.first.retry.initial", {"nodes__first__retry": {"initial": "0ms"}}),
    ("bad_duration", "nodes.two.for", {"nodes__two__for": "99999999h"}),
    ("bad_duration", "nodes.ask.deadline", {"nodes__ask__deadline": "0h"}),
    ("bad_time", "nodes.two.until", {"nodes__two": {**STOP, "until": "tomorrow"}, "nodes__two__for": DROP}),
    ("bad_time", "nodes.two.until", {"nodes__two": {**STOP, "until": "2030-01-01T00:00:00"}, "nodes__two__for": DROP}),
    ("wait_for_what", "nodes.two", {"nodes__two__until": "2030-01-01T00:00:00Z"}),
    ("wait_for_what", "nodes.two", {"nodes__two__for": DROP}),
    ("wait_deadline", "nodes.two.deadline", {"nodes__two__deadline": "1s"}),
    ("unused_with", "nodes.one.with", {"nodes__one__with": {"a": 1}}),
    ("next_and_routes", "nodes.ask.routes", {"nodes__ask__next": "end"}),
    ("no_outcomes", "nodes.first.routes", {"nodes__first__routes": {"ok": "pick"}}),
    ("route_missing", "nodes.ask.routes", {"nodes__ask__routes__no": DROP}),
    ("route_missing", "nodes.judge.routes", {"nodes__judge__routes__fail": DROP}),
    ("unknown_outcome", "nodes.ask.routes.maybe", {"nodes__ask__routes__maybe": "end"}),
    ("unknown_outcome", "nodes.ask.on_timeout", {"nodes__ask__on_timeout": "yess"}),
    ("duplicate_outcome", "nodes.ask.outcomes[2]", {"nodes__ask__outcomes": ["yes", "no", "yes"]}),
    ("toast", "nodes.ask.ui", {"nodes__ask__ui": "toast"}),
    ("duplicate_check", "nodes.judge.checks[1].name", {"nodes__judge__checks__1__name": "short"}),
    (
        "check_form",
        "nodes.judge.checks[0]",
        {"nodes__judge__checks__0__tool": "look", "nodes__judge__checks__0__value": 1},
    ),
    ("check_form", "nodes.judge.checks[1]", {"nodes__judge__checks__1__value": DROP}),
    ("plan_target", "nodes.pick.next", {"nodes__pick__next": "end"}),
    ("plan_form", "nodes.pick", {"nodes__pick__rules": DROP}),
    ("plan_form", "nodes.pick", {"nodes__pick__model": "default"}),
    ("plan_not_total", "nodes.pick.rules[2].when", {"nodes__pick__rules__2__when": "true"}),
    ("rule_unreachable", "nodes.pick.rules[0]", {"nodes__pick__rules__0__when": DROP}),
    ("rule_form", "nodes.pick.rules[1]", {"nodes__pick__rules__1__to": "end"}),
    ("rule_form", "nodes.pick.rules[0]", {"nodes__pick__rules__0__to": DROP}),
    ("name_taken", "nodes.pick.rules[2].map.as", {"nodes__pick__rules__2__map__as": "state"}),
    ("name_taken", "nodes.pick.rules[2].map.as", {"nodes__pick__rules__2__map__as": "for"}),
    (
        "name_taken",
        "nodes.pick.rules[1].fork.branches[1].with.index",
        {"nodes__pick__rules__1__fork__branches__1__with__index": 1},
    ),
    ("over_not_list", "nodes.pick.rules[2].map.over", {"nodes__pick__rules__2__map__over": "a ${state.notes}"}),
    ("over_not_list", "nodes.pick.rules[2].map.over", {"nodes__pick__rules__2__map__over": {"a": 1}}),
    ("name_taken", "state.for", {"state__for": {}}),
    ("bad_initial", "state.notes.initial", {"state__notes__initial": "x"}),
    ("bad_initial", "state.sum.initial", {"state__sum": {"reducer": "add", "initial": True}}),
    ("bad_initial", "state.note.initial", {"state__note": {"initial": 1, "schema": {"type": "string"}}}),
    ("schema_keyword", "input.typ", {"input__typ": "object"}),
    ("schema_regex", "nodes.ask.form.pattern", {"nodes__ask__form": {"pattern": "a+"}}),
    ("schema_value", "nodes.one.output.type", {"nodes__one__output": {"type": "text"}}),
    ("schema_type", "nodes.judge.checks[1].schema.items", {"nodes__judge__checks__1__schema__items": 3}),
    ("schema_ref", "state.note.schema.$ref", {"state__note__schema": {"$ref": "#/$defs/x"}}),
]
REFERENCES: list[tuple[str, str, dict[str, object]]] = [
    ("unknown_node", "start", {"start": "frist"}),
    ("unknown_node", "nodes.first.next", {"nodes__first__next": "pik"}),
    ("unknown_node", "nodes.ask.routes.yes", {"nodes__ask__routes__yes": "ned"}),
    ("unknown_node", "nodes.pick.rules[0].to", {"nodes__pick__rules__0__to": "x"}),
    ("unknown_node", "nodes.pick.rules[1].fork.join", {"nodes__pick__rules__1__fork__join": "x"}),
    ("unknown_node", "nodes.pick.rules[1].fork.branches[0]", {"nodes__pick__rules__1__fork__branches__0": "x"}),
    ("unknown_node", "nodes.pick.rules[1].fork.branches[1].to", {"nodes__pick__rules__1__fork__branches__1__to": "x"}),
    ("unknown_node", "nodes.pick.rules[2].map.to", {"nodes__pick__rules__2__map__to": "x"}),
    ("unknown_node", "nodes.done.on_failure.to", {"nodes__done__on_failure__to": "x"}),
    ("unknown_node", "defaults.on_failure.to", {"defaults__on_failure": {"to": "x"}}),
    ("reserved_name", "start", {"start": "end"}),
    ("reserved_name", "nodes.end", {"nodes__end": STOP}),
    ("reserved_name", "nodes.ask.outcomes[0]", {"nodes__ask__outcomes": ["end", "no"]}),
    ("reserved_name", "nodes.pick.rules[1].fork.join", {"nodes__pick__rules__1__fork__join": "end"}),
    ("reserved_name", "nodes.pick.rules[2].map.to", {"nodes__pick__rules__2__map__to": "fail"}),
    ("unknown_channel", "nodes.first.writes.nte", {"nodes__first__writes__nte": 1}),
    ("unknown_tool", "nodes.first.tool", {"nodes__first__tool": "ecko"}),
    ("unknown_tool", "nodes.judge.checks[2].tool", {"nodes__judge__checks__2__tool": "lok"}),
    ("unknown_model", "nodes.one.model", {"nodes__one__model": "defalt"}),
    ("includes_itself", "nodes.two.graph", {"nodes__two": {"kind": "graph", "graph": "small@^1"}}),
    ("capability_not_asked", "nodes.first.tool", {"capabilities__0__tool": ["look"]}),
    ("capability_not_asked", "nodes.one.model", {"capabilities": DROP}),
    ("capability_not_asked", "nodes.each.with.path", {"nodes__each__with__path": "etc/passwd"}),
    ("capability_not_asked", "nodes.each.with.path", {"nodes__each__with__path": "../src/a.py"}),
    (
        "capability_not_asked",
        "nodes.each.with.path",
        {"nodes__each__with__path": "${item}", "capabilities__2": {"net": ["a.org"]}},
    ),
    ("capability_not_asked", "nodes.first.tool", {"nodes__first__capabilities": [{"tool": ["look"]}]}),
    ("capability_wider", "nodes.first.capabilities", {"nodes__first__capabilities": [{"tool": ["echo", "other"]}]}),
    ("unknown_argument", "nodes.each.with.pth", {"nodes__each__with__pth": 1}),
    ("missing_argument", "nodes.each.with", {"nodes__each__with__path": DROP}),
    ("bad_argument", "nodes.each.with.n", {"nodes__each__with__n": "three"}),
]
NOT_YET: list[tuple[str, str, dict[str, object]]] = [
    (
        "not_yet",
        "nodes.two.kind",
        {"nodes__two": {"kind": "graph", "graph": "other@^1", "input": {"a": "${state.note}"}}},
    ),
    ("not_yet", "nodes.two.event", {"nodes__two": {"kind": "wait", "event": "paid", "deadline": "1h"}}),
    ("not_yet", "nodes.pick.rules[1].fork.mode", {"nodes__pick__rules__1__fork__mode": "any"}),
    ("not_yet", "nodes.pick.rules[2].map.mode", {"nodes__pick__rules__2__map__mode": {"quorum": 2}}),
    ("wrong_value", "nodes.ask.answerers[1]", {"nodes__ask__answerers": ["role:operator", "no body"]}),
    ("wrong_value", "nodes.ask.answerers", {"nodes__ask__answerers": []}),
    ("escalate_when", "nodes.ask.on_timeout", {"nodes__ask__on_timeout": "escalate"}),
    (
        "not_yet",
        "nodes.judge.checks[0].model",
        {"nodes__judge__checks__0": {"name": "m", "model": "default", "prompt": "p"}},
    ),
    (
        "not_yet",
        "nodes.pick.model",
        {"nodes__pick": {"kind": "plan", "model": "default", "prompt": "p", "choices": ["one", "end"]}},
    ),
    ("not_yet", "state.note.reducer", {"state__note__reducer": "first"}),
    ("not_yet", "state.notes.reducer", {"state__notes__reducer": "messages"}),
]


def test_the_example_of_the_language_is_valid() -> None:
    assert check_graph(load(EXAMPLE).data, tools=None, models=MODELS) == []


def test_the_graph_that_is_spoiled_below_is_valid() -> None:
    assert problems(small()) == []


@pytest.mark.parametrize(("code", "path", "changes"), [*SHAPES, *FIELDS, *REFERENCES, *NOT_YET])
def test_it_reports_code_and_place(code: str, path: str, changes: dict[str, object]) -> None:
    assert (code, path) in told(changed(**changes))


@pytest.mark.parametrize(
    "document", [None, 3, "graph", [], DEEP, {}, {"nodes": 3}, {"state": {"a": 1}, "nodes": {"x": 1}}]
)
def test_it_reports_what_is_no_graph_at_all(document: object) -> None:
    assert all(problem.severity == "error" for problem in problems(document))
    assert problems(document)


def test_it_reports_all_problems_at_once_in_the_order_of_the_document() -> None:
    document = changed(
        graph="Small",
        nodes__first__tool="ecko",
        nodes__one__prompt="${state.nte}",
        nodes__two__for=3,
        nodes__each__next="jug",
    )
    assert [(problem.code, problem.path) for problem in problems(document)] == [
        ("bad_name", "graph"),
        ("unknown_tool", "nodes.first.tool"),
        ("capability_not_asked", "nodes.first.tool"),
        ("unknown_channel", "nodes.one.prompt"),
        ("wrong_type", "nodes.two.for"),
        ("unknown_node", "nodes.each.next"),
    ]


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"nodes__first__tool": "ecko"}, "did you mean `echo`?"),
        ({"nodes__first__next": "pik"}, "did you mean `pick`?"),
        ({"nodes__first__kind": "tol"}, "did you mean `tool`?"),
        ({"nodes__first__tol": 1}, "did you mean `tool`?"),
        ({"nodes__first__writes__nots": 1}, "did you mean `notes`?"),
        ({"nodes__ask__routes__yess": "end"}, "did you mean `yes`?"),
        ({"nodes__one__prompt": "${stat.note}"}, "did you mean `state`?"),
        ({"state__note__reducr": "last"}, "did you mean `reducer`?"),
        ({"nodez": 1}, "did you mean `nodes`?"),
        ({"nodes__each__with__path": "etc/x"}, 'add `- fs.read: ["etc/x"]` to `capabilities`'),
        (
            {"nodes__each__with__path": "../x"},
            "nothing can grant that: a path is relative to the workspace root and stays inside it",
        ),
    ],
)
def test_it_says_what_was_probably_meant(changes: dict[str, object], hint: str) -> None:
    assert hint in {problem.suggestion for problem in problems(changed(**changes))}


def test_an_argument_of_the_wrong_kind_is_told_once() -> None:
    assert told(changed(nodes__each__with__path=5)) == {("bad_argument", "nodes.each.with.path")}


def test_a_gap_is_a_warning_when_gaps_are_allowed() -> None:
    document = changed(nodes__first__tool="web.fetch", capabilities__0__tool=["web.fetch", "look", "echo"])
    found = [(problem.code, problem.severity) for problem in problems(document, allow_gaps=True)]
    assert found == [("unknown_tool", "warning")]
    assert problems(small(), allow_gaps=True) == []


def test_what_a_worker_has_is_left_out_where_it_is_not_known() -> None:
    document = changed(
        nodes__first__tool="ecko", nodes__one__model="x", capabilities__0__tool=["*"], capabilities__1__model=["*"]
    )
    assert check_graph(document, tools=None, models=None) == []
