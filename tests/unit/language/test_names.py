"""Expressions in graphs: which names have a value where."""

from __future__ import annotations

import pytest

from tests.unit.language.documents import DROP, Doc, changed, problems, told

HERE: list[tuple[str, str, str, str]] = [
    ("unknown_name", "nodes.one.prompt", "nodes__one__prompt", "${nothing}"),
    ("unknown_name", "nodes.one.prompt", "nodes__one__prompt", "${item}"),
    ("unknown_name", "nodes.one.prompt", "nodes__one__prompt", "${focus}"),
    ("unknown_name", "nodes.done.with.a", "nodes__done__with", "${item}"),
    ("unknown_name", "output.note", "output__note", "${item}"),
    ("unknown_name", "nodes.one.prompt", "nodes__one__prompt", "${run.tenent}"),
    ("unknown_name", "nodes.rescue.prompt", "nodes__rescue__prompt", "${error.mesage}"),
    ("unknown_name", "nodes.one.writes.notes", "nodes__one__writes__notes", "${result.txt}"),
    ("unknown_name", "nodes.ask.writes.note", "nodes__ask__writes", "${result.choice}"),
    ("unknown_channel", "nodes.one.prompt", "nodes__one__prompt", "${state.nte}"),
    ("unknown_channel", "nodes.pick.rules[0].when", "nodes__pick__rules__0__when", "has(state.nte)"),
    ("unknown_input", "nodes.one.prompt", "nodes__one__prompt", "${input.pth}"),
    ("unbound_name", "nodes.one.prompt", "nodes__one__prompt", "${results}"),
    ("unbound_name", "nodes.one.prompt", "nodes__one__prompt", "${failed}"),
    ("unbound_name", "nodes.one.prompt", "nodes__one__prompt", "${error.message}"),
    ("unbound_name", "nodes.one.prompt", "nodes__one__prompt", "${index}"),
    ("unbound_name", "output.note", "output__note", "${visit}"),
    ("unbound_name", "output.note", "output__note", "${values}"),
    ("unbound_name", "output.note", "output__note", "${error}"),
    ("unbound_name", "nodes.pick.rules[1].fork.value", "nodes__pick__rules__1__fork__value", "${visit}"),
    ("unbound_name", "nodes.done.with.a", "nodes__done__with", "${result}"),
    ("bad_expression", "nodes.one.prompt", "nodes__one__prompt", "a ${state.note"),
    ("bad_expression", "nodes.one.prompt", "nodes__one__prompt", "${state}"),
    ("bad_expression", "nodes.two.until", "nodes__two__until", "${"),
    ("bad_expression", "nodes.pick.rules[0].when", "nodes__pick__rules__0__when", "1 +"),
    ("bad_expression", "nodes.pick.rules[0].when", "nodes__pick__rules__0__when", "size(state.notes)"),
    ("bad_expression", "nodes.pick.rules[2].map.over", "nodes__pick__rules__2__map__over", "${"),
    ("bad_expression", "nodes.each.with.path", "nodes__each__with__path", "${"),
    ("bad_expression", "nodes.judge.checks[0].when", "nodes__judge__checks__0__when", "'a'"),
    ("bad_expression", "output.note", "output__note", "${1 + 1.0}"),
]


def spoiled(place: str, text: str) -> Doc:
    value: object = (
        {"a": text} if place.endswith("__with") else {"note": text} if place.endswith("ask__writes") else text
    )
    return changed(**{place: value})


@pytest.mark.parametrize(("code", "path", "place", "text"), HERE)
def test_it_refuses_a_name_without_a_value(code: str, path: str, place: str, text: str) -> None:
    assert (code, path) in told(spoiled(place, text))


GOOD: list[tuple[str, str]] = [
    ("nodes__one__prompt", "${result.text} ${state.note} ${input.path} ${run.id} ${visit}"),
    ("nodes__two__writes__notes", "${focus} ${result.woken_by}"),
    ("nodes__each__with__path", "${item}"),
    ("nodes__each__writes", "${index} ${item} ${result.whatever} ${state.mine}"),
    ("nodes__ask__show", "${results} ${values} ${failed}"),
    ("nodes__ask__writes", "${result.outcome} ${size(results)}"),
    ("nodes__rescue__writes", "${error.type} ${result.text}"),
    ("nodes__pick__rules__1__fork__value", "${result.text}"),
    ("nodes__pick__rules__2__map__value", "${item} ${index} ${result.ok}"),
    ("nodes__pick__rules__1__fork__branches__1__with__focus", "${result.text}"),
    ("nodes__judge__checks__2__when", "result.anything == index"),
    ("nodes__first__with", "${result}"),
    ("output__note", "${result} ${run.started_at}"),
    ("nodes__one__prompt", "${has(input.path) ? get(state.note, 'a', 1) : json(state)}"),
]


@pytest.mark.parametrize(("place", "text"), GOOD)
def test_it_takes_a_name_that_has_a_value(place: str, text: str) -> None:
    value: object = {"note": text} if place.endswith("writes") and "each" not in place else text
    value = {"mine": text} if place == "nodes__each__writes" else value
    value = {"text": text} if place == "nodes__first__with" else value
    assert problems(changed(**{place: value})) == []


def test_a_result_is_unbound_where_nothing_has_run() -> None:
    document = changed(nodes__first__with={"x": "${result}"}, nodes__ask__routes__no="end")
    assert ("unbound_name", "nodes.first.with.x") in told(document)


def test_plans_pass_a_result_on_and_failures_give_none() -> None:
    document = changed(nodes__rescue__prompt="${result.text}")
    assert ("unbound_name", "nodes.rescue.prompt") in told(document)
    assert problems(changed(nodes__pick__rules__0__when="result.text == 'x'")) == []


def test_an_input_that_is_not_declared_is_a_warning_where_the_schema_is_open() -> None:
    document = changed(input__additionalProperties=DROP, nodes__one__prompt="${input.pth}")
    found = [(problem.code, problem.path, problem.severity) for problem in problems(document)]
    assert found == [("unknown_input", "nodes.one.prompt", "warning")]
    assert problems(changed(input__additionalProperties=True, nodes__one__prompt="${input.pth}")) == []
    assert problems(changed(input=DROP, nodes__one__prompt="${input.pth}")) == []


def test_names_bound_by_one_branch_only_are_not_bound_where_both_come() -> None:
    rule = {"fork": {"branches": [{"to": "one", "with": {"a": 1}}, {"to": "one", "with": {"b": 1}}], "join": "ask"}}
    document = changed(nodes__pick__rules__1={**rule, "when": "visit > 1"}, nodes__two=DROP, nodes__one__prompt="${a}")
    assert ("unknown_name", "nodes.one.prompt") in told(document)


def test_names_of_an_unreachable_node_are_not_judged() -> None:
    document = changed(
        nodes__lost={"kind": "model", "model": "default", "prompt": "${anything} ${results}", "next": "end"}
    )
    assert told(document) == {("unreachable", "nodes.lost")}


def test_names_are_judged_in_a_broken_document_as_far_as_they_can_be() -> None:
    document = changed(graph="Bad", nodes__one__prompt="${anything} ${results} ${state.nte}")
    assert told(document) == {("bad_name", "graph"), ("unknown_channel", "nodes.one.prompt")}


def test_a_name_bound_outside_is_bound_in_a_scope_inside() -> None:
    inner = {"kind": "plan", "rules": [{"fork": {"branches": ["deep"], "join": "judge"}}]}
    deep = {"kind": "model", "model": "default", "prompt": "${item} ${index}"}
    assert problems(changed(nodes__each__next="inner", nodes__inner=inner, nodes__deep=deep)) == []


def test_an_output_may_use_what_every_frame_that_ends_the_run_has() -> None:
    nodes: Doc = {
        "split": {"kind": "plan", "rules": [{"map": {"over": [1], "as": "item", "to": "work", "join": "late"}}]},
        "work": {"kind": "tool", "tool": "echo", "next": "end"},
        "late": {"kind": "tool", "tool": "echo", "next": "fail"},
    }
    assert problems(changed(start="split", nodes=nodes, output__note="${item}")) == []
