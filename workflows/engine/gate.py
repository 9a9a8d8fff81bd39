"""The one gate: every call is decided here, and nothing else makes a `StartCall`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.decide import decide
from policies.model import Effect, Facts, Request, Trigger, Verdict
from workflows.contracts.failures import FailureType
from workflows.contracts.names import ENGINE
from workflows.engine import pauses, pricing, spending
from workflows.engine.commands import StartCall
from workflows.engine.digest import decision_digest, idempotency_key
from workflows.engine.dropping import is_cancellable
from workflows.engine.machine import problem
from workflows.engine.needs import needs_of, subject_digest
from workflows.engine.queue import dequeue
from workflows.engine.steps import Fail
from workflows.engine.summaries import call_summary

if TYPE_CHECKING:
    from policies.model import Decision
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState, PermitState

NOTHING_DISCHARGED: frozenset[Trigger] = frozenset()
MAX_IN_FLIGHT = 200
"""Calls pending per run (graph-language.md, "Edges"); Temporal's own limit is 2,000 activities."""

MAX_BYTES_AT_ONCE = 2 * 1024 * 1024
"""Arguments of calls that are issued at one moment, which is one workflow task: a task of over 4 MiB ends the run
outright. What is over waits for the next event, which one of the calls in flight will bring."""
INLINE_BYTES = 32 * 1024
"""Larger arguments are kept outside of the history."""
CALL_BYTES = 2 * 1024
"""About what a call takes beside its arguments."""


def flush(m: Machine) -> None:
    """Decide the queued calls in path order, as far as the run may issue calls now."""
    state = m.state
    if state.ending is not None or not spending.issuing(m):
        return
    starved = False
    for _, _, call_id in list(m.queue):
        if state.in_flight >= MAX_IN_FLIGHT or (state.in_flight and m.issued(state.now_ms) > MAX_BYTES_AT_ONCE):
            return
        call = state.calls[call_id]
        if starved and call.kind == "model":
            continue
        starved = _pass(m, call) or starved


def _pass(m: Machine, call: CallState) -> bool:
    """Decide one call; True when it must wait for its siblings to settle, and with it those behind it."""
    activation = m.state.activations[call.activation]
    decision = decide(m.policy, _request(m, call, activation), _facts(m, activation))
    if decision.verdict is Verdict.WAIT:
        return True
    dequeue(m, call)
    if decision.verdict is Verdict.DENY:
        _refuse(m, call, activation, decision)
    elif decision.verdict is Verdict.ASK:
        pauses.open_for_call(m, call, decision.asks)
    else:
        _issue(m, call, activation, decision)
    return False


def _request(m: Machine, call: CallState, activation: Activation) -> Request:
    node = m.node_of(activation)
    return Request(
        kind=call.kind,
        name=call.name,
        activation=call.activation,
        node=activation.node,
        effect=call.effect,
        risk=call.risk,
        needs=needs_of(m, call),
        asked=node.capabilities,
        reserve=pricing.reserve(m, call),
        max_tokens=call.max_tokens,
        output_nano=pricing.output_nano(m, call),
        discharged=NOTHING_DISCHARGED if call.permit is None else frozenset(call.permit.triggers),
    )


def _facts(m: Machine, activation: Activation) -> Facts:
    return Facts(
        namespace=m.run.namespace,
        execution=spending.standing_now(m, activation),
        lifetime=m.ledgers[spending.RUN].standing(),
    )


def _refuse(m: Machine, call: CallState, activation: Activation, decision: Decision) -> None:
    denials = [reason for reason in decision.reasons if reason.verdict is Verdict.DENY]
    by_budget = all(reason.rule.startswith("budget.") for reason in denials)
    kind = FailureType.BUDGET_EXCEEDED if by_budget else FailureType.POLICY_DENIED
    message = f"`{call.name}`: " + "; ".join(f"{reason.message} [{reason.rule}]" for reason in denials)
    del m.state.calls[call.id]
    activation.call = None
    spending.stop_clock(m, activation)
    m.todo.append(Fail(activation.id, problem(kind, message, activation)))


def _issue(m: Machine, call: CallState, activation: Activation, decision: Decision) -> None:
    if decision.max_tokens is not None and decision.max_tokens != call.max_tokens:
        pricing.lower_max_tokens(call, decision.max_tokens)
    call.reserve = decision.reserve
    m.ledgers[spending.RUN].reserve(call.id, call.reserve)
    spending.execution_ledger(m, activation).reserve(call.id, call.reserve)
    m.out.append(_start(m, call, activation, decision))
    m.note_issued(m.state.now_ms, min(call.args_bytes, INLINE_BYTES) + CALL_BYTES)
    call.status, call.started_ms, call.permit = "in_flight", m.state.now_ms, None
    m.state.in_flight += 1


def _start(m: Machine, call: CallState, activation: Activation, decision: Decision) -> StartCall:
    decided = _decided(m, call, decision)
    retry = m.node_of(activation).retry
    left_ms = spending.time_left_ms(m, activation)
    total_s = None if left_ms is None else max(left_ms, 1) / 1000
    generation = f"~{activation.generation}" if activation.generation else ""
    timeout_s = _timeout_s(m, call, activation)
    return StartCall(
        call=call.id,
        activity=call.activity,
        activity_id=f"{call.id}@{str(decided['digest'])[:12]}{generation}",
        payload=_payload(m, call, activation, decided),
        timeout_s=timeout_s if total_s is None else min(timeout_s, total_s),
        total_s=total_s,
        max_attempts=1 if call.effect is Effect.ONCE else retry.max_attempts,
        initial_s=retry.initial_s,
        backoff=retry.backoff,
        max_interval_s=max(retry.max_interval_s, retry.initial_s),  # the server refuses less
        cancellable=is_cancellable(call.effect),
        model=call.kind == "model",
        summary=call_summary(call, activation, m.frame_of(activation)),
    )


def _decided(m: Machine, call: CallState, decision: Decision) -> dict[str, object]:
    """The `DecisionRecord` that rides in the call, as JSON."""
    policy = m.card.policy_digest[:16]
    rules = list(decision.rules)
    verdict = Verdict.MODIFY if decision.verdict is Verdict.MODIFY else Verdict.ALLOW
    covered = decision_digest(
        engine=ENGINE,
        kind=call.kind,
        name=call.name,
        args_digest=call.args_digest,
        tool_digest=subject_digest(m, call),
        policy=policy,
        verdict=verdict.value,
        rules=rules,
    )
    return {"verdict": verdict.value, "rules": rules, "policy": policy, "digest": covered}


def _payload(m: Machine, call: CallState, activation: Activation, decided: dict[str, object]) -> dict[str, object]:
    """The `Call` on the wire, as JSON: what has its default is left out, because history keeps every byte."""
    payload: dict[str, object] = {
        "v": 1,
        "name": call.name,
        "args": call.args,
        "activation": call.activation,
        "index": call.index,
        "node": activation.node,
        "key": idempotency_key(
            namespace=m.run.namespace,
            workflow_id=m.run.workflow_id,
            first_run_id=m.run.first_run_id,
            call=call.id,
            args_digest=call.args_digest,
        ),
        "decision": decided,
    }
    if activation.generation:
        payload["generation"] = activation.generation
    if call.permit is not None:
        payload["permit"] = _permit(call.permit)
    return payload


def _permit(permit: PermitState) -> dict[str, object]:
    triggers = [trigger.value for trigger in permit.triggers]
    return {
        "pause": permit.pause,
        "triggers": triggers,
        "outcome": "approve",
        "by": permit.by,
        "digest": permit.digest,
    }


def _timeout_s(m: Machine, call: CallState, activation: Activation) -> float:
    own = m.node_of(activation).timeout_s
    if own is not None:
        return own
    return m.card.models[call.name].timeout_s if call.kind == "model" else m.card.tools[call.name].timeout_s
