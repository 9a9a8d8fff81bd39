"""A model that fails and one that stands in for it: admission, engine and worker together, without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.admit import Admission, Offer
from activities.dispatch import Dispatch, Reach
from activities.models.catalogue import load_catalogue
from activities.seal import SealKeys
from policies.document import parse_policy
from tests.support.calls import attempt_with, reach
from tests.support.cards import policy_document
from tests.support.model_calls import Attempt, attempt_call, model_args
from tests.support.simulator import Simulator
from workflows.contracts.calls import Bill, CallResult
from workflows.engine.events import CallFailed, CallSucceeded

if TYPE_CHECKING:
    from pathlib import Path

    from workflows.engine.commands import StartCall

ID = "default/test/1"
FREE = "price: {input: 0, output: 0}"
MODELS = f"""
models:
  default: {{provider: scripted, script: bad.yaml, {FREE}, fallback: [small], breaker: {{failures: 2, cool_down: 1h}}}}
  small: {{provider: scripted, script: good.yaml, {FREE}}}
  auto: {{provider: router, routes: {{simple: default, medium: small, complex: small}}}}
"""
GOOD = "replies: [{default: true, text: from the small one}]"


def graph(*models: str, count: int = 1) -> dict[str, Any]:
    """So many model calls, one after the other, that ask for these models."""
    names = [f"m{number}" for number in range(count)]
    node = {"kind": "model", "model": models[0], "prompt": "hi", "on_failure": "fail", "retry": {"max_attempts": 3}}
    nodes = {name: {**node, "next": to} for name, to in zip(names, [*names[1:], "end"], strict=True)}
    return {
        "graph": "test",
        "version": "1.0.0",
        "capabilities": [{"model": list(models)}],
        "start": "m0",
        "nodes": nodes,
    }


class Worker:
    """A worker's parts, and the runs that it is given."""

    def __init__(self, root: Path, replies: str) -> None:
        for name, text in (("models.yaml", MODELS), ("bad.yaml", replies), ("good.yaml", GOOD)):
            (root / name).write_text(text, encoding="utf-8")
        catalogue = load_catalogue(root / "models.yaml", None, environ={})
        policy = parse_policy(policy_document())
        self.parts: Reach = reach(root, policy=policy, catalogue=catalogue)
        self.dispatch = Dispatch(self.parts)
        offer = Offer(policy, "default", "detent", {}, catalogue.cards())
        self.admission = Admission(offer, SealKeys(bytes(32)))
        self.tries: list[str] = []

    async def play(self, document: dict[str, Any]) -> Simulator:
        """Run a graph to its end; every call is made as Temporal would make it."""
        card = self.admission.card({"v": 1, "graph": document, "input": None}, ID)
        run = Simulator(document, card)
        run.say("start")
        while run.calls:
            (command,) = run.calls.values()
            run.now_ms += 10
            run.feed(await self._outcome(command, run))
        return run

    async def _outcome(self, command: StartCall, run: Simulator) -> CallSucceeded | CallFailed:
        for number in range(1, command.max_attempts + 1):
            self.tries.append(str(command.payload["name"]))
            try:
                raw = await attempt_with(
                    self.dispatch, command.payload, activity_type=command.activity, workflow_id=ID, attempt=number
                )
            except ApplicationError as error:
                if not error.non_retryable and number < command.max_attempts:
                    continue
                bill = Bill.model_validate(error.details[0])
                kind, words = str(error.type), error.message
                return CallFailed(run.now_ms, command.call, kind, words, number, bill.billed, request=bill.request)
            result = CallResult.model_validate(raw)
            return CallSucceeded(run.now_ms, command.call, result.output, result.usage)
        raise AssertionError("every attempt ends")


def refusing(status: int) -> str:
    return f"replies: [{{default: true, error: {{status: {status}, message: no}}}}]"


@pytest.mark.parametrize(("status", "tries"), [(529, 3), (404, 1), (401, 1)])
async def test_what_fails_for_good_is_asked_of_the_next_model(tmp_path: Path, status: int, tries: int) -> None:
    worker = Worker(tmp_path, refusing(status))
    run = await worker.play(graph("default", "small"))
    assert run.engine.view().phase == "completed"
    assert worker.tries == ["default"] * tries + ["small"], "the third attempt found the breaker open"


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_is_wrong_with_the_request_no_other_model_is_asked(tmp_path: Path, status: int) -> None:
    worker = Worker(tmp_path, refusing(status))
    run = await worker.play(graph("default", "small"))
    error = run.engine.view().error
    assert error is not None
    assert (error.type, worker.tries) == ("ModelFailed", ["default"])


async def test_a_script_that_knows_no_answer_is_told_of_and_not_passed_over(tmp_path: Path) -> None:
    worker = Worker(tmp_path, "replies: [{when: 'false', text: never}]")
    run = await worker.play(graph("default", "small"))
    error = run.engine.view().error
    assert error is not None
    assert "no scripted reply matches" in error.message


async def test_while_a_provider_is_left_alone_the_other_model_is_asked_at_once(tmp_path: Path) -> None:
    worker = Worker(tmp_path, refusing(529))
    run = await worker.play(graph("default", "small", count=3))
    assert run.engine.view().phase == "completed"
    assert worker.tries[4:] == ["default", "small"] * 2


async def test_without_another_model_a_provider_that_is_left_alone_is_waited_for(tmp_path: Path) -> None:
    worker = Worker(tmp_path, refusing(529))
    run = await worker.play(graph("default", count=2))
    error = run.engine.view().error
    assert error is not None
    assert worker.tries == ["default"] * 3, "each attempt says when to come again"
    assert "left alone" in error.message


async def test_a_router_and_all_that_stands_in_for_its_routes_are_in_the_card(tmp_path: Path) -> None:
    worker = Worker(tmp_path, refusing(529))
    run = await worker.play(graph("auto", "default", "small"))
    assert sorted(run.card.models) == ["auto", "default", "small"]
    assert worker.tries == ["default"] * 3 + ["small"]
    assert run.engine.view().phase == "completed"


async def test_a_fallback_that_a_node_does_not_ask_for_is_told_of_at_admission(tmp_path: Path) -> None:
    worker = Worker(tmp_path, refusing(529))
    card = worker.admission.card({"v": 1, "graph": graph("default"), "input": None}, ID)
    told = "fallback: node `m0` does not ask for `small`, so calls of `default` do not go there"
    assert told in card.warnings
    other = worker.admission.card({"v": 1, "graph": graph("default", "small"), "input": None}, ID)
    assert told not in other.warnings


async def test_a_router_answers_no_calls_itself(tmp_path: Path) -> None:
    catalogue = Worker(tmp_path, GOOD).parts.catalogue
    with pytest.raises(ApplicationError, match="a router answers no calls"):
        await attempt_call(catalogue, model_args(alias="auto", model="router"), Attempt("router"))
    await catalogue.close()
