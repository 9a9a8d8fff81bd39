"""Plays the world for one run of the engine: everything that can happen, in an order that a seed decides."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from policies.canonical import digest
from policies.model import Effect
from tests.support import invariants
from tests.support.cards import policy_document, run_card, tool_card
from tests.support.simulator import Simulator
from tests.support.witness import Witness
from workflows.contracts.calls import Usage
from workflows.contracts.pause import Answer
from workflows.engine import events
from workflows.engine.commands import StartCall

if TYPE_CHECKING:
    from workflows.contracts.run import RunView

MAX_EVENTS = 400
USAGE = Usage(tokens=120, input_tokens=100, output_tokens=20, cost_nano=90_000)
OVERRUN = Usage(tokens=1500, input_tokens=100, output_tokens=1400, cost_nano=9_000_000)

NAMES = ("ada", "bob", "cy")
DATA: dict[str, object] = {
    "complete": {"result": {"y": 3}},
    "raise": {"tool_calls": 1},
    "substitute": {"name": "keep"},
}


def _said(answer: Answer) -> dict[str, object]:
    return {name: value for name, value in answer if value is not None}


class Host:
    """Completes, loses, fails and answers. With `trouble` it also holds, carries, aborts, repeats itself and errs."""

    def __init__(self, document: dict[str, object], seed: int, *, trouble: bool, **tenant: object) -> None:
        self.random = random.Random(seed)  # noqa: S311  a schedule, not a secret
        self.trouble = trouble
        self.luck = self.random.randint(1, 40)
        if self.random.random() < 0.5 and "triggers" not in tenant:
            tenant["triggers"] = {
                "on_risky_tool": {"ui": "modal", "deadline": "1h", "on_timeout": "deny"},
                "on_failure": {"ui": "modal", "deadline": "1h", "on_timeout": "skip"},
            }
        self.policy = policy_document(**tenant)
        self.signs = "answerers" in tenant
        self.run = Simulator(document, run_card(self.policy))
        self.witness = Witness()
        self.run.watch(self.witness)
        self.log: list[events.Event] = []

    def play(self) -> RunView:
        """Run to the end, or until only people could go on and nobody is left to ask."""
        self.feed(events.RunStarted(self.run.now_ms))
        while not self.run.engine.over and len(self.log) < MAX_EVENTS:
            choices = self.choices()
            assert choices, f"the run stalled in phase {self.run.engine.phase}"
            self.feed(self.random.choice(choices))
        return self.run.engine.view()

    def choices(self) -> list[events.Event]:
        """What could happen next; never empty while the run is not over."""
        certain = [*self.outcomes(), *self.waits(), *self.answers(), *self.looks(), *self.lifts()]
        if not certain or self.random.random() < 0.1:
            certain += self.timers()
        if self.trouble and self.random.random() < 0.15:
            return [*certain, *self.interruptions()]
        return certain

    def feed(self, event: events.Event) -> None:
        """Apply one event and remember it."""
        self.run.now_ms += 7
        if self.signs and isinstance(event, events.AnswerArrived) and event.answer.signature is None:
            event = events.AnswerArrived(event.at_ms, self.run.signed(_said(event.answer)))
        self.log.append(event)
        before = self._stopped()
        given = [command for command in self.run.feed(event) if isinstance(command, StartCall)]
        for command in given:
            self.witness.check(command)
        assert not (given and before & self._stopped()), "a call was made while it might not be"
        invariants.check(self.run.engine)

    def _stopped(self) -> set[str]:
        """What keeps the run from making calls."""
        state = self.run.engine._m.state
        found = {"held": state.held_by, "halted": state.halted, "draining": state.draining or None}
        return {f"{name} {by}" for name, by in found.items() if by is not None}

    def outcomes(self) -> list[events.Event]:
        """How each call in flight could end."""
        found: list[events.Event] = []
        for call, command in self.run.calls.items():
            found += self.endings(call, command)
        return found

    def endings(self, call: str, command: StartCall) -> list[events.Event]:
        """How one call could end. The result depends on which call it is and never on when it ends."""
        at, y = self.run.now_ms, int(digest(call)[:4], 16) % 7
        output = {"text": "hi", "stop_reason": "end_turn"} if command.model else {"y": y}
        found: list[events.Event] = [
            events.CallSucceeded(at, call, output, USAGE if command.model else None)
        ] * self.luck
        if not self.trouble:
            return found
        found += [
            events.CallFailed(at, call, "ToolFailed", "it failed", 1, "no"),
            events.CallFailed(at, call, "Timeout", "lost"),
            events.CallFailed(at, call, "MaybeBilled", "cut", 1, "yes", USAGE),
            events.CallSucceeded(at, call, {"unlike": None}, OVERRUN if self.random.random() < 0.1 else USAGE),
        ]
        return [*found, events.CallCancelled(at, call)] if command.cancellable else found

    def waits(self) -> list[events.TimerFired]:
        """Timers that only let a node go on."""
        return [event for event in self.timers() if event.timer.startswith("wait:")]

    def timers(self) -> list[events.TimerFired]:
        """Any timer may be due: nobody says how late the others are."""
        return [events.TimerFired(max(due, self.run.now_ms), timer) for timer, due in self.run.timers.items()]

    def answers(self) -> list[events.Event]:
        """What people could answer; an abort is rare, because it ends the run."""
        at = self.run.now_ms
        found: list[events.Event] = []
        for pause in self.run.engine.pauses():
            for outcome in pause.outcomes:
                if outcome in ("abort", "deny", "decline") and self.random.random() < 0.95:
                    continue
                said = Answer(pause=pause.id, outcome=outcome, data=DATA.get(outcome), by=self.random.choice(NAMES))
                if outcome == "approve" and self.random.random() < 0.2:
                    said = said.model_copy(update={"scope": "run"})
                found.append(events.AnswerArrived(at, said))
        return found

    def looks(self) -> list[events.Event]:
        """What a worker that looks for something could say."""
        at, found = self.run.now_ms, list[events.Event]()
        for gap in self.run.engine._m.state.gaps.values():
            if gap.probing:
                card = tool_card(gap.name, {"x": "integer"}, effect=Effect.IDEMPOTENT).model_dump(mode="json")
                found += [events.Probed(at, gap.key, card=card), events.Probed(at, gap.key, failed="not here")]
        return found

    def lifts(self) -> list[events.Event]:
        """What stops calls from being issued comes to an end."""
        at, state = self.run.now_ms, self.run.engine._m.state
        held: list[events.Event] = [events.HoldLifted(at, "ann")] if state.held_by is not None else []
        return [*held, events.CarryResumed(at)] if state.draining else held

    def interruptions(self) -> list[events.Event]:
        """What nobody in the run asked for: operators, carries, and events that come twice or mean nothing."""
        at = self.run.now_ms
        found: list[events.Event] = [
            events.HoldRequested(at, "ann"),
            events.DrainRequested(at),
            events.HoldRequested(at, "bob"),
            events.TimerFired(at, "wait:nothing"),
            events.AnswerArrived(at, Answer(pause="p1", outcome="approve", by="eve")),
        ]
        late: list[events.Event] = [event for event in self.log[-5:] if not isinstance(event, events.RunStarted)]
        if self.random.random() < 0.1:
            found.append(events.CancelRequested(at, "ann"))
        return [*found, *late]
