"""Controls of a run: each is judged by the engine, and what may not be obeyed is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError
from temporalio.exceptions import FailureError

from workflows.contracts.pause import CallControl, Steer
from workflows.contracts.run import RunCard
from workflows.engine.controls import BARE_CANCEL
from workflows.engine.events import (
    CallGivenUp,
    CancelRequested,
    ControlRefused,
    HoldLifted,
    HoldRequested,
    Repinned,
    Steered,
)
from workflows.engine.targets import why_unkept
from workflows.shell import ending
from workflows.shell.admission import admit_request
from workflows.shell.perform import admit, now_ms
from workflows.shell.sent import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.contracts.pause import Control
    from workflows.contracts.run import RunInput
    from workflows.engine.controls import Action
    from workflows.engine.events import Event
    from workflows.shell.session import Session

_EVENTS: dict[str, Callable[[int, str, str | None], Event]] = {
    "pause": HoldRequested,
    "resume": HoldLifted,
    "cancel": CancelRequested,
}


def obey(session: Session, action: Action, control: Control) -> str:
    """Do what the control says, or fail with `AnswerRefused`; gives the run's phase."""
    by = _allowed(session, action, control, now_ms())
    session.post(_event(action, control, now_ms(), by))
    session.work()
    return session.engine.phase


def _event(action: Action, control: Control, at_ms: int, by: str) -> Event:
    if isinstance(control, Steer):
        return Steered(at_ms, by, control.text, control.agent, control.interrupt is True, control.signature)
    if isinstance(control, CallControl):
        return CallGivenUp(at_ms, by, control.call, control.signature)
    return _EVENTS[action](at_ms, by, control.signature)


def check_kept(session: Session | None, control: Control) -> None:
    """Refuse what history may not keep before it does; what a policy exempts is known once the run is admitted."""
    reason = why_unkept(control, ()) if session is None else session.engine.why_unkept(control)
    if reason is not None:
        raise refused(reason)


def bare_cancel(session: Session) -> None:
    """Temporal was asked to cancel the run: obeyed where anybody may, else recorded. It asks once per history."""
    session.cancel_seen = True
    reason = session.engine.why_not_cancelled()
    if reason is None:
        session.post(CancelRequested(now_ms(), BARE_CANCEL))
    else:
        session.post(ControlRefused(now_ms(), "cancel", BARE_CANCEL, reason))


async def repin(session: Session, run_input: RunInput, control: Control) -> str:
    """Put the run under the policy that its worker has now, if that is the one that was signed for.

    Judged again once the worker has answered: meanwhile the run may have ended, or be under yet another policy.
    """
    at_ms = now_ms()  # nothing asks the clock after a local activity: see `Performer`
    _allowed(session, "repin", control, at_ms)
    card = await _present(session, run_input, control, at_ms)
    by = _allowed(session, "repin", control, at_ms)
    if card.policy_digest != control.policy_digest:
        meant = "no `policy_digest`" if control.policy_digest is None else f"`{control.policy_digest[:16]}`"
        _refuse(session, "repin", control, at_ms, f"it names {meant}, and the worker's is `{card.policy_digest[:16]}`")
    approvals = [permit.model_dump(mode="json") for permit in card.approvals]
    session.post(Repinned(at_ms, by, card.policy, card.policy_digest, approvals, control.signature))
    session.work()
    return session.engine.phase


async def _present(session: Session, run_input: RunInput, control: Control, at_ms: int) -> RunCard:
    """What the worker knows now; it admits the run anew, as it was started."""
    run = {name: value for name, value in run_input if value is not None and name != "carry"}
    if run_input.starter is not None:
        run["starter"] = run_input.starter.model_dump(mode="json", exclude_none=True)
    request = {**admit_request(run), "continued_run_id": None, "started_ms": session.engine.started_ms}
    try:
        return RunCard.model_validate(await admit(request))
    except FailureError as error:
        _refuse(
            session,
            "repin",
            control,
            at_ms,
            f"the worker would not admit the run: {ending.admission_error(error).message}",
        )
    except ValidationError:
        _refuse(session, "repin", control, at_ms, "the worker's answer does not parse: is it of another version?")


def _allowed(session: Session, action: Action, control: Control, at_ms: int) -> str:
    """Who sent the control, if they may."""
    reason = session.engine.why_no_control(action, control, at_ms)
    if reason is not None:
        _refuse(session, action, control, at_ms, reason)
    return session.engine.name_of(control)


def _refuse(session: Session, action: Action, control: Control, at_ms: int, reason: str) -> NoReturn:
    session.post(ControlRefused(at_ms, action, f"claimed:{control.by}", reason))
    session.work()
    raise refused(f"`{action}`: {reason}")
