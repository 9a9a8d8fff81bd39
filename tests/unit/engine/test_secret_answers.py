"""A secret in the data of an answer goes no further: neither into the history of an update, nor into the run."""

from __future__ import annotations

import json

import pytest

from tests.support.cards import policy_document, run_card
from tests.support.simulator import Simulator
from workflows.contracts.pause import Answer

CANARY = "ghp_canaryCANARYcanary7f3a9c21"
GRAPH: dict[str, object] = {
    "graph": "g",
    "version": "1.0.0",
    "state": {"said": {"reducer": "last"}},
    "start": "ask",
    "nodes": {
        "ask": {
            "kind": "human",
            "ask": "Well?",
            "outcomes": ["yes_ok"],
            "writes": {"said": "${result}"},
            "routes": {"yes_ok": "end"},
        }
    },
    "output": {"said": "${state.said}"},
}


def asking(**house: object) -> Simulator:
    run = Simulator(GRAPH, run_card(policy_document(**house)))
    run.say("start")
    return run


@pytest.mark.parametrize("data", [{"token": "hunter2hunter2"}, {"a": [f"use {CANARY}"]}, {CANARY: 1}])
def test_an_answer_with_a_secret_is_refused_with_its_path_and_kind(data: dict[str, object]) -> None:
    run = asking()
    answer = Answer(pause="p1", outcome="yes_ok", data=data, by="ann")
    reason = run.engine.why_rejected(answer, run.now_ms)
    assert reason is not None
    assert reason.startswith("`answer.")
    assert "secret" in reason or "token" in reason
    (said,) = run.say(f"answer p1 yes_ok {json.dumps(data)}")
    assert said.startswith("refused: ")
    assert "hunter2" not in said
    assert CANARY not in said
    assert run.engine.phase == "waiting"


def test_the_operator_may_let_it_pass() -> None:
    run = asking(secrets={"allow_paths": ["answer.token"]})
    answer = Answer(pause="p1", outcome="yes_ok", data={"token": "hunter2hunter2"}, by="a")
    assert run.engine.why_rejected(answer, run.now_ms) is None
    assert run.say('answer p1 yes_ok {"token": "hunter2hunter2"}')[0] == "accepted"
    assert run.engine.phase == "completed"
