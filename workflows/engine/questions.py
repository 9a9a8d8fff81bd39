"""A question as it is put to people: to whom, until when, and what its digest covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import digest
from workflows.engine import auditing
from workflows.engine.asking import asked_call, asked_for
from workflows.engine.clock import rfc3339
from workflows.engine.commands import CancelTimer, StartTimer
from workflows.engine.digest import pause_digest, text_digest
from workflows.engine.silences import ESCALATE, KEEP_WAITING, silence_of
from workflows.engine.standards import in_the_end, starter_of, why_nobody

if TYPE_CHECKING:
    from policies.evidence import Standard
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState, PauseState


def put(m: Machine, pause: PauseState, wanted: Standard, *, again: bool = False) -> None:
    """Put the question as it now stands. What was said to another form of it is void."""
    pause.answerers, pause.quorum, pause.not_starter = wanted.answerers, wanted.quorum, wanted.not_starter
    pause.answers, pause.refused = [], 0
    pause.asked = _covered(m, pause)
    pause.digest = pause_digest(pause.asked)
    m.state.pauses[pause.id] = pause
    if is_timed(pause):
        node = m.state.activations[pause.activation].node if pause.activation else "the run"
        summary = f"{pause.id} at {node}: {pause.on_timeout} if nobody answers"
        m.out.append(StartTimer(f"pause:{pause.id}", pause.deadline_ms or 0, summary))
    _note(m, pause, again=again)


def forget_timer(m: Machine, pause: PauseState) -> None:
    """The deadline no longer matters."""
    if is_timed(pause):
        m.out.append(CancelTimer(f"pause:{pause.id}"))


def is_timed(pause: PauseState) -> bool:
    """Whether anything happens at the deadline."""
    return pause.deadline_ms is not None and pause.on_timeout != KEEP_WAITING


def escalates(pause: PauseState) -> bool:
    """Whether silence passes the question on; a human node may have an outcome of that name instead."""
    return pause.on_timeout == ESCALATE and ESCALATE not in pause.outcomes


def why_unaskable(m: Machine, pause: PauseState, wanted: Standard) -> str | None:
    """Why nobody could ever answer, or take over once silence has passed the question on; null when somebody could."""
    fault = why_nobody(m, wanted)
    if fault is None and escalates(pause) and in_the_end(m, pause) is None:
        fault = (
            f"`on_timeout: escalate`, and the operator's policy has no `triggers.{pause.triggers[0].value}.escalate`"
        )
    return fault


def escalate(m: Machine, pause: PauseState) -> None:
    """Nobody has answered in time: others are asked the same."""
    wanted = in_the_end(m, pause)
    assert wanted is not None, "a pause that nobody could take over is not opened"
    pause.escalated = True
    pause.deadline_ms, pause.on_timeout = silence_of(m, pause.triggers, pause.outcomes, pause.opened_ms, escalated=True)
    put(m, pause, wanted, again=True)
    auditing.note(m, "escalated", pause=pause.id, digest=pause.digest, answerers=list(pause.answerers))


def visit_of(m: Machine, pause: PauseState) -> str:
    """The visit that the question is about, empty where it is about the run: an agent's for a call of its own."""
    return m.owner_of(m.state.activations[pause.activation]).id if pause.activation else ""


def call_of(m: Machine, pause: PauseState) -> CallState | None:
    """The call that waits; one that waited only because the run is held may be gone with its branch."""
    return None if pause.call is None else m.state.calls.get(pause.call)


def _note(m: Machine, pause: PauseState, *, again: bool) -> None:
    call = call_of(m, pause)
    args = {} if call is None else {"call": call.id, "args": call.args_digest}
    auditing.note(
        m,
        "pause",
        pause=pause.id,
        triggers=[trigger.value for trigger in pause.triggers],
        rules=list(pause.rules),
        digest=pause.digest,
        answerers=list(pause.answerers),
        quorum=pause.quorum,
        deadline=pause.deadline_ms,
        policy=m.card.policy_digest,
        again=again,
        **args,
    )


def _covered(m: Machine, pause: PauseState) -> dict[str, object]:
    """What policy-language.md ("Pauses and answers on the wire") says a pause's digest is made of.

    Where whoever started the run may not answer, also who that is: the worker that makes the call judges by it.
    Where no call waits for the answer but the words are all there is, also these: a reset may bring others.
    """
    call = call_of(m, pause)
    gap = next((gap for gap in m.state.gaps.values() if gap.pause == pause.id), None)
    asked = asked_for(gap) if call is None else asked_call(m, call)
    calls = [] if asked is None else [asked.model_dump(mode="json", exclude={"args"})]
    starter = starter_of(m) if pause.not_starter else None
    known = {} if starter is None else {"starter": {"id": starter[0], "assurance": starter[1]}}
    error = None if pause.error is None else pause.error.model_dump(exclude_none=True)
    in_words = error is not None or gap is not None or (not calls and pause.activation)
    worded = {"text_digest": text_digest(pause.ask, pause.show, error)} if in_words else {}
    return {
        "namespace": m.run.namespace,
        "workflow_id": m.run.workflow_id,
        "first_run_id": m.run.first_run_id,
        "pause_id": pause.id,
        "activation": visit_of(m, pause),
        "triggers": [trigger.value for trigger in pause.triggers],
        "calls": calls,
        "graph_digest": m.graph.digest,
        "policy_digest": m.card.policy_digest,
        "outcomes": list(pause.outcomes),
        "form_digest": None if pause.form is None else digest(pause.form),
        "answerers": list(pause.answerers),
        "quorum": pause.quorum,
        "deadline": None if pause.deadline_ms is None else rfc3339(pause.deadline_ms),
        **known,
        **worded,
    }
