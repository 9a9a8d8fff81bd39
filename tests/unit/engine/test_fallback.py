"""Which model stands in for one that failed for good, and which failures no other model mends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cards import MODELS, policy_document, run_card
from tests.support.simulator import Simulator
from workflows.contracts.calls import Call, Usage
from workflows.contracts.failures import FailureType
from workflows.engine import auditing
from workflows.engine.events import CallFailed
from workflows.engine.fallback import next_alias

if TYPE_CHECKING:
    from workflows.contracts.run import ModelCard, RunView

ASK: dict[str, Any] = {"kind": "model", "model": "steady", "prompt": "hi", "next": "end"}
LADDER: dict[str, Any] = {
    "execution": {"tokens": None, "cost_usd": None, "wall_clock": None},
    "lifetime": {"tokens": 4500, "cost_usd": None, "steps": None, "wall_clock": None, "tool_calls": None},
}


def graph(asked: tuple[str, ...] = ("default", "small", "steady"), **node: object) -> dict[str, Any]:
    capabilities = [{"model": list(asked)}, {"tool": ["pure"]}]
    nodes = {"ask": {**ASK, **node}}
    return {"graph": "ask", "version": "1.0.0", "capabilities": capabilities, "start": "ask", "nodes": nodes}


def started(
    document: dict[str, Any] | None = None, models: tuple[ModelCard, ...] = MODELS, **policy: object
) -> Simulator:
    card = run_card(policy_document(**policy)).model_copy(update={"models": {one.alias: one for one in models}})
    run = Simulator(document or graph(), card)
    run.say("start")
    return run


def fails(run: Simulator, kind: FailureType = FailureType.MODEL_FAILED, **fields: Any) -> None:
    """The call in flight fails for good."""
    (call,) = run.calls
    run.now_ms += 10
    run.feed(CallFailed(run.now_ms, call, kind, "it failed", 4, **{"billed": "no", **fields}))


def asked(run: Simulator) -> list[str]:
    """The aliases of the calls that were made, in order."""
    return [Call.model_validate(command.payload).name for command in run.every_call]


def max_tokens(run: Simulator) -> list[object]:
    """How long the answers may be, call by call."""
    return [Call.model_validate(command.payload).args["max_tokens"] for command in run.every_call]


def view(run: Simulator) -> RunView:
    return run.engine.view()


def cards(**fallback: tuple[str, ...]) -> tuple[ModelCard, ...]:
    """The test models with other fallbacks."""
    return tuple(card.model_copy(update={"fallback": fallback.get(card.alias, ())}) for card in MODELS)


@pytest.mark.parametrize("kind", [FailureType.MODEL_FAILED, FailureType.CREDENTIAL])
def test_the_next_model_is_asked_by_a_call_of_its_own(kind: FailureType) -> None:
    run = started()
    fails(run, kind)
    first, second = (Call.model_validate(command.payload) for command in run.every_call)
    assert asked(run) == ["steady", "small"]
    assert first.key != second.key
    assert (second.index, second.args["alias"], second.args["model"]) == (2, "small", "tiny")
    assert second.decision.digest != first.decision.digest
    assert run.every_call[1].activity == "model.cheap"


def test_each_model_has_its_own_reservation_and_the_one_that_failed_holds_none() -> None:
    run = started()
    reserved = run.engine._m.ledgers[""].reserved
    assert reserved.tokens == 2000 + 2 + 2 * 32
    fails(run)
    assert run.engine._m.ledgers[""].reserved.tokens == 500 + 2 + 2 * 32
    fails(run)
    assert run.engine._m.ledgers[""].reserved.tokens == 1000 + 2 + 2 * 32
    assert run.engine._m.ledgers[""].used.tokens == 0


def test_what_may_have_been_billed_stays_settled_when_another_model_is_asked() -> None:
    run = started(graph(retry={"max_attempts": 1}))
    fails(run, FailureType.MAYBE_BILLED, billed="maybe")
    assert asked(run) == ["steady", "small"]
    assert run.engine._m.ledgers[""].used.tokens == 2000 + 2 + 2 * 32


def test_a_lost_model_call_is_repeated_with_its_own_model_first_and_each_model_has_its_attempts() -> None:
    run = started(graph(retry={"max_attempts": 2}))
    for _ in range(4):
        fails(run, FailureType.MAYBE_BILLED, billed="maybe")
    assert asked(run) == ["steady", "steady", "small", "small", "default"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (FailureType.MODEL_FAILED, {"request": True}),
        (FailureType.MODEL_FAILED, {"billed": "yes", "usage": Usage(tokens=5)}),
        (FailureType.POLICY_DENIED, {}),
        (FailureType.POLICY_DRIFT, {}),
        (FailureType.BUDGET_EXCEEDED, {}),
        (FailureType.RESULT_TOO_LARGE, {}),
        (FailureType.INTERNAL, {}),
        (FailureType.BLOB_LOST, {}),
    ],
)
def test_no_other_model_is_asked_where_it_is_not_the_model_that_failed(
    kind: FailureType, fields: dict[str, Any]
) -> None:
    run = started(graph(on_failure="fail"))
    fails(run, kind, **fields)
    assert asked(run) == ["steady"]
    assert view(run).error is not None


def test_at_the_end_the_last_error_stands_and_names_all_that_were_tried() -> None:
    run = started(graph(on_failure="fail"))
    for _ in range(3):
        fails(run)
    error = view(run).error
    assert error is not None
    assert (error.type, error.message) == ("ModelFailed", "it failed; `steady`, `small` failed before it")
    assert view(run).warnings == (
        "node `ask`: model `steady` failed (ModelFailed), `small` is asked instead [fallback]",
        "node `ask`: model `small` failed (ModelFailed), `default` is asked instead [fallback]",
    )


def test_what_the_gate_says_of_a_model_that_stands_in_names_those_before_it() -> None:
    rules = [{"id": "no-small", "when": "execution.name == 'small'", "then": "deny", "message": "not that one"}]
    run = started(graph(on_failure="fail"), guardrails=rules)
    fails(run)
    error = view(run).error
    assert error is not None
    assert error.type == "PolicyDenied"
    assert error.message.endswith("; `steady` failed before it")
    assert asked(run) == ["steady"]


def test_a_model_that_the_graph_does_not_ask_for_is_passed_over() -> None:
    run = started(graph(("steady", "default")))
    fails(run)
    assert asked(run) == ["steady", "default"]


def test_a_model_that_the_policy_does_not_grant_is_passed_over() -> None:
    run = started(allow=[{"model": ["steady", "default"]}])
    fails(run)
    assert asked(run) == ["steady", "default"]


def test_a_model_that_the_policy_denies_is_passed_over() -> None:
    run = started(deny=[{"model": ["small"]}])
    fails(run)
    assert asked(run) == ["steady", "default"]


def test_a_model_that_the_run_does_not_know_is_passed_over() -> None:
    run = started(models=tuple(card for card in MODELS if card.alias != "small"))
    fails(run)
    assert asked(run) == ["steady", "default"]


def test_those_that_a_fallback_names_come_after_those_that_the_first_names() -> None:
    models = cards(steady=("small", "default"), small=("short", "steady"), default=("small",))
    run = started(graph(("steady", "default", "small", "short"), on_failure="fail"), models)
    for _ in range(4):
        fails(run)
    assert asked(run) == ["steady", "small", "default", "short"]
    assert view(run).phase == "failed"


def test_cards_that_name_each_other_end_after_each_was_tried() -> None:
    run = started(graph(on_failure="fail"), cards(steady=("small",), small=("steady",)))
    fails(run)
    fails(run)
    assert asked(run) == ["steady", "small"]


def test_a_model_that_the_ladder_would_move_back_is_passed_over() -> None:
    ladder = {"warn": None, "ask": None, "downshift": 0.1}
    budgets = {**LADDER, "ladder": ladder, "downshift": {"default": "small"}}
    models = cards(small=("default", "steady"))
    run = started(graph(model="default", on_failure="fail"), models, budgets=budgets)
    fails(run)
    assert asked(run) == ["small", "steady"], "the rung holds, so `default` would be `small` again"
    off = started(graph(model="small"), models, budgets={**budgets, "ladder": {**ladder, "downshift": None}})
    off.engine._m.state.rungs["lifetime.tokens"] = "ask"
    fails(off)
    assert asked(off) == ["small", "default"]


def test_a_model_that_is_moved_to_one_that_failed_is_not_asked_for_ever() -> None:
    ladder = {"warn": None, "ask": None, "downshift": 0.2}
    budgets = {**LADDER, "ladder": ladder, "downshift": {"default": "small"}}
    document = graph(model="small", on_failure="fail", retry={"max_attempts": 1})
    run = started(document, cards(small=("default",)), budgets=budgets)
    assert run.engine._m.state.rungs == {}
    fails(run, FailureType.MAYBE_BILLED, billed="maybe")
    assert (asked(run), run.engine._m.state.rungs) == (["small", "small"], {"lifetime.tokens": "downshift"})
    fails(run)
    assert view(run).phase == "failed"


def test_answers_are_as_long_as_each_model_gives_them_and_no_longer_than_was_asked() -> None:
    run = started(graph(max_tokens=700))
    fails(run)
    fails(run)
    assert max_tokens(run) == [700, 500, 700]


def test_a_persons_retry_begins_with_the_model_that_was_asked_first() -> None:
    run = started(graph(max_tokens=3000))
    for _ in range(3):
        fails(run)
    assert view(run).phase == "waiting"
    run.say("answer p1 retry")
    assert asked(run) == ["steady", "small", "default", "steady"]
    assert max_tokens(run)[-1] == 3000
    fails(run)
    assert asked(run)[-1] == "small", "and then with those that stand in"


def test_a_retry_of_what_never_fell_back_is_the_same_call() -> None:
    run = started(graph(model="default"))
    fails(run)
    run.say("answer p1 retry")
    first, second = run.every_call
    assert first.payload["key"] == second.payload["key"]


def test_a_call_says_whether_another_model_stands_in_for_it() -> None:
    run = started()
    fails(run)
    fails(run)
    assert [Call.model_validate(command.payload).fallback for command in run.every_call] == [True, True, False]
    alone = started(graph(("steady",)))
    assert "fallback" not in alone.every_call[0].payload


def test_a_tool_has_nothing_to_fall_back_to() -> None:
    document = graph()
    document["nodes"] = {"ask": {"kind": "tool", "tool": "pure", "with": {"x": 1}, "next": "end", "on_failure": "fail"}}
    run = started(document)
    (call,) = run.engine._m.state.calls.values()
    assert next_alias(run.engine._m, run.engine._m.state.activations[call.activation], call) is None
    fails(run, FailureType.MODEL_FAILED)
    assert view(run).phase == "failed"


def test_an_older_history_of_a_failed_call_has_the_same_audit() -> None:
    failed = CallFailed(1, "ask#1:1", "ModelFailed", "no", 1, "no")
    assert b"request" not in auditing._told(failed)
    assert auditing._told(failed) != auditing._told(replace(failed, request=True))
