"""How people are asked: silence is never a yes, a toast waits for nobody, an escalation goes somewhere."""

from __future__ import annotations

import pytest

from policies.document import parse_policy
from policies.model import Trigger
from policies.triggers import ACCEPTING, ON_TIMEOUT, OUTCOMES, TriggerRule
from tests.unit.policies.documents import FULL, problems_of, small

ASKING = [trigger for trigger in Trigger if trigger is not Trigger.HUMAN_NODE]


def rules(**triggers: object) -> dict[Trigger, TriggerRule]:
    return dict(parse_policy(small(triggers=triggers)).house.triggers)


def test_a_rule_means_what_it_says() -> None:
    rule = parse_policy(FULL).house.triggers[Trigger.RISKY_TOOL]
    escalate = TriggerRule("modal", 86_400.0, "abort", ("ada",), quorum=1, not_starter=True)
    assert rule == TriggerRule("modal", 3600.0, "escalate", ("role:operator",), 2, not_starter=True, escalate=escalate)


@pytest.mark.parametrize("trigger", Trigger)
def test_every_trigger_may_be_named(trigger: Trigger) -> None:
    if trigger is not Trigger.CAPABILITY:  # which needs signatures
        assert rules(**{trigger.value: {}})[trigger] == TriggerRule(on_timeout=ON_TIMEOUT[trigger][0])


@pytest.mark.parametrize("trigger", Trigger)
def test_silence_is_one_of_the_outcomes_or_ends_the_run(trigger: Trigger) -> None:
    assert set(ON_TIMEOUT[trigger]) <= {*OUTCOMES[trigger], "abort", "keep_waiting"}
    assert not {*ON_TIMEOUT[trigger]} & {*ACCEPTING}


@pytest.mark.parametrize("trigger", [trigger for trigger in ASKING if trigger is not Trigger.CAPABILITY])
def test_silence_may_mean_what_the_page_lets_it(trigger: Trigger) -> None:
    for word in (*ON_TIMEOUT[trigger], "keep_waiting"):
        assert rules(**{trigger.value: {"on_timeout": word}})[trigger].on_timeout == word


@pytest.mark.parametrize("outcome", ["approve", "grant", "provide", "continue", "raise", "retry"])
@pytest.mark.parametrize("trigger", ASKING)
def test_silence_is_never_a_yes(trigger: Trigger, outcome: str) -> None:
    found = problems_of(small(triggers={trigger.value: {"on_timeout": outcome}}))
    assert ("unsafe", f"triggers.{trigger.value}.on_timeout") in found
    later = {"deadline": "1h", "on_timeout": "escalate", "escalate": {"answerers": ["any"], "on_timeout": outcome}}
    found = problems_of(small(triggers={trigger.value: later}))
    assert ("unsafe", f"triggers.{trigger.value}.escalate.on_timeout") in found


def test_a_human_nodes_outcomes_are_its_own() -> None:
    assert rules(on_human_node={"on_timeout": "approve"})[Trigger.HUMAN_NODE].on_timeout == "approve"
    assert problems_of(small(triggers={"on_human_node": {"on_timeout": "A b"}})) == [
        ("wrong_value", "triggers.on_human_node.on_timeout")
    ]


@pytest.mark.parametrize(
    ("trigger", "silence", "safe"),
    [
        ("on_failure", "skip", True),
        ("on_failure", "abort", False),
        ("on_failure", "keep_waiting", False),
        ("on_task", "abort", True),
        ("on_task", "skip", True),
        ("on_task", "keep_waiting", False),
        ("on_gap", "continue_without", True),
        ("on_gap", "decline", False),
        ("on_risky_tool", "deny", False),
        ("on_budget", "abort", False),
        ("on_uncertain", "skip", False),
        ("on_human_node", "abort", False),
    ],
)
def test_a_toast_is_shown_only_where_nobody_need_wait(trigger: str, silence: str, safe: bool) -> None:
    triggers = {trigger: {"ui": "toast", "on_timeout": silence}}
    if safe:
        assert rules(**triggers)[Trigger(trigger)].ui == "toast"
    else:
        assert problems_of(small(triggers=triggers)) == [("unsafe", f"triggers.{trigger}")]


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        (None, "", "wrong_type"),
        ({"uy": "modal"}, ".uy", "unknown_key"),
        ({"ui": "popup"}, ".ui", "wrong_value"),
        ({"ui": 4}, ".ui", "wrong_value"),
        ({"deadline": "soon"}, ".deadline", "wrong_value"),
        ({"deadline": "0s"}, ".deadline", "wrong_value"),
        ({"deadline": "99999d"}, ".deadline", "wrong_value"),
        ({"on_timeout": "skip"}, ".on_timeout", "wrong_value"),
        ({"on_timeout": None}, ".on_timeout", "wrong_value"),
        ({"quorum": 0}, ".quorum", "wrong_value"),
        ({"quorum": "all"}, ".quorum", "wrong_value"),
        ({"not_starter": 1}, ".not_starter", "wrong_type"),
        ({"answerers": "role:operator"}, ".answerers", "wrong_type"),
        ({"answerers": []}, ".answerers", "wrong_value"),
        ({"answerers": ["any", "ada"]}, ".answerers", "wrong_value"),
        ({"answerers": ["role:"]}, ".answerers[0]", "wrong_value"),
        ({"answerers": ["ada&bob"]}, ".answerers[0]", "wrong_value"),
        ({"answerers": ["role:any"]}, ".answerers[0]", "wrong_value"),
        ({"answerers": [3]}, ".answerers[0]", "wrong_type"),
        ({"answerers": [f"p{number}" for number in range(65)]}, ".answerers", "too_many"),
        ({"on_timeout": "escalate", "deadline": "1h"}, ".escalate", "missing"),
        ({"on_timeout": "escalate", "escalate": {"answerers": ["ada"]}}, ".deadline", "missing"),
        ({"deadline": "1h", "escalate": {"answerers": ["ada"]}}, ".escalate", "wrong_value"),
        ({"on_timeout": "escalate", "deadline": "1h", "escalate": {}}, ".escalate", "missing"),
        ({"on_timeout": "escalate", "deadline": "1h", "escalate": []}, ".escalate", "wrong_type"),
        (
            {"on_timeout": "escalate", "deadline": "1h", "escalate": {"answerers": ["ada"], "ui": "panel"}},
            ".escalate.ui",
            "unknown_key",
        ),
        (
            {"on_timeout": "escalate", "deadline": "1h", "escalate": {"answerers": ["ada"], "on_timeout": "escalate"}},
            ".escalate.on_timeout",
            "wrong_value",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_named_with_its_place(rule: object, path: str, code: str) -> None:
    assert problems_of(small(triggers={"on_risky_tool": rule})) == [(code, f"triggers.on_risky_tool{path}")]


@pytest.mark.parametrize(("triggers", "code"), [([], "wrong_type"), ({"on_risky_tol": {}}, "unknown_key")])
def test_triggers_are_those_of_the_page(triggers: object, code: str) -> None:
    ((found, _),) = problems_of(small(triggers=triggers))
    assert found == code


def test_a_person_is_named_in_one_way() -> None:
    rule = rules(on_failure={"answerers": ["person:ada", "ada", "role:lead"]})[Trigger.FAILURE]
    assert rule.answerers == ("ada", "role:lead")
    assert rules(on_failure={"answerers": ["any"]})[Trigger.FAILURE].answerers == ()


def test_a_human_node_escalates_by_its_own_deadline() -> None:
    rule = rules(on_human_node={"escalate": {"answerers": ["role:lead"], "deadline": "2h"}})[Trigger.HUMAN_NODE]
    assert rule.escalate == TriggerRule("modal", 7200.0, "keep_waiting", ("role:lead",))
    assert problems_of(small(triggers={"on_human_node": {"on_timeout": "escalate"}})) == [
        ("missing", "triggers.on_human_node.escalate")
    ]
