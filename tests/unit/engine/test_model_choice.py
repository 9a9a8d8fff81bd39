"""Where a router sends a call: points for what is asked, and one decision for each call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cards import MODELS, policy_document, run_card
from tests.support.simulator import Simulator
from workflows.contracts.calls import Call
from workflows.engine.complexity import MARKERS, Asked, complexity_of, score
from workflows.language.validate import check_graph


@pytest.mark.parametrize(
    ("asked", "points"),
    [
        (Asked(""), 0),
        (Asked("x" * 399), 99),
        (Asked("x" * 400), 100),
        (Asked("hi", tools=3), 60),
        (Asked("DEF f(): RETURN 1"), 4 + 60),
        (Asked("return return return "), 5 + 30),
        (Asked("hi", messages=10), 0),
        (Asked("hi", messages=12), 30),
        (Asked("hi", system="x" * 500), 0),
        (Asked("hi", system="x" * 529), 2),
        (Asked("".join(MARKERS)), sum(map(len, MARKERS)) // 4 + 30 * len(MARKERS)),
    ],
)
def test_points_are_those_of_the_reference(asked: Asked, points: int) -> None:
    assert score(asked) == points


@pytest.mark.parametrize(
    ("points", "found"), [(0, "simple"), (99, "simple"), (100, "medium"), (499, "medium"), (500, "complex")]
)
def test_a_class_begins_where_the_one_below_ends(points: int, found: str) -> None:
    assert complexity_of(points) == found


@given(text=st.text(max_size=50), more=st.text(max_size=50), tools=st.integers(0, 40), messages=st.integers(0, 40))
def test_more_of_anything_never_makes_a_call_look_easier(text: str, more: str, tools: int, messages: int) -> None:
    assert score(Asked(text)) <= score(Asked(text + more, more, tools, messages))


def graph(prompt: str, asked: list[str], **node: object) -> dict[str, Any]:
    nodes = {"ask": {"kind": "model", "model": "auto", "prompt": prompt, "next": "end", **node}}
    return {"graph": "ask", "version": "1.0.0", "capabilities": [{"model": asked}], "start": "ask", "nodes": nodes}


def started(document: dict[str, Any], **policy: object) -> Simulator:
    run = Simulator(document, run_card(policy_document(**policy)))
    run.say("start")
    return run


ALL = ["auto", "default", "small", "steady"]


@pytest.mark.parametrize(
    ("prompt", "alias"), [("hi", "small"), ("x" * 500, "default"), ("def class import return " * 100, "steady")]
)
def test_the_call_goes_to_the_route_of_its_complexity_and_says_so(prompt: str, alias: str) -> None:
    run = started(graph(prompt, ALL))
    (command,) = run.every_call
    call = Call.model_validate(command.payload)
    card = next(card for card in MODELS if card.alias == alias)
    assert (call.name, call.args["alias"], call.args["model"]) == (alias, alias, card.model)
    assert command.activity == f"model.{card.provider}"


def test_the_system_text_counts() -> None:
    run = started(graph("hi", ALL, system="x" * 6000))
    assert Call.model_validate(run.every_call[0].payload).name == "steady"


def test_the_gate_decides_about_the_model_that_was_chosen() -> None:
    run = started(graph("hi", ALL, on_failure="fail"), allow=[{"model": ["auto", "default", "steady"]}])
    error = run.engine.view().error
    assert error is not None
    assert error.type == "PolicyDenied"
    assert 'model: ["small"]' in error.message
    assert run.every_call == []


def test_a_call_that_is_repeated_stays_with_its_model() -> None:
    run = started(graph("hi", ALL))
    run.say("fail ask#1:1 MaybeBilled cut")
    assert [Call.model_validate(command.payload).name for command in run.every_call] == ["small", "small"]


def test_a_graph_that_names_a_router_asks_for_all_that_it_leads_to() -> None:
    models = {card.alias: card for card in MODELS}
    (problem,) = check_graph(graph("hi", ["auto", "default", "small"]), tools=None, models=models)
    assert (problem.code, problem.path) == ("capability_not_asked", "nodes.ask.model")
    assert "`model:steady`" in problem.message
    assert check_graph(graph("hi", ALL), tools=None, models=models) == []
    assert check_graph(graph("hi", ["auto"]), tools=None, models=list(models)) == [], "where cards are not known"
