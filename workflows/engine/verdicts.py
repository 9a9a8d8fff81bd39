"""The verdicts that reach beyond one call: holding or ending the run, and what a decision says beside its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.decide import review
from policies.model import Outcome, Trigger, Verdict
from workflows.contracts.failures import FailureType
from workflows.engine import auditing, pauses
from workflows.engine.finishing import begin_ending
from workflows.engine.machine import problem
from workflows.engine.notices import tell
from workflows.engine.requests import facts_of, request_of
from workflows.engine.standards import at_first, why_nobody

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies.model import Decision, Reason, Review
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState

ORDER = {rung: place for place, rung in enumerate(("warn", "downshift", "ask", "stop"))}


def latch(m: Machine, rungs: Iterable[tuple[str, str]]) -> None:
    """Remember the highest rung of the ladder that has acted in a scope and unit; it acts once."""
    for place, rung in rungs:
        before = m.state.rungs.get(place)
        if before is None or ORDER[before] < ORDER[rung]:
            m.state.rungs[place] = rung
            auditing.note(m, "rung", scope=place, rung=rung)


def warn(m: Machine, warnings: Iterable[Reason]) -> None:
    """Keep what rules warn of."""
    for reason in warnings:
        tell(m, reason.rule, reason.message)


def abort(m: Machine, decision: Decision | Review, activation: Activation) -> None:
    """A rule ends the run: its phase is `aborted`, the error that of a policy's verdict."""
    error = problem(FailureType.POLICY_DENIED, _said(decision, Verdict.ABORT), activation)
    begin_ending(m, "aborted", error=error)


def pause(m: Machine, decision: Decision | Review, call: CallState | None) -> None:
    """A rule holds the run until a person lets it go on. A call that was not made yet waits for that.

    Where nobody could ever let it, the run ends.
    """
    fault = why_nobody(m, at_first(m, (Trigger.GUARDRAIL,)))
    if fault is not None:
        said = f"{_said(decision, Verdict.PAUSE)}, and nobody can let the run go on: {fault}"
        begin_ending(m, "aborted", error=problem(FailureType.POLICY_DENIED, said))
        return
    rules = tuple(reason.rule for reason in decision.reasons if reason.verdict is Verdict.PAUSE)
    pauses.open_for_run(m, rules, _said(decision, Verdict.PAUSE), None if call is None else call.id)


def after(m: Machine, call: CallState, activation: Activation, outcome: Outcome) -> str | None:
    """Let the rules speak that read what a call has used; why its result is discarded, null if it stands."""
    if m.state.ending is not None or not (m.policy.guardrails or m.observer):
        return None
    request, facts = request_of(m, call, activation), facts_of(m, call, activation)
    found = review(m.policy, request, facts, outcome)
    if m.observer is not None:
        m.observer.reviewed(call.id, request, facts, outcome, found)
    warn(m, found.warnings)
    if found.verdict is Verdict.ALLOW:
        return None
    rules = [reason.rule for reason in found.reasons]
    auditing.note(m, "guardrail", call=call.id, verdict=found.verdict.value, rules=rules)
    if found.verdict is Verdict.ABORT:
        abort(m, found, activation)
    elif found.verdict is Verdict.PAUSE:
        pause(m, found, None)
    return _said(found, Verdict.REJECT) or None  # whatever else is said, what a rule discards nobody brings back


def _said(decision: Decision | Review, verdict: Verdict) -> str:
    spoken = [reason for reason in decision.reasons if reason.verdict is verdict]
    return "; ".join(f"{reason.message} [{reason.rule}]" for reason in spoken)
