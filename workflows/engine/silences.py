"""What it means that nobody answers a pause, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Trigger
from policies.triggers import ESCALATE, KEEP_WAITING
from workflows.engine.clock import seconds_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.engine.machine import Machine

__all__ = ["ABORT", "AT_ONCE_S", "DENY", "ESCALATE", "KEEP_WAITING", "UNANSWERED", "Silence", "silence_of"]

AT_ONCE_S = 0.001
ABORT, DENY, DECLINE = "abort", "deny", "decline"
UNANSWERED = {
    Trigger.RISKY_TOOL: ("modal", DENY),
    Trigger.PROTECTED_PATH: ("modal", DENY),
    Trigger.CAPABILITY: ("modal", DENY),
    Trigger.BUDGET: ("modal", ABORT),
    Trigger.GUARDRAIL: ("modal", KEEP_WAITING),
    Trigger.GAP: ("modal", KEEP_WAITING),
    Trigger.TASK: ("modal", ABORT),
    Trigger.FAILURE: ("panel", KEEP_WAITING),
    Trigger.UNCERTAIN: ("modal", KEEP_WAITING),
}
"""Presentation and `on_timeout` of a trigger that the policy does not mention."""

Silence = tuple[int | None, str]
"""Until when (UTC milliseconds, null for ever), and what happens then."""


def silence_of(
    m: Machine, triggers: Sequence[Trigger], outcomes: Sequence[str], opened_ms: int, *, escalated: bool = False
) -> Silence:
    """Of several triggers, the silence of the one that is first to do anything.

    Once the pause has `escalated`, rules that say to whom count from now on, and as they are said there.
    """
    silences = [_one(m, trigger, outcomes, opened_ms, escalated=escalated) for trigger in triggers]
    acting = [(due_ms, word) for due_ms, word in silences if due_ms is not None and word != KEEP_WAITING]
    return min(acting, default=silences[0])


def _one(m: Machine, trigger: Trigger, outcomes: Sequence[str], opened_ms: int, *, escalated: bool) -> Silence:
    rule = m.policy.triggers.get(trigger)
    if rule is None:
        return None, _meant(UNANSWERED[trigger][1], outcomes)
    since_ms = opened_ms
    if escalated and rule.escalate is not None:
        rule, since_ms = rule.escalate, m.state.now_ms
    deadline_s = rule.deadline_s
    if rule.ui == "toast" and deadline_s is None and trigger is not Trigger.GAP:  # a gap that is asked about waits
        deadline_s = AT_ONCE_S  # a toast does not wait
    due_ms = None if deadline_s is None else since_ms + seconds_ms(deadline_s)
    return due_ms, _meant(rule.on_timeout, outcomes)


def _meant(word: str, outcomes: Sequence[str]) -> str:
    """What a pause that does not offer the word does instead: refuse where it can, else wait.

    A merged pause has fewer words than its triggers, and a node that has no outcome to go on with cannot be skipped.
    """
    if word in (ABORT, ESCALATE) or word in outcomes:
        return word
    no = DENY if word == KEEP_WAITING or DECLINE not in outcomes else DECLINE
    return no if no in outcomes else KEEP_WAITING
