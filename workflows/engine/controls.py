"""Controls: who may hold a run, let it go on, cancel it or put it under another policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from policies.evidence import Ground, speaker_of, why_no_control
from policies.people import ANY
from workflows.contracts.failures import FailureType
from workflows.contracts.pause import Refusal
from workflows.engine import auditing, spending
from workflows.engine.answering import note
from workflows.engine.clock import rfc3339
from workflows.engine.finishing import begin_ending
from workflows.engine.machine import problem

if TYPE_CHECKING:
    from workflows.contracts.pause import Control
    from workflows.engine.events import CancelRequested, ControlRefused, HoldLifted, HoldRequested
    from workflows.engine.machine import Machine

Action: TypeAlias = Literal["pause", "resume", "cancel", "repin", "steer", "cancel_call"]
KEEP_SPENT = 200
"""How many signatures of controls a run remembers."""
WHO_REPINS = "operator"
"""Whoever may loosen what a running run may do; always signed."""
BARE_CANCEL = "a cancel request"
"""Temporal does not say who asked for it."""


def why_refused(m: Machine, action: Action, control: Control, at_ms: int) -> str | None:
    """Why the control may not be obeyed, in words for who sent it; null when it may. Changes nothing."""
    if m.state.ending is not None:
        return "the run is over" if m.state.over else "the run is ending"
    if control.signature in m.state.spent:
        return "it was obeyed before, and a signature is good for once: sign it again"
    return why_no_control(
        {name: value for name, value in control if value is not None},
        Ground(m.policy.answerers, at_ms, m.policy.revoked, m.policy.approvals),
        action=action,
        who=WHO_REPINS if action == "repin" else str(getattr(m.policy.controls, action)),
        namespace=m.run.namespace,
        workflow_id=m.run.workflow_id,
        first_run_id=m.run.first_run_id,
    )


def why_not_cancelled(m: Machine) -> str | None:
    """Why Temporal's own cancel request is not obeyed: it brings no name and no signature."""
    who = m.policy.controls.cancel
    if who == ANY or m.state.ending is not None:
        return None
    return f"only `role:{who}` may cancel this run (`controls.cancel`): send the update `cancel`, or `detent cancel`"


def name_of(m: Machine, control: Control) -> str:
    """Who sent a control that may be obeyed, as records have it."""
    return speaker_of({"by": control.by, "signature": control.signature}, m.policy.answerers).name


def spend(m: Machine, signature: str | None) -> None:
    """Remember the signature of a control that is obeyed: histories show it, and whoever reads one could send it again.

    The last ones are kept. They expire in a day, and to have one forgotten takes as many new ones.
    """
    if signature is not None:
        m.state.spent = [*m.state.spent[1 - KEEP_SPENT :], signature]


def hold(m: Machine, event: HoldRequested) -> None:
    """No new call starts."""
    spend(m, event.signature)
    auditing.note(m, "control", control="pause", by=event.by, allowed=True)
    spending.stop_clocks(m)
    m.state.held_by = event.by


def lift(m: Machine, event: HoldLifted) -> None:
    """Calls start again; a pause with an id is lifted only by an answer."""
    spend(m, event.signature)
    auditing.note(m, "control", control="resume", by=event.by, allowed=True)
    m.state.held_by = None
    spending.start_clocks(m)


def cancel(m: Machine, event: CancelRequested) -> None:
    """The run ends; what must finish finishes first."""
    auditing.note(m, "control", control="cancel", by=event.by, allowed=True)
    begin_ending(m, "cancelled", error=problem(FailureType.CANCELLED, f"cancelled by {event.by}"))


def refuse(m: Machine, event: ControlRefused) -> None:
    """Keep a control that was not obeyed where `view` shows it."""
    auditing.note(m, "control", control=event.control, by=event.by, allowed=False, refused=event.reason)
    note(m, Refusal(pause="", outcome=event.control, by=event.by, reason=event.reason, at=rfc3339(m.state.now_ms)))
