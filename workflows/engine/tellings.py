"""What a model reads of a call that gave no output: why, from whom, and whether to try again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from policies.canonical import canonical
from policies.model import Verdict
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.model import Decision, Reason
    from workflows.contracts.failures import ErrorInfo
    from workflows.engine.machine import Machine

Kind = Literal["denied", "expired", "invalid", "unavailable", "skipped", "superseded", "unknown_outcome"]
By = Literal["policy", "person", "timeout"]
Retry = Literal["never", "changed_arguments", "later"]
MAX_CHARS = 2000
WORDS = {
    "capability": "this is not allowed here",
    "protected": "this path is protected",
    "risk": "calls of this risk are not allowed here",
    "loop": "the same was tried before and nothing new came of it; try something else",
    "budget": "the budget is used up",
    "tenant": "this is not allowed here",
}
"""What is said of our own rules, by the first part of their id: no values, no thresholds, no grants of others."""
REFUSED = "not run: an earlier call of this turn was refused"
SUPERSEDED = "not run: somebody had something else in mind; read on"


def telling(kind: Kind, message: str, *, by: By = "policy", rule: str = "", retry: Retry = "never") -> str:
    """The text of a result (policy-language.md, "The gate")."""
    said = {"type": kind, "by": by, "rule": rule, "message": message[:MAX_CHARS], "retry": retry}
    return canonical(said).decode()


def told_of(m: Machine, decision: Decision, denials: Sequence[Reason]) -> dict[str, object]:
    """What a denial of an agent's call says beside its words for people: the rule, what a model reads, if all ends."""
    rule = denials[0].rule
    told: dict[str, object] = {"rule": rule, "message": _message(m, rule)}
    return {**told, "ends": True} if decision.verdict is Verdict.REJECT else told


def _message(m: Machine, rule: str) -> str:
    """Of a guardrail its author's words, unless values are to be put into them."""
    kind, _, name = rule.partition(".")
    if kind == "guardrail":
        written = next((one.message for one in m.policy.guardrails if one.id == name), None)
        return written if written and "${" not in written else "a rule of the operator's forbids it"
    return WORDS.get(kind, "the operator's policy forbids it")


def of_failure(error: ErrorInfo) -> tuple[str, bool]:
    """The result of a call that failed or was refused, and whether it was refused."""
    details = error.details or {}
    rule = str(details.get("rule", ""))
    match error.type:
        case FailureType.POLICY_DENIED | FailureType.POLICY_DRIFT | FailureType.BUDGET_EXCEEDED:
            said = str(details.get("message", WORDS["capability"]))
            return telling("denied", said, rule=rule, retry=_retry(rule)), True
        case FailureType.DECLINED if details.get("by") == "timeout":
            message = "nobody answered in time, which is not a refusal"
            return telling("expired", message, by="timeout", retry="later"), False
        case FailureType.DECLINED:
            return telling("denied", "a person refused it", by="person"), True
        case FailureType.CANCELLED:
            return telling("skipped", "it was given up before it ended", by="person", retry="later"), False
        case FailureType.UNCERTAIN:
            message = "it may or may not have happened: find out before you do it again"
            return telling("unknown_outcome", message, by="timeout"), False
        case _:
            return f"{error.type}: {error.message}"[:MAX_CHARS], False


def _retry(rule: str) -> Retry:
    return "changed_arguments" if rule.startswith(("loop.", "capability.", "protected.", "guardrail.")) else "never"
