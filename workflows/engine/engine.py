"""The engine: events in, commands out. It never waits, and it asks nobody what time it is.

    started -> [ an event arrives -> tokens move -> calls pass the gate -> commands ] -> over

For one event `apply` does three things in this order: it records what happened, it takes every step that
follows until each token waits for something outside, and it lets the queued calls through the gate. A
refused call may move tokens again, so the last two alternate until nothing moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from policies.document import TenantPolicy
from workflows.contracts.pause import Refusal
from workflows.engine import (
    answering,
    auditing,
    cancelling,
    controls,
    finishing,
    gate,
    leasing,
    outcomes,
    providing,
    repinning,
    routing,
    slots,
    snapshots,
    spending,
    steering,
    targets,
    views,
)
from workflows.engine.clock import rfc3339
from workflows.engine.events import (
    AnswerArrived,
    CallCancelled,
    CallFailed,
    CallGivenUp,
    CallSucceeded,
    CancelRequested,
    CarryResumed,
    ControlRefused,
    DrainRequested,
    HoldLifted,
    HoldRequested,
    LeaseArrived,
    LeaseSettled,
    Probed,
    Repinned,
    RunStarted,
    Steered,
    TimerFired,
)
from workflows.engine.machine import Machine
from workflows.engine.pause_views import pause_views
from workflows.engine.state import ROOT, Frame, RunState
from workflows.engine.steps import Enter, Succeed

if TYPE_CHECKING:
    from workflows.contracts.pause import Answer, Control, PauseView
    from workflows.contracts.run import AuditView, Phase, RunCard, RunView
    from workflows.engine.commands import Command
    from workflows.engine.controls import Action
    from workflows.engine.events import Event
    from workflows.engine.machine import RunFacts
    from workflows.engine.observing import Follower, Observer
    from workflows.engine.views import Glance
    from workflows.language.graph import Graph


class Engine:
    """One run of one graph under one run card. The same events always give the same commands."""

    def __init__(self, graph: Graph, card: RunCard, run: RunFacts) -> None:
        policy = TenantPolicy.from_document(card.policy)
        self._m = Machine(graph=graph, card=card, policy=policy, run=run, state=RunState(), ledgers={})
        spending.open_ledgers(self._m)

    def apply(self, event: Event) -> list[Command]:
        """Take one event and return what the host must do, in order. Events after the end change nothing."""
        m = self._m
        m.out, m.moves = [], {}
        m.state.events += 1
        spending.pass_time(m, event.at_ms)
        auditing.take(m, event)
        self._record(event)
        while True:
            routing.take_steps(m)
            gate.flush(m)
            if not m.todo:
                break
        leasing.rest(m)
        finishing.finish_if_quiet(m)
        return m.out

    def _record(self, event: Event) -> None:
        m = self._m
        match event:
            case RunStarted():
                m.state.started_ms = event.at_ms
                auditing.genesis(m, event)
                m.state.frames[ROOT] = Frame(path=ROOT)
                m.todo.append(Enter(ROOT, m.graph.start))
            case CallSucceeded() | CallFailed() | CallCancelled():
                outcomes.record(m, event)
            case TimerFired():
                self._timer_fired(event.timer)
            case AnswerArrived():
                answering.receive(m, event.answer)
            case LeaseArrived() | LeaseSettled():
                leasing.record(m, event)
            case Repinned() | Probed() | Steered() | CallGivenUp():
                self._change(event)
            case _:
                self._control(event)

    def _change(self, event: Repinned | Probed | Steered | CallGivenUp) -> None:
        match event:
            case Repinned():
                repinning.repin(self._m, event)
            case Probed():
                providing.probed(self._m, event)
            case Steered():
                steering.steer(self._m, event)
            case CallGivenUp():
                cancelling.give_up(self._m, event)
            case _:
                assert_never(event)

    def _control(
        self, event: HoldRequested | HoldLifted | CancelRequested | ControlRefused | DrainRequested | CarryResumed
    ) -> None:
        m = self._m
        match event:
            case HoldRequested():
                controls.hold(m, event)
            case HoldLifted():
                controls.lift(m, event)
            case CancelRequested():
                controls.cancel(m, event)
            case ControlRefused():
                controls.refuse(m, event)
            case DrainRequested():
                spending.stop_clocks(m)
                m.state.draining = True
            case CarryResumed():
                auditing.resumed(m, event)
                m.state.draining = False
                spending.start_clocks(m)
            case _:
                assert_never(event)

    def _timer_fired(self, timer: str) -> None:
        m = self._m
        kind, _, name = timer.partition(":")
        if kind == "pause":
            answering.expire(m, name)
        elif kind == "lease":
            leasing.again(m)
        elif m.state.waits.pop(name, None) is not None:
            activation = m.state.activations[name]
            done = Succeed(name, {"woken_by": "timer", "payload": None})
            slots.wake(m, m.frame_of(activation), done)

    def note_refusal(self, reason: str) -> None:
        """Keep the reason of an answer that could not even be parsed, so that its sender can find it."""
        answering.note(self._m, Refusal(pause="", outcome="", by="", reason=reason, at=rfc3339(self._m.state.now_ms)))
        auditing.note(self._m, "refused", reason=reason)

    def why_rejected(self, answer: Answer, at_ms: int) -> str | None:
        """Why an answer is not even recorded at this time, null if it is to be judged; changes nothing."""
        return answering.why_rejected(self._m, answer, at_ms)

    def why_no_control(self, action: Action, control: Control, at_ms: int) -> str | None:
        """Why a control would be refused at this time, null if it would be obeyed; changes nothing."""
        return controls.why_refused(self._m, action, control, at_ms) or targets.why_no_target(self._m, control)

    def why_unkept(self, control: Control) -> str | None:
        """Why history may not keep what a control says; null where it may."""
        return targets.why_unkept(control, self._m.policy.secret_paths)

    def why_not_cancelled(self) -> str | None:
        """Why Temporal's own cancel request is not obeyed, null if it is; changes nothing."""
        return controls.why_not_cancelled(self._m)

    def name_of(self, control: Control) -> str:
        """Who sent a control that may be obeyed, `claimed:<id>` where nobody has proved it."""
        return controls.name_of(self._m, control)

    @property
    def card(self) -> RunCard:
        """What the run knows of its worker; `repin` changes it."""
        return self._m.card

    @property
    def started_ms(self) -> int:
        """When the run's first history began, in UTC milliseconds."""
        return self._m.state.started_ms

    @property
    def phase(self) -> Phase:
        """Where the run stands, as people are told."""
        return views.phase(self._m)

    @property
    def calls_in_flight(self) -> int:
        """Activities that have been started and have not ended."""
        return self._m.state.in_flight

    @property
    def busy(self) -> bool:
        """Whether something is under way that must end before the run is carried over."""
        probing = any(gap.probing for gap in self._m.state.gaps.values())
        return bool(self._m.state.in_flight) or probing or leasing.pending(self._m)

    def questions(self) -> tuple[tuple[str, int], ...]:
        """Digest and number of answers so far of each open pause: what people see of them changes with these."""
        return tuple((pause.digest, len(pause.answers)) for pause in self._m.state.pauses.values())

    @property
    def pauses_open(self) -> int:
        """Pauses that wait for an answer."""
        return len(self._m.state.pauses)

    @property
    def over(self) -> bool:
        """Whether `FinishRun` has been given."""
        return self._m.state.over

    @property
    def pauses_asked(self) -> int:
        """Pauses that were ever opened."""
        return self._m.state.totals.pauses

    @property
    def audit(self) -> AuditView:
        """Where the audit chain stands."""
        return auditing.view(self._m)

    @property
    def audited(self) -> bool:
        """Whether heads of the audit are told to the server."""
        return self._m.card.audited

    @property
    def signs_audit(self) -> bool:
        """Whether the policy wants heads of the audit to be signed."""
        return self._m.policy.sign_audit

    def watch(self, observer: Observer) -> None:
        """Tell somebody of every decision and every audit record from now on."""
        self._m.observer = observer

    def follow(self, follower: Follower) -> None:
        """Tell somebody of every step and every visit from now on."""
        self._m.follower = follower

    def unwatch(self) -> None:
        """Tell nobody any more."""
        self._m.observer = self._m.follower = None

    def timers(self) -> dict[str, int]:
        """Every timer that must be running, with the time it is due in UTC milliseconds."""
        return views.timers(self._m)

    def view(self) -> RunView:
        """The run as people and programs see it."""
        return views.run_view(self._m)

    def glance(self) -> Glance:
        """What changes with every event, without making a view of it."""
        return views.glance(self._m)

    def pauses(self) -> list[PauseView]:
        """The open pauses, oldest first."""
        return pause_views(self._m)

    def snapshot(self) -> dict[str, object]:
        """The whole run as JSON. Taken at any point; calls in flight must be told to the restored engine."""
        return snapshots.snapshot(self._m)

    @classmethod
    def restore(cls, graph: Graph, card: RunCard, run: RunFacts, data: dict[str, object]) -> Engine:
        """The engine that gave the snapshot; `ValueError` for data that is not one."""
        engine = cls(graph, card, run)
        snapshots.restore(engine._m, data)
        return engine
