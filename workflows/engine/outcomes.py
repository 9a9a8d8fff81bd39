"""What becomes of a call's outcome: budgets are settled, then the node that wanted it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import NotCanonical, digest
from policies.model import Effect, Outcome
from workflows.contracts.calls import Usage
from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.engine import auditing, seen, spending, validating, verdicts
from workflows.engine.calling import call_again
from workflows.engine.events import CallCancelled, CallFailed, CallSucceeded
from workflows.engine.fallback import fall_back, tried_before
from workflows.engine.machine import problem
from workflows.engine.missing import miss
from workflows.engine.scopes import end_doomed
from workflows.engine.steps import Fail, Succeed

ANSWERED = "answered"
"""The outcome of an agent's call that gave something; what people say in its place has none."""
ENDS: dict[str, object] = {"ends": True}
"""Marks a verdict that ends an agent's loop, and is not just told to the model."""
UNWRITABLE = "not JSON"
"""Stands for an outcome that has no canonical form, and therefore no digest."""

if TYPE_CHECKING:
    from policies.budget import Amount
    from workflows.contracts.conversation import Content
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState


def record(m: Machine, event: CallSucceeded | CallFailed | CallCancelled) -> None:
    """Take a call's outcome; what is no longer in flight is ignored."""
    if isinstance(event, CallSucceeded):
        call_succeeded(m, event)
    elif isinstance(event, CallFailed):
        call_failed(m, event)
    else:
        call_cancelled(m, event)


def call_succeeded(m: Machine, event: CallSucceeded) -> None:
    """Settle at what was used; a validate node goes to its next check, every other node has its result.

    A model's answer that does not say what it used is settled at its reservation: nothing passes as free.
    """
    call = m.state.calls.get(event.call)
    if call is None or call.status != "in_flight":
        return
    activation, used = _end(m, call, event.usage, maybe_billed=call.kind == "model" and event.usage is None)
    found = _fingerprint(event.output) if event.content is None else _of_content(event.content)
    auditing.settled(m, call.id, "ok", used, found)
    seen.labelled(m, event.labels)
    seen.ended(m, call, activation, "ok", found)
    latency_ms = 0 if event.usage is None else event.usage.latency_ms
    discarded = verdicts.after(m, call, activation, Outcome(used.tokens, used.cost_nano, latency_ms, "ok"))
    if _is_gone(m, activation):
        return
    if call.doomed:
        end_doomed(m, activation)
    elif discarded is not None:
        m.todo.append(Fail(activation.id, _discarded(activation, discarded)))
    elif activation.kind == "validate":
        validating.tool_answered(m, activation, event.output)
    else:
        m.todo.append(_succeeded(activation, call, event))


def _discarded(activation: Activation, why: str) -> ErrorInfo:
    return problem(FailureType.POLICY_DENIED, why, activation, None if activation.agent is None else ENDS)


def _is_gone(m: Machine, activation: Activation) -> bool:
    """Whether a rule that judged the outcome has ended the run, and with it the node that wanted the call."""
    return activation.id not in m.state.activations


def _succeeded(activation: Activation, call: CallState, event: CallSucceeded) -> Succeed:
    """A node's result; an agent is told all of it, because it knows what it asked for."""
    if activation.agent is None:
        return Succeed(activation.id, _result(call, event.output, event.usage))
    content = None if event.content is None else event.content.model_dump(mode="json", exclude_none=True)
    usage = {} if event.usage is None else event.usage.model_dump(exclude_defaults=True)
    given = {"alias": call.name, "output": event.output, "content": content, "usage": usage}
    return Succeed(activation.id, given, ANSWERED)


def _result(call: CallState, output: object, usage: Usage | None) -> object:
    if call.kind == "tool":
        return output
    said = output if isinstance(output, dict) else {}
    used = {} if usage is None else usage.model_dump(exclude_defaults=True)
    return {
        "text": said.get("text", ""),
        "output": said.get("output"),
        "usage": used,
        "stop_reason": said.get("stop_reason"),
    }


def call_failed(m: Machine, event: CallFailed) -> None:
    """Settle, then fail the node; a validate node counts a failed tool as a failed check."""
    call = m.state.calls.get(event.call)
    if call is None or call.status != "in_flight":
        return
    maybe_billed = call.kind == "model" and event.billed == "maybe"
    usage = event.usage if event.billed == "yes" else None
    unsaid = call.kind == "model" and event.billed == "yes" and usage is None
    activation, used = _end(m, call, usage, maybe_billed=maybe_billed or unsaid)
    found = _fingerprint([event.type, event.message])
    auditing.settled(m, call.id, event.type, used, found)
    seen.ended(m, call, activation, "failed", found)
    discarded = verdicts.after(m, call, activation, Outcome(used.tokens, used.cost_nano, 0, "failed"))
    if _is_gone(m, activation):
        return
    if call.doomed:
        end_doomed(m, activation)
        return
    if discarded is not None:
        m.todo.append(Fail(activation.id, _discarded(activation, discarded)))
        return
    if maybe_billed and activation.recalls + 1 < m.node_of(activation).retry.max_attempts:
        activation.recalls += 1
        call_again(m, activation, call)
        return
    if activation.kind == "validate" and event.type == FailureType.TOOL_FAILED:
        validating.tool_failed(m, activation, event.message)
        return
    _fail(m, call, event, activation)


def _fail(m: Machine, call: CallState, event: CallFailed, activation: Activation) -> None:
    """Another model is asked, or people for what the call lacks, or the node fails."""
    error = _error(m, call, event, activation)
    if fall_back(m, activation, call, event, error):
        return
    call.status = "asked"
    m.state.calls[call.id] = call
    activation.call = call.id
    if not miss(m, activation, call, event):
        m.todo.append(Fail(activation.id, error, call.id))


def _error(m: Machine, call: CallState, event: CallFailed, activation: Activation) -> ErrorInfo:
    kind, message = event.type, event.message
    left_ms = spending.time_left_ms(m, activation)
    if kind == "Timeout" and call.effect is Effect.ONCE:
        kind, message = FailureType.UNCERTAIN, f"`{call.name}` may or may not have run: {message}"
    elif kind == "Timeout" and left_ms is not None and left_ms <= 0:
        kind, message = FailureType.BUDGET_EXCEEDED, f"`{call.name}` was stopped: the wall clock budget is used up"
    elif kind == "Timeout":
        kind = FailureType.MODEL_FAILED if call.kind == "model" else FailureType.TOOL_FAILED
    message += tried_before(call)
    return ErrorInfo(type=kind, message=message, node=activation.node, attempts=event.attempts)


def call_cancelled(m: Machine, event: CallCancelled) -> None:
    """A call that was given up has ended; a model may have billed for it."""
    call = m.state.calls.get(event.call)
    if call is None or call.status != "in_flight":
        return
    activation, used = _end(m, call, None, maybe_billed=call.kind == "model")
    auditing.settled(m, call.id, "cancelled", used, None)
    if call.doomed:
        end_doomed(m, activation)
        return
    by = "from outside" if call.given_up is None else f"by {call.given_up}"
    error = problem(FailureType.CANCELLED, f"`{call.name}` was cancelled {by}", activation)
    m.todo.append(Fail(activation.id, error))


def _of_content(content: Content) -> str:
    return _fingerprint(content.text) if content.ref is None else content.ref.digest


def _fingerprint(value: object) -> str:
    """The digest of an outcome, by which it is known in the audit and by the loop guard."""
    try:
        return digest(value)
    except NotCanonical:
        return UNWRITABLE


def _end(m: Machine, call: CallState, usage: Usage | None, *, maybe_billed: bool) -> tuple[Activation, Amount]:
    activation = m.state.activations[call.activation]
    used = spending.settle(m, call, usage, maybe_billed=maybe_billed)
    spending.stop_clock(m, activation)
    del m.state.calls[call.id]
    activation.call = None
    m.state.in_flight -= 1
    return activation, used
