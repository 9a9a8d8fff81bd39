"""Opening and closing pauses: what is asked, by when, and what its digest covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import digest
from policies.model import Trigger
from workflows.engine import slots, spending
from workflows.engine.asking import asked_call
from workflows.engine.clock import rfc3339, seconds_ms
from workflows.engine.commands import CancelTimer, StartTimer
from workflows.engine.digest import pause_digest
from workflows.engine.state import PauseState

if TYPE_CHECKING:
    from policies.model import Decision
    from workflows.contracts.failures import ErrorInfo
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState
    from workflows.language.graph import HumanNode

KEEP_CLOSED = 200
AT_ONCE_S = 0.001
ABORT = "abort"
KEEP_WAITING = "keep_waiting"
UNANSWERED = {
    Trigger.RISKY_TOOL: ("modal", "deny"),
    Trigger.PROTECTED_PATH: ("modal", "deny"),
    Trigger.FAILURE: ("panel", KEEP_WAITING),
    Trigger.UNCERTAIN: ("modal", KEEP_WAITING),
}
"""Presentation and `on_timeout` of a trigger that the policy does not mention."""


def open_for_call(m: Machine, call: CallState, decision: Decision) -> None:
    """Hold one call until a person approves or denies it; all that must be asked is asked at once."""
    activation = m.state.activations[call.activation]
    triggers = decision.asks
    call.status = "asked"
    what = f"node `{activation.node}` wants to call `{call.name}`"
    why = " and ".join(_WHY[trigger] for trigger in triggers)
    _open(m, activation, triggers, ask=f"{what}: {why}", outcomes=("approve", "deny"), call=call.id)


_WHY = {
    Trigger.RISKY_TOOL: "its risk needs a person's yes",
    Trigger.PROTECTED_PATH: "it writes to a protected path",
}


def open_for_failure(m: Machine, activation: Activation, error: ErrorInfo, call: str | None) -> None:
    """Ask what to do about a failed node. A node with routes cannot be skipped: it would have no outcome."""
    uncertain = error.type == "Uncertain"
    trigger = Trigger.UNCERTAIN if uncertain else Trigger.FAILURE
    skip = () if m.node_of(activation).routes or activation.kind == "plan" else ("skip",)
    outcomes = ("retry", *skip, *(("complete",) if uncertain else ()), ABORT)
    ask = f"node `{activation.node}` failed: {error.type}: {error.message}"
    _open(m, activation, (trigger,), ask=ask, outcomes=outcomes, call=call, error=error)


def open_human(m: Machine, activation: Activation, node: HumanNode, ask: str, show: str | None) -> None:
    """Ask what a human node asks."""
    deadline = None if node.deadline_s is None else m.state.now_ms + seconds_ms(node.deadline_s)
    pause = PauseState(
        id=_next_id(m),
        triggers=(Trigger.HUMAN_NODE,),
        ui=node.ui,
        activation=activation.id,
        ask=ask,
        show=show,
        outcomes=node.outcomes,
        form=node.form,
        opened_ms=m.state.now_ms,
        deadline_ms=deadline,
        on_timeout=node.on_timeout,
    )
    _hold(m, activation, pause)


def _open(  # noqa: PLR0913  each is one part of what is asked
    m: Machine,
    activation: Activation,
    triggers: tuple[Trigger, ...],
    *,
    ask: str,
    outcomes: tuple[str, ...],
    call: str | None,
    error: ErrorInfo | None = None,
) -> None:
    shown, _ = UNANSWERED[triggers[0]]
    first = m.policy.triggers.get(triggers[0])
    deadline_s, on_timeout = _silence(m, triggers, outcomes)
    pause = PauseState(
        id=_next_id(m),
        triggers=triggers,
        ui=shown if first is None else first.ui,
        activation=activation.id,
        ask=ask,
        show=None,
        outcomes=outcomes,
        form=None,
        opened_ms=m.state.now_ms,
        deadline_ms=None if deadline_s is None else m.state.now_ms + seconds_ms(deadline_s),
        on_timeout=on_timeout,
        call=call,
        error=error,
    )
    _hold(m, activation, pause)


def _silence(m: Machine, triggers: tuple[Trigger, ...], outcomes: tuple[str, ...]) -> tuple[float | None, str]:
    """The deadline in seconds and what happens then: of several triggers, the one that is first to do anything.

    A `skip` that the pause does not offer, because the node has no outcome to go on with, waits instead.
    """
    silences: list[tuple[float | None, str]] = []
    for trigger in triggers:
        rule = m.policy.triggers.get(trigger)
        deadline_s, silent = (None, UNANSWERED[trigger][1]) if rule is None else (rule.deadline_s, rule.on_timeout)
        if rule is not None and rule.ui == "toast" and deadline_s is None:
            deadline_s = AT_ONCE_S  # a toast does not wait
        waits = silent != ABORT and silent not in outcomes
        silences.append((deadline_s, KEEP_WAITING if waits else silent))
    acting = [(deadline_s, silent) for deadline_s, silent in silences if deadline_s and silent != KEEP_WAITING]
    return min(acting, default=silences[0])


def _next_id(m: Machine) -> str:
    m.state.totals.pauses += 1
    return f"p{m.state.totals.pauses}"


def _hold(m: Machine, activation: Activation, pause: PauseState) -> None:
    pause.digest = pause_digest(_covered(m, activation, pause))
    m.state.pauses[pause.id] = pause
    activation.pause = pause.id
    activation.status = "waiting"
    spending.stop_clock(m, activation)
    if pause.deadline_ms is not None and pause.on_timeout != KEEP_WAITING:
        summary = f"{pause.id} at {activation.node}: {pause.on_timeout} if nobody answers"
        m.out.append(StartTimer(f"pause:{pause.id}", pause.deadline_ms, summary))
    slots.park(m, m.frame_of(activation))


def _covered(m: Machine, activation: Activation, pause: PauseState) -> dict[str, object]:
    """What policy-language.md ("Pauses and answers on the wire") says a pause's digest is made of."""
    call = None if pause.call is None else m.state.calls[pause.call]
    calls = [] if call is None else [asked_call(m, call).model_dump(mode="json", exclude={"args"})]
    return {
        "namespace": m.run.namespace,
        "workflow_id": m.run.workflow_id,
        "first_run_id": m.run.first_run_id,
        "pause_id": pause.id,
        "activation": activation.id,
        "triggers": [trigger.value for trigger in pause.triggers],
        "calls": calls,
        "graph_digest": m.graph.digest,
        "policy_digest": m.card.policy_digest,
        "outcomes": list(pause.outcomes),
        "form_digest": None if pause.form is None else digest(pause.form),
        "answerers": [],
        "quorum": 1,
        "deadline": None if pause.deadline_ms is None else rfc3339(pause.deadline_ms),
        **_starter(m, pause),
    }


def _starter(m: Machine, pause: PauseState) -> dict[str, object]:
    """Where the starter may not answer, the worker that makes the call must know who that is."""
    starter = m.card.starter
    if not pause.not_starter or starter is None:
        return {}
    return {"starter": {"id": starter.id, "assurance": starter.assurance}}


def close_pause(m: Machine, pause: PauseState) -> None:
    """Forget a pause: it was answered, it expired, or its branch was cancelled."""
    del m.state.pauses[pause.id]
    m.state.closed_pauses.append(pause.id)
    del m.state.closed_pauses[:-KEEP_CLOSED]
    activation = m.state.activations[pause.activation]
    activation.pause = None
    if activation.status == "waiting":
        activation.status = "running"
    if pause.deadline_ms is not None and pause.on_timeout != KEEP_WAITING:
        m.out.append(CancelTimer(f"pause:{pause.id}"))
