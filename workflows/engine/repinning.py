"""Going on under another policy: what was allowed by the old one is void, and what is open is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Trigger
from policies.tenant import TenantPolicy
from workflows.contracts.calls import Permit
from workflows.contracts.failures import FailureType
from workflows.engine import auditing, slots, spending
from workflows.engine.clock import seconds_ms
from workflows.engine.controls import spend
from workflows.engine.gaps import offer_anew
from workflows.engine.machine import problem
from workflows.engine.pauses import asks_of_tasks, close_pause
from workflows.engine.questions import forget_timer, put, why_unaskable
from workflows.engine.releasing import names_of
from workflows.engine.silences import Silence, silence_of
from workflows.engine.standards import at_first
from workflows.engine.steps import Fail, Requeue, Restart
from workflows.language.graph import HumanNode

if TYPE_CHECKING:
    from workflows.engine.events import Repinned
    from workflows.engine.machine import Machine
    from workflows.engine.state import PauseState


def repin(m: Machine, event: Repinned) -> None:
    """Take the policy of the event, void run approvals and grants, ask open pauses again."""
    if m.state.ending is not None:
        return
    spend(m, event.signature)
    auditing.note(m, "repinned", policy=event.policy_digest, was=m.card.policy_digest, by=event.by)
    approvals = tuple(Permit.model_validate(approval) for approval in event.approvals)
    changes = {"policy": event.policy, "policy_digest": event.policy_digest, "approvals": approvals}
    m.card = m.card.model_copy(update=changes)
    m.policy = TenantPolicy.from_document(event.policy)
    spending.reset_limits(m)
    _void(m)
    for pause in list(m.state.pauses.values()):
        _ask_again(m, pause)


def _void(m: Machine) -> None:
    """Nobody has said yes to anything under this policy; its ladder starts from the bottom."""
    m.state.approvals, m.state.grants = [], []
    m.state.latched, m.state.rungs = {}, {}
    for call in m.state.calls.values():
        call.permit, call.passed = None, ()


def _ask_again(m: Machine, pause: PauseState) -> None:
    """A call goes before the gate, which asks again if there still is a reason; other questions are put anew."""
    if not pause.activation:
        _ask_of_the_run(m, pause)
    elif Trigger.GAP in pause.triggers:
        offer_anew(m, pause)
        _put_anew(m, pause)
    elif pause.call is not None and pause.error is None:
        close_pause(m, pause)
        activation = m.state.activations[pause.activation]
        slots.wake(m, m.frame_of(activation), Requeue(activation.id, pause.call))
    elif Trigger.TASK in pause.triggers and not asks_of_tasks(m):
        close_pause(m, pause)
        activation = m.state.activations[pause.activation]
        slots.wake(m, m.frame_of(activation), Restart(activation.id))
    else:
        _put_anew(m, pause)


def _ask_of_the_run(m: Machine, pause: PauseState) -> None:
    """A rule that stopped a call judges it again; what a rule said after a call stands while there is such a rule."""
    known = {name for rule in m.policy.guardrails for name in names_of(rule)}
    if pause.call is not None or not known.intersection(pause.rules):
        close_pause(m, pause)
    else:
        _put_anew(m, pause)


def _put_anew(m: Machine, pause: PauseState) -> None:
    """Deadline, people and digest as the new policy has them, counted from now."""
    forget_timer(m, pause)
    activation = m.state.activations.get(pause.activation)
    node = None if activation is None else m.node_of(activation)
    human = node if isinstance(node, HumanNode) else None
    wanted = at_first(m, pause.triggers, human)
    pause.escalated = False
    pause.deadline_ms, pause.on_timeout = _silence(m, pause, human)
    fault = None if activation is None or human is None else why_unaskable(m, pause, wanted)
    if activation is None or fault is None:
        put(m, pause, wanted, again=True)
        return
    pause.deadline_ms = None  # its timer is forgotten already
    close_pause(m, pause)
    error = problem(FailureType.POLICY_DENIED, fault, activation)
    slots.wake(m, m.frame_of(activation), Fail(activation.id, error))


def _silence(m: Machine, pause: PauseState, human: HumanNode | None) -> Silence:
    if human is None:
        return silence_of(m, pause.triggers, pause.outcomes, m.state.now_ms)
    deadline_ms = None if human.deadline_s is None else m.state.now_ms + seconds_ms(human.deadline_s)
    return deadline_ms, human.on_timeout
