"""A policy that loads but says something in vain is told so, and decides as it stands."""

from __future__ import annotations

from typing import Any

import pytest

from policies.advice import advice
from policies.document import builtin_policy, parse_policy
from tests.unit.policies.documents import PEOPLE, budgets, small

WATCHES = [{"id": "spent", "when": "tenant.cost_usd > 90", "then": "warn"}]
BLANK = [{"id": "old", "when": "tenant.age_s > 9 || lifetime.depth > 2 || agent == 'a'", "then": "warn"}]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (budgets(max_raise={"cost_usd": 20}), "`raise` is not offered"),
        (small(unpriced="allow"), "no budget of money"),
        (small(triggers={"on_epic": {}, "on_plan": {}}), "nothing in a run asks by `on_plan`, `on_epic` yet"),
        (small(answerers={"people": [{"id": "ada"}]}), "`controls.resume`, `controls.steer`"),
        (small(guardrails=BLANK), "`guardrails.old` reads `agent`, `lifetime.depth`, `tenant.age_s`"),
        (budgets(tenant=None) | {"guardrails": WATCHES}, "what `spent` read of `tenant` is always 0"),
    ],
)
def test_what_is_said_in_vain_is_told(document: dict[str, Any], told: str) -> None:
    (warning,) = advice(parse_policy(document))
    assert told in warning


@pytest.mark.parametrize(
    "document",
    [
        small(),
        small(guardrails=WATCHES),
        budgets(tenant=None),
        small(answerers={"people": PEOPLE}),
        budgets(max_raise={"cost_usd": 20}) | {"answerers": {"require_signature": True, "people": PEOPLE}},
        small(answerers={"people": [{"id": "ada"}]}, controls=dict.fromkeys(("resume", "steer", "cancel_call"), "any")),
    ],
)
def test_what_does_something_is_not_advised_against(document: dict[str, Any]) -> None:
    assert advice(parse_policy(document)) == ()


def test_the_built_in_policy_needs_no_advice() -> None:
    assert advice(builtin_policy()) == ()
