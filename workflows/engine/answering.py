"""Answers: which may be taken, and how many it takes. A refused answer changes nothing but the record of refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import digest
from policies.evidence import missing, parse_time, speaker_of, why_unfit
from policies.model import Trigger
from policies.signing import fingerprint
from workflows.contracts.pause import AnswerReceipt, Refusal
from workflows.engine import auditing, refusals
from workflows.engine.answer_data import why_oversized, why_secret, why_unfit_data
from workflows.engine.clock import rfc3339
from workflows.engine.commands import TellAnswer
from workflows.engine.offers import APPROVE, AT_ONCE
from workflows.engine.questions import escalate, escalates, is_timed
from workflows.engine.releasing import STANDING, Word, release
from workflows.engine.standards import starter_of, wanted_of

if TYPE_CHECKING:
    from policies.evidence import Speaker
    from workflows.contracts.pause import Answer
    from workflows.engine.machine import Machine
    from workflows.engine.state import PauseState

MAX_REFUSED = 20
"""Refused answers to one pause after which the next is not even recorded."""


def receive(m: Machine, answer: Answer) -> None:
    """Apply an answer or refuse it, and tell the host which."""
    reason = why_refused(m, answer, m.state.now_ms)
    if reason is None:
        _take(m, m.state.pauses[answer.pause], answer)
    else:
        _refuse(m, answer, reason)


def why_rejected(m: Machine, answer: Answer, at_ms: int) -> str | None:
    """Why an answer leaves no trace: it is too large or a secret, its pause is not open, or too many were refused.

    It is no event yet, and a run that waits has no other clock: by the last event's it would be from the future.
    """
    if answer.pause not in m.state.pauses:
        return _no_such_pause(m, answer.pause)
    tired = m.state.pauses[answer.pause].refused >= MAX_REFUSED
    return why_refused(m, answer, at_ms) if tired else why_oversized(answer) or why_secret(m, answer)


def why_refused(m: Machine, answer: Answer, at_ms: int) -> str | None:
    """Why an answer cannot be taken at this time, in words for the person who gave it; null when it can."""
    pause = m.state.pauses.get(answer.pause)
    if pause is None:
        return _no_such_pause(m, answer.pause)
    if answer.outcome not in pause.outcomes:
        return f"`{answer.outcome}` is not an outcome of {pause.id}; choose one of {', '.join(pause.outcomes)}"
    return (
        why_oversized(answer)
        or why_secret(m, answer)
        or _unfit(m, pause, answer, at_ms)
        or _superseded(pause, answer)
        or _bad_scope(pause, answer)
        or why_unfit_data(m, pause, answer)
    )


def note(m: Machine, refusal: Refusal) -> None:
    """Keep a refusal where `view` shows it; the last 20 are kept."""
    refusals.keep(m, refusal)


def expire(m: Machine, pause_id: str) -> None:
    """Nobody answered in time: do what the pause says about that, unless its deadline is another one by now."""
    pause = m.state.pauses.get(pause_id)
    if pause is None or not is_timed(pause) or m.state.now_ms < (pause.deadline_ms or 0):
        return
    if escalates(pause):
        escalate(m, pause)
        return
    auditing.note(m, "expired", pause=pause.id, outcome=pause.on_timeout)
    release(m, pause, Word(pause.on_timeout))


def answered_by(m: Machine, pause: PauseState) -> tuple[str, ...]:
    """Who has said something that still counts, while more must say the same."""
    return tuple(dict.fromkeys(speaker_of(answer, m.policy.answerers).name for answer in _alive(m, pause)))


def _no_such_pause(m: Machine, pause: str) -> str:
    if m.state.ending is not None:
        return "the run is over" if m.state.over else "the run is ending"
    if pause in m.state.closed_pauses:
        return f"{pause} was already answered, expired or was cancelled"
    return f"there is no open pause `{pause}`; open: {', '.join(m.state.pauses) or 'none'}"


def _unfit(m: Machine, pause: PauseState, answer: Answer, at_ms: int) -> str | None:
    return why_unfit(
        _document(answer),
        digest=pause.digest,
        answerers=m.policy.answerers,
        standard=wanted_of(m, pause, answer.outcome),
        starter=starter_of(m),
        revoked=m.policy.revoked,
        now_ms=at_ms,
        approvals=m.policy.approvals,
    )


def _superseded(pause: PauseState, answer: Answer) -> str | None:
    """A signed answer shows in the history: whoever sends one again must not undo what the person has said since."""
    if answer.signature is None:
        return None
    since = [one for one in pause.answers if one["by"] == answer.by and one.get("signature") != answer.signature]
    if any((parse_time(one.get("issued_at")) or 0) >= (parse_time(answer.issued_at) or 0) for one in since):
        return f"`{answer.by}` has signed another answer since this one"
    return None


def _bad_scope(pause: PauseState, answer: Answer) -> str | None:
    if answer.scope == "once":
        return None
    if answer.outcome != APPROVE or not any(trigger in STANDING for trigger in pause.triggers):
        return f"scope `{answer.scope}` goes with `approve` of a risky tool or a protected path; answer with `once`"
    if answer.scope == "tenant" and Trigger.CAPABILITY in pause.triggers:
        return "scope `tenant` grants nothing, and the call lacks what a person must grant: answer with `run` or `once`"
    return None


def _document(answer: Answer) -> dict[str, object]:
    """The answer as it stands on the wire, without what was left out."""
    return {name: value for name, value in answer if value is not None}


def _refuse(m: Machine, answer: Answer, reason: str) -> None:
    """Nobody has proved who gave it, so the record only says who claims to have."""
    by = f"claimed:{answer.by}"
    refusal = Refusal(pause=answer.pause, outcome=answer.outcome, by=by, reason=reason, at=rfc3339(m.state.now_ms))
    note(m, refusal)
    auditing.note(m, "refused", pause=answer.pause, outcome=answer.outcome, by=by, reason=reason)
    pause = m.state.pauses.get(answer.pause)
    if pause is not None:
        pause.refused += 1
    m.out.append(TellAnswer(refusal))


def _take(m: Machine, pause: PauseState, answer: Answer) -> None:
    """Count an answer; once enough people have said the same, do it.

    What refuses takes only one, but not at a human node, where the words mean what the graph says.
    """
    said = _document(answer)
    speaker = speaker_of(said, m.policy.answerers)
    others = [one for one in _alive(m, pause) if speaker_of(one, m.policy.answerers) != speaker]
    agreeing = [*(one for one in others if _same(one, said)), said]
    refuses = answer.outcome in AT_ONCE and Trigger.HUMAN_NODE not in pause.triggers
    waits_for = 0 if refuses else missing(agreeing, m.policy.answerers, pause.quorum)
    _note_answer(m, pause, answer, speaker, waits_for)
    node = m.state.activations[pause.activation].node if pause.activation else ""
    receipt = AnswerReceipt(pause=pause.id, outcome=answer.outcome, by=speaker.name, node=node, waits_for=waits_for)
    m.out.append(TellAnswer(receipt))
    if waits_for:
        pause.answers = [*others, said]
        return
    counted = [said] if refuses else agreeing
    by = ", ".join(dict.fromkeys(speaker_of(one, m.policy.answerers).name for one in counted))
    release(m, pause, Word(answer.outcome, by, answer.data, answer.scope, tuple(counted)))


def _alive(m: Machine, pause: PauseState) -> list[dict[str, object]]:
    """The answers so far that have not expired."""
    return [
        answer
        for answer in pause.answers
        if answer.get("expires_at") is None or (parse_time(answer["expires_at"]) or 0) > m.state.now_ms
    ]


def _same(one: dict[str, object], other: dict[str, object]) -> bool:
    """Whether two answers say the same: outcome, data and scope."""
    return all(one.get(name) == other.get(name) for name in ("outcome", "scope")) and (
        digest(one.get("data")) == digest(other.get("data"))
    )


def _note_answer(m: Machine, pause: PauseState, answer: Answer, speaker: Speaker, waits_for: int) -> None:
    key = {} if speaker.key is None else {"key": fingerprint(speaker.key)}
    auditing.note(
        m,
        "answered",
        pause=pause.id,
        outcome=answer.outcome,
        scope=answer.scope,
        by=speaker.name,
        answer=digest(_document(answer)),
        data=digest(answer.data),
        digest=pause.digest,
        waits_for=waits_for,
        **key,
    )
