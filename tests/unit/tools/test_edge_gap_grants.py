"""What people grant to a run that lacks it, as the worker that makes the call reads it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.control_paths import ControlPaths
from activities.edge import Edge, Scene
from policies.document import parse_policy
from tests.support.asking import people, taken
from tests.support.cards import TOOLS, policy_document
from tests.unit.engine.test_agent_gaps import GRANTABLE, granting, wants
from workflows.contracts.calls import Call
from workflows.engine.digest import pause_digest

WEB = next(card for card in TOOLS if card.name == "web")
OPERATORS = {"on_gap": {"answerers": ["role:operator"]}}


def granted() -> tuple[dict[str, Any], Edge, Scene]:
    """A call that rests on what an operator granted, and the edge that judges it."""
    run = granting(triggers=OPERATORS)
    taken(run, "p1", "grant", "ada")
    wants(run, ("web", {"host": "api.example.org"}), call=run.every_call[-1].call)
    document = parse_policy(policy_document(answerers=people(), triggers=OPERATORS, **GRANTABLE))
    edge = Edge(document, "default", ControlPaths())
    return copy.deepcopy(run.every_call[-1].payload), edge, Scene("default", run.facts.workflow_id, run.now_ms)


def test_a_grant_of_a_gap_lets_the_call_pass() -> None:
    payload, edge, scene = granted()
    edge.check_tool(Call.model_validate(payload), WEB, scene)


def _without(grant: dict[str, Any]) -> None:
    grant["answers"] = []


def _wider(grant: dict[str, Any]) -> None:
    grant["asked"]["calls"][0]["capabilities"] = ["net:.example.org"]
    grant["digest"] = pause_digest(grant["asked"])


def _provided(grant: dict[str, Any]) -> None:
    grant["outcome"] = grant["answers"][0]["outcome"] = "provide"


def _unsigned(grant: dict[str, Any]) -> None:
    del grant["answers"][0]["signature"]


def _by_another(grant: dict[str, Any]) -> None:
    grant["answers"][0]["by"] = "dee"


@pytest.mark.parametrize("forge", [_without, _wider, _provided, _unsigned, _by_another])
def test_a_grant_that_nobody_gave_is_refused(forge: Any) -> None:  # noqa: ANN401 - one of the above
    payload, edge, scene = granted()
    forge(payload["grants"][0])
    with pytest.raises(ApplicationError) as caught:
        edge.check_tool(Call.model_validate(payload), WEB, scene)
    assert (caught.value.type, caught.value.details[0]["rule"]) == ("PolicyDenied", "edge.evidence")


def test_without_any_grant_the_policy_speaks() -> None:
    payload, edge, scene = granted()
    del payload["grants"]
    with pytest.raises(ApplicationError) as caught:
        edge.check_tool(Call.model_validate(payload), WEB, scene)
    assert caught.value.details[0]["rule"] == "capability.not_granted"


def test_a_grant_of_another_run_is_none_here() -> None:
    payload, edge, scene = granted()
    with pytest.raises(ApplicationError):
        edge.check_tool(Call.model_validate(payload), WEB, Scene("default", "default/test/2", scene.now_ms))
