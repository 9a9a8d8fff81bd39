"""One history's worth of a run: events go into the engine, commands go to Temporal."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, assert_never

from workflows.contracts.pause import AnswerReceipt, Refusal
from workflows.engine.commands import (
    CancelCall,
    CancelTimer,
    FinishRun,
    Probe,
    SettleLease,
    StartCall,
    StartTimer,
    TakeLease,
    TellAnswer,
)
from workflows.engine.events import AnswerArrived
from workflows.shell.attributes import Attributes
from workflows.shell.display import Display
from workflows.shell.perform import Performer, now_ms

if TYPE_CHECKING:
    from workflows.contracts.pause import Answer
    from workflows.engine.commands import Command
    from workflows.engine.engine import Engine
    from workflows.engine.events import Event


class Session:
    """Holds the engine and the inbox. Events are applied strictly in the order in which they were posted."""

    def __init__(self, engine: Engine, told: dict[str, object]) -> None:
        self.engine = engine
        self.attributes = Attributes(told, audited=engine.audited)
        self._display = Display(engine)
        self._inbox: deque[Event] = deque()
        self._performer = Performer(self._inbox.append)
        self._verdicts: list[AnswerReceipt | Refusal] = []
        self.cancel_seen = False
        """Whether Temporal's own cancel request was dealt with in this history."""
        self.applied = 0
        """How many events were applied in this history."""

    @property
    def has_mail(self) -> bool:
        """Whether an event waits."""
        return bool(self._inbox)

    def post(self, event: Event) -> None:
        """Put an event behind those that wait."""
        self._inbox.append(event)

    def work(self) -> None:
        """Apply every event that waits, and carry out what follows."""
        while self._inbox:
            self.applied += 1
            event = self._inbox.popleft()
            self._performer.at_ms = max(self._performer.at_ms, event.at_ms)
            for command in self.engine.apply(event):
                self._perform(command)
        self.attributes.tell(self.engine)

    def answer(self, answer: Answer) -> AnswerReceipt | Refusal:
        """Apply an answer behind whatever waits, and say what became of it."""
        self.post(AnswerArrived(now_ms(), answer))
        self.work()
        return self._verdicts.pop()

    def note_malformed(self, reason: str) -> None:
        """Keep why a signal could not be read as an answer."""
        self.engine.note_refusal(reason)

    def restart_timers(self, at_ms: int) -> None:
        """Start what the engine remembers of its timers, after it was restored."""
        self._performer.at_ms = at_ms
        for timer, due_ms in self.engine.timers().items():
            self._performer.start_timer(StartTimer(timer, due_ms, timer))

    def page(self) -> str:
        """The run as a page of Markdown."""
        return self._display.page()

    def _perform(self, command: Command) -> None:
        match command:
            case StartCall():
                self._performer.start_call(command)
            case CancelCall():
                self._performer.cancel_call(command.call)
            case StartTimer():
                self._performer.start_timer(command)
            case CancelTimer():
                self._performer.cancel_timer(command.timer)
            case TellAnswer():
                self._verdicts.append(command.outcome)
            case TakeLease() | SettleLease() | Probe():
                self._performer.ask(command)
            case FinishRun():
                pass  # `engine.over` is what the workflow waits for
            case _:
                assert_never(command)
