"""What a person may answer where a call waits: the words of what asked, or yes and no to all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from policies.model import Trigger, Verdict
from policies.spending import MIN_MAX_TOKENS
from workflows.engine.silences import ABORT
from workflows.engine.spending import RUN, raised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.model import Decision
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState

APPROVE, GRANT, CONTINUE, RAISE, REDUCE = "approve", "grant", "continue", "raise", "reduce"
YES = (APPROVE, GRANT, CONTINUE, RAISE, REDUCE)
"""What lets a call go on."""
AT_ONCE = frozenset({"deny", ABORT, "decline", "cancel", "revise"})
"""What one person may say alone where several must agree: the second pair of eyes is there for the yes."""
ASK_RUNG = "ask"
_WHY = {
    Trigger.RISKY_TOOL: "its risk needs a person's yes",
    Trigger.PROTECTED_PATH: "it writes to a protected path",
}


def outcomes_of(
    m: Machine, call: CallState, triggers: Sequence[Trigger], rungs: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """The words of the one trigger; of several, `approve` and `deny` for all of them, and `abort` if one has it."""
    words = [_words(m, call, trigger, rungs) for trigger in triggers]
    if len(words) == 1:
        return words[0]
    return (APPROVE, "deny", *((ABORT,) if any(ABORT in one for one in words) else ()))


def _words(m: Machine, call: CallState, trigger: Trigger, rungs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    match trigger:
        case Trigger.CAPABILITY:
            return (GRANT, "deny")
        case Trigger.GUARDRAIL:
            return (CONTINUE, ABORT)
        case Trigger.BUDGET:
            may_raise = (RAISE,) if m.policy.answerers.require_signature and raisable(m, rungs) else ()
            may_reduce = (REDUCE,) if call.max_tokens is not None and call.max_tokens > MIN_MAX_TOKENS else ()
            return (CONTINUE, *may_raise, *may_reduce, ABORT)
        case _:
            return (APPROVE, "deny")


def reasons_of(decision: Decision) -> str:
    """Why a person is asked, in the engine's words or those of the rule's author."""
    asking = [reason for reason in decision.reasons if reason.verdict is Verdict.ASK]
    return "; ".join(dict.fromkeys(_WHY.get(cast("Trigger", reason.trigger), reason.message) for reason in asking))


def rules_of(decision: Decision) -> tuple[str, ...]:
    """The guardrails that ask: people let them pass rule by rule."""
    return tuple(reason.rule for reason in decision.reasons if reason.trigger is Trigger.GUARDRAIL)


def rungs_of(decision: Decision) -> tuple[tuple[str, str], ...]:
    """The rungs of the ladder that ask."""
    return tuple(rung for rung in decision.rungs if rung[1] == ASK_RUNG) if Trigger.BUDGET in decision.asks else ()


def raisable(m: Machine, rungs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """How much more of each unit people may still give the run, in the ledger's units.

    Nothing where only the tenant's budget runs low: that is not the run's to raise.
    """
    if not any(place.startswith("lifetime.") for place, _ in rungs):
        return {}
    limit, so_far = m.ledgers[RUN].limit, raised(m)
    left = {unit: most - so_far.get(unit, 0) for unit, most in m.policy.max_raise.items()}
    return {unit: more for unit, more in left.items() if more > 0 and getattr(limit, unit) is not None}
