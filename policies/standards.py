"""What answers to a question must be: how many, from whom, signed or not; the strictest of all that asks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from policies.model import Trigger
from policies.people import AND, ANY
from policies.triggers import TriggerRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.tenant import TenantPolicy

_ASKS_NOTHING = TriggerRule()


@dataclass(frozen=True, slots=True)
class Standard:
    """What the answers to a question must be. `answerers` are alternatives, of whom `quorum` must say the same.

    An entry with `&` names several things that one person must be; without entries anyone may answer.
    """

    answerers: tuple[str, ...] = ()
    quorum: int = 1
    not_starter: bool = False
    signed: bool = False


def standard_of(policy: TenantPolicy, triggers: Sequence[Trigger], *, outcome: str | None = None) -> Standard:
    """What the policy wants of an answer to these triggers, all of them satisfied by the same answers.

    Widening what a run may do or spend (`grant`, `raise`) takes a signature whatever the policy says.
    """
    return _of_rules(policy, _rules(policy, triggers), signed=_widens(triggers, outcome))


def escalated(policy: TenantPolicy, triggers: Sequence[Trigger], *, outcome: str | None = None) -> Standard | None:
    """What it wants once nobody has answered in time; null where it passes the question to nobody else."""
    rules = _rules(policy, triggers)
    if not any(rule.escalate for rule in rules):
        return None
    return _of_rules(policy, [rule.escalate or rule for rule in rules], signed=_widens(triggers, outcome))


def strictest(standards: Sequence[Standard]) -> Standard:
    """The standard that satisfies all of them: of several groups of answerers, one person must be in each."""
    groups = list(dict.fromkeys(one.answerers for one in standards if one.answerers and ANY not in one.answerers))
    return Standard(
        answerers=tuple(dict.fromkeys(_joined(entries) for entries in product(*groups))) if groups else (),
        quorum=max((one.quorum for one in standards), default=1),
        not_starter=any(one.not_starter for one in standards),
        signed=any(one.signed or one.not_starter or one.quorum > 1 for one in standards),
    )


def _rules(policy: TenantPolicy, triggers: Sequence[Trigger]) -> list[TriggerRule]:
    return [policy.triggers.get(trigger, _ASKS_NOTHING) for trigger in triggers]


def _of_rules(policy: TenantPolicy, rules: Sequence[TriggerRule], *, signed: bool) -> Standard:
    signed = signed or policy.answerers.require_signature
    return strictest([Standard(rule.answerers, rule.quorum, rule.not_starter, signed) for rule in rules])


def _widens(triggers: Sequence[Trigger], outcome: str | None) -> bool:
    if outcome == "raise":
        return Trigger.BUDGET in triggers
    if outcome == "grant":
        return Trigger.CAPABILITY in triggers or Trigger.GAP in triggers
    return outcome == "approve" and Trigger.CAPABILITY in triggers


def _joined(entries: tuple[str, ...]) -> str:
    parts = [part for entry in entries for part in entry.split(AND)]
    return AND.join(dict.fromkeys(parts))
