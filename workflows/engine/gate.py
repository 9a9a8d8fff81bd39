"""The one gate: every call is decided here, and nothing else makes a `StartCall`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.decide import decide
from policies.model import Effect, Trigger, Verdict
from workflows.contracts.failures import FailureType
from workflows.engine import auditing, leasing, pauses, payloads, pricing, seen, slots, spending, verdicts
from workflows.engine.calling import downshift
from workflows.engine.commands import StartCall
from workflows.engine.dropping import is_cancellable
from workflows.engine.effects import has_turn
from workflows.engine.fallback import tried_before
from workflows.engine.machine import problem
from workflows.engine.queue import dequeue, ready
from workflows.engine.requests import facts_of, request_of, timeout_s
from workflows.engine.steps import Fail
from workflows.engine.summaries import call_summary
from workflows.engine.tellings import told_of

if TYPE_CHECKING:
    from policies.model import Decision, Request
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState

MAX_IN_FLIGHT = 200
"""Calls pending per run (graph-language.md, "Edges"); Temporal's own limit is 2,000 activities."""

MAX_BYTES_AT_ONCE = 2 * 1024 * 1024
"""Arguments of calls that are issued at one moment, which is one workflow task: a task of over 4 MiB ends the run
outright. What is over waits for the next event, which one of the calls in flight will bring."""
INLINE_BYTES = 32 * 1024
"""Larger arguments are kept outside of the history."""
CALL_BYTES = 2 * 1024
"""About what a call takes beside its arguments."""
ISSUED = frozenset({Verdict.ALLOW, Verdict.MODIFY})
REFUSING = frozenset({Verdict.DENY, Verdict.REJECT})


def flush(m: Machine) -> None:
    """Decide the queued calls in path order, as far as the run may issue calls now."""
    state = m.state
    starved = False
    for *_, call_id in list(m.queue):
        if state.ending is not None or not spending.issuing(m):
            return
        if state.in_flight >= MAX_IN_FLIGHT or (state.in_flight and m.issued(state.now_ms) > MAX_BYTES_AT_ONCE):
            return
        call = state.calls[call_id]
        if starved and call.kind == "model":
            continue
        starved = _pass(m, call) or starved


def _pass(m: Machine, call: CallState) -> bool:
    """Decide one call; True when it must wait for its siblings to settle, and with it those behind it."""
    activation = m.state.activations[call.activation]
    ready(m, activation)
    request, decision = _decide(m, call, activation)
    if decision.verdict is Verdict.WAIT:
        if decision.lack is not None:
            leasing.want(m, decision.lack)
        return True
    if _asked_already(m, decision):
        spending.stop_clock(m, activation)
        return False
    _note(m, call, decision)
    match decision.verdict:
        case Verdict.ABORT:
            verdicts.abort(m, decision, activation)
        case Verdict.PAUSE:
            verdicts.pause(m, decision, call)
        case Verdict.DENY | Verdict.REJECT:
            dequeue(m, call)
            seen.refused(m, call, activation)
            _refuse(m, call, activation, decision)
        case Verdict.ASK:
            dequeue(m, call)
            pauses.open_for_call(m, call, decision)
        case _:
            dequeue(m, call)
            _let_through(m, call, activation, request, decision)
    return False


def _let_through(m: Machine, call: CallState, activation: Activation, request: Request, decision: Decision) -> None:
    if has_turn(m, activation):
        seen.issued(m, call, activation, request.needs)
        _issue(m, call, activation, decision)
    else:
        _hold(m, call, activation)


def _hold(m: Machine, call: CallState, activation: Activation) -> None:
    """An effect before it in its agent's turn has no final result yet; once it has, this call is decided again."""
    call.status = "held"
    spending.stop_clock(m, activation)
    slots.park_call(m, activation)


def _decide(m: Machine, call: CallState, activation: Activation) -> tuple[Request, Decision]:
    """The decision; a call that is moved to a cheaper model is decided again, once, as what it has become."""
    request, decision = _ask_policy(m, call, activation)
    if decision.downshift is None:
        return request, decision
    verdicts.latch(m, decision.rungs)
    call.downshifted = True
    if decision.downshift in m.card.models:
        downshift(m, call, decision.downshift)
    return _ask_policy(m, call, activation)


def _ask_policy(m: Machine, call: CallState, activation: Activation) -> tuple[Request, Decision]:
    request, facts = request_of(m, call, activation), facts_of(m, call, activation)
    decision = decide(m.policy, request, facts)
    if m.observer is not None:
        m.observer.decided(call.id, m.policy, request, facts, decision)
    return request, decision


def _asked_already(m: Machine, decision: Decision) -> bool:
    """Whether a person is being asked about the very rung of the ladder that this call has reached, too."""
    if decision.verdict is not Verdict.ASK or Trigger.BUDGET not in decision.asks:
        return False
    rungs = {rung for rung in decision.rungs if rung[1] == "ask"}
    return any(rungs.intersection(pause.rungs) for pause in m.state.pauses.values())


def _note(m: Machine, call: CallState, decision: Decision) -> None:
    """Keep what the decision says beside its verdict: rungs of the ladder that have acted, and warnings."""
    verdicts.latch(m, [rung for rung in decision.rungs if rung[1] != "ask"])
    verdicts.warn(m, decision.warnings)
    if decision.verdict not in ISSUED:
        verdict, rules = decision.verdict.value, list(decision.rules)
        auditing.note(m, "decided", call=call.id, name=call.name, verdict=verdict, rules=rules, args=call.args_digest)


def _refuse(m: Machine, call: CallState, activation: Activation, decision: Decision) -> None:
    denials = [reason for reason in decision.reasons if reason.verdict in REFUSING]
    by_budget = all(reason.rule.startswith("budget.") for reason in denials)
    kind = FailureType.BUDGET_EXCEEDED if by_budget else FailureType.POLICY_DENIED
    message = f"`{call.name}`: " + "; ".join(f"{reason.message} [{reason.rule}]" for reason in denials)
    message += tried_before(call)
    del m.state.calls[call.id]
    activation.call = None
    spending.stop_clock(m, activation)
    details = None if activation.agent is None else told_of(m, decision, denials)
    m.todo.append(Fail(activation.id, problem(kind, message, activation, details)))


def _issue(m: Machine, call: CallState, activation: Activation, decision: Decision) -> None:
    if decision.max_tokens is not None and decision.max_tokens != call.max_tokens:
        pricing.lower_max_tokens(call, decision.max_tokens)
    call.reserve = decision.reserve
    spending.reserve(m, call, activation)
    m.out.append(_start(m, call, activation, decision))
    m.note_issued(m.state.now_ms, min(call.args_bytes, INLINE_BYTES) + CALL_BYTES)
    call.status, call.started_ms = "in_flight", m.state.now_ms
    call.permit, call.passed = None, ()  # what people let pass is this call, and not its repetition
    m.state.in_flight += 1


def _start(m: Machine, call: CallState, activation: Activation, decision: Decision) -> StartCall:
    record = payloads.decided(m, call, decision)
    auditing.issued(m, call.id, call.name, record, None if call.permit is None else call.permit.pause)
    retry = m.node_of(activation).retry
    left_ms = spending.time_left_ms(m, activation)
    total_s = None if left_ms is None else max(left_ms, 1) / 1000
    generation = f"~{activation.generation}" if activation.generation else ""
    one_s = timeout_s(m, call, activation)
    return StartCall(
        call=call.id,
        activity=call.activity,
        activity_id=f"{call.id}@{str(record['digest'])[:12]}{generation}",
        payload=payloads.payload(m, call, activation, record),
        timeout_s=one_s if total_s is None else min(one_s, total_s),
        total_s=total_s,
        max_attempts=1 if call.effect is Effect.ONCE else retry.max_attempts,
        initial_s=retry.initial_s,
        backoff=retry.backoff,
        max_interval_s=max(retry.max_interval_s, retry.initial_s),  # the server refuses less
        cancellable=is_cancellable(call.effect),
        model=call.kind == "model",
        summary=call_summary(call, activation, m.frame_of(activation)),
    )
