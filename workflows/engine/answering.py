"""Answers: who may give which, and what each does to the run. A refused answer changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import NotCanonical, canonical
from policies.model import Trigger
from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.contracts.pause import AnswerReceipt, Refusal
from workflows.engine import slots
from workflows.engine.clock import rfc3339
from workflows.engine.commands import TellAnswer
from workflows.engine.finishing import begin_ending
from workflows.engine.machine import problem
from workflows.engine.pauses import ABORT, KEEP_WAITING, close_pause
from workflows.engine.state import PermitState
from workflows.engine.steps import Fail, Requeue, Restart, Succeed
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from workflows.contracts.pause import Answer
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, PauseState

KEEP_REFUSALS = 20
MAX_DATA_BYTES = 1024 * 1024
NOBODY = "timeout"


def receive(m: Machine, answer: Answer) -> None:
    """Apply an answer or refuse it, and tell the host which."""
    reason = why_refused(m, answer)
    if reason is not None:
        refusal = Refusal(
            pause=answer.pause, outcome=answer.outcome, by=answer.by, reason=reason, at=rfc3339(m.state.now_ms)
        )
        note(m, refusal)
        m.out.append(TellAnswer(refusal))
        return
    pause = m.state.pauses[answer.pause]
    node = m.state.activations[pause.activation].node
    m.out.append(TellAnswer(AnswerReceipt(pause=pause.id, outcome=answer.outcome, by=answer.by, node=node)))
    _apply(m, pause, answer.outcome, answer.by, answer.data)


def note(m: Machine, refusal: Refusal) -> None:
    """Keep a refusal where `view` shows it; the last 20 are kept."""
    m.state.refusals.append(refusal)
    del m.state.refusals[:-KEEP_REFUSALS]


def why_refused(m: Machine, answer: Answer) -> str | None:
    """Why an answer cannot be taken, in words for the person who gave it; null when it can."""
    pause = m.state.pauses.get(answer.pause)
    if pause is None:
        return _no_such_pause(m, answer.pause)
    if answer.outcome not in pause.outcomes:
        return f"`{answer.outcome}` is not an outcome of {pause.id}; choose one of {', '.join(pause.outcomes)}"
    if answer.digest is not None and answer.digest != pause.digest:
        return f"the digest is not that of {pause.id} as it stands; look at what it asks now"
    return _not_there_yet(answer) or _bad_data(pause, answer)


def _no_such_pause(m: Machine, pause: str) -> str:
    if m.state.ending is not None:
        return "the run is over" if m.state.over else "the run is ending"
    if pause in m.state.closed_pauses:
        return f"{pause} was already answered, expired or was cancelled"
    return f"there is no open pause `{pause}`; open: {', '.join(m.state.pauses) or 'none'}"


def _not_there_yet(answer: Answer) -> str | None:
    if answer.scope != "once":
        return f"scope `{answer.scope}` is not there yet; answer with scope `once`"
    unsigned = (answer.signature, answer.nonce, answer.issued_at, answer.expires_at)
    if any(part is not None for part in unsigned):
        return "signed answers are not there yet; leave out signature, nonce, issued_at and expires_at"
    return None


def _bad_data(pause: PauseState, answer: Answer) -> str | None:
    try:
        size = len(canonical(answer.data))
    except NotCanonical as error:
        return f"data is not JSON: {error}"
    if size > MAX_DATA_BYTES:
        return f"data has {size:,} bytes; at most {MAX_DATA_BYTES:,} are taken"
    if pause.form is not None:
        faults = validate_value(pause.form, answer.data)
        return f"data does not fit the form: {'; '.join(faults)}" if faults else None
    if answer.outcome == "complete":
        fits = isinstance(answer.data, dict) and set(answer.data) == {"result"}
        return None if fits else 'data must be {"result": ...}, the result that the call would have had'
    if Trigger.HUMAN_NODE not in pause.triggers and answer.data is not None:
        return f"outcome `{answer.outcome}` takes no data yet"
    return None


def expire(m: Machine, pause_id: str) -> None:
    """Nobody answered in time: do what the pause says about that."""
    pause = m.state.pauses.get(pause_id)
    if pause is None or pause.on_timeout == KEEP_WAITING:
        return
    _apply(m, pause, pause.on_timeout, NOBODY, None)


def _apply(m: Machine, pause: PauseState, outcome: str, by: str, data: object) -> None:
    activation = m.state.activations[pause.activation]
    close_pause(m, pause)
    if Trigger.HUMAN_NODE in pause.triggers and outcome in pause.outcomes:
        result = {"outcome": outcome, "payload": data, "by": by, "at": rfc3339(m.state.now_ms)}
        _go_on(m, activation, Succeed(activation.id, result, outcome))
    elif outcome == ABORT:
        _abort(m, activation, pause, by)
    elif outcome == "approve":
        _approve(m, activation, pause, by)
    elif outcome == "deny":
        _drop_call(m, activation)
        _go_on(m, activation, Fail(activation.id, _declined(activation, pause, by)))
    elif outcome == "retry":
        _retry(m, activation, pause)
    else:  # skip, complete
        _drop_call(m, activation)
        given = data["result"] if isinstance(data, dict) else None
        _go_on(m, activation, Succeed(activation.id, given, skipped=outcome == "skip"))


def _go_on(m: Machine, activation: Activation, step: Succeed | Fail | Requeue | Restart) -> None:
    slots.wake(m, m.frame_of(activation), step)


def _abort(m: Machine, activation: Activation, pause: PauseState, by: str) -> None:
    message = f"nobody answered {pause.id} in time" if by == NOBODY else f"{by} answered {pause.id} with `abort`"
    cause = "" if pause.error is None else f" ({pause.error.type}: {pause.error.message})"
    error = ErrorInfo(type=FailureType.DECLINED, message=message + cause, node=activation.node)
    begin_ending(m, "aborted", error=error)


def _approve(m: Machine, activation: Activation, pause: PauseState, by: str) -> None:
    call = m.state.calls[str(pause.call)]
    call.permit = PermitState(pause=pause.id, triggers=pause.triggers, by=by, digest=pause.digest)
    _go_on(m, activation, Requeue(activation.id, call.id))


def _declined(activation: Activation, pause: PauseState, by: str) -> ErrorInfo:
    said = f"nobody answered {pause.id} in time" if by == NOBODY else f"{by} answered {pause.id} with `deny`"
    return problem(FailureType.DECLINED, said, activation)


def _retry(m: Machine, activation: Activation, pause: PauseState) -> None:
    activation.generation += 1
    if pause.call is not None:
        _go_on(m, activation, Requeue(activation.id, pause.call))
        return
    activation.calls, activation.check, activation.failures = 0, 0, []
    _go_on(m, activation, Restart(activation.id))


def _drop_call(m: Machine, activation: Activation) -> None:
    if activation.call is not None:
        m.state.calls.pop(activation.call)
        activation.call = None
