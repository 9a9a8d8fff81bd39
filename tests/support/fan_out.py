"""A provider that many calls of one run reach at once, the network between, and the book of what it really served.

The book is the provider's own: it knows what was served also where the run never hears of it. A run keeps its
budget if the book never says more than the cap, whatever the run was told.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.cards import policy_document, run_card
from workflows.contracts.calls import ModelArgs, Usage
from workflows.engine import events
from workflows.engine.commands import StartCall
from workflows.engine.engine import Engine
from workflows.engine.machine import RunFacts
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from policies.budget import Ledger
    from workflows.contracts.run import PriceCard, RunCard

BRANCHES = 50
CAP_USD = 1
CAP_NANO = CAP_USD * 1_000_000_000
MAX_EVENTS = 2_000
START_MS = 1_700_000_000_000

GRAPH: dict[str, object] = {
    "graph": "fan",
    "version": "1.0.0",
    "capabilities": [{"model": ["default"]}, {"tool": ["pure"]}],
    "start": "split",
    "nodes": {
        "split": {
            "kind": "plan",
            "rules": [
                {"map": {"over": "${input.items}", "as": "item", "to": "ask", "join": "count", "mode": "settle"}},
            ],
        },
        "ask": {
            "kind": "model",
            "model": "default",
            "prompt": "What of ${item}?",
            "max_tokens": 4000,
            "retry": {"max_attempts": 3, "initial": "200ms"},
            "next": "again",
        },
        "again": {"kind": "model", "model": "default", "prompt": "More of ${item}?", "max_tokens": 900},
        "count": {"kind": "tool", "tool": "pure", "with": {"x": "${size(results)}"}, "next": "end"},
    },
}
TENANT: dict[str, object] = {
    "execution": {"tokens": None, "cost_usd": None, "wall_clock": None},
    "lifetime": {"tokens": None, "cost_usd": CAP_USD, "steps": None, "wall_clock": None, "tool_calls": None},
}


@dataclass(frozen=True, slots=True)
class Habits:
    """How often things go wrong, in percent of a call's ends.

    `whole` is how often an answer takes all of `max_tokens`, `generous` how often it takes three times as many.
    """

    lost: int = 10
    cut: int = 10
    refused: int = 8
    unusable: int = 5
    cancelled: int = 2
    whole: int = 40
    generous: int = 0
    carry: int = 4
    hold: int = 1


@dataclass
class Schedule:
    """One run of the graph, in an order that a seed decides. `tell` may falsify what the run is told of an end."""

    seed: int
    habits: Habits = field(default_factory=Habits)
    tell: Callable[[events.Event], events.Event] = lambda event: event

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - a schedule, not a secret
        self.card: RunCard = run_card(policy_document(budgets={**TENANT}))
        self.graph = compile_graph(GRAPH)
        self.engine = self._engine(1)
        self.now_ms = START_MS
        self.flying: dict[str, StartCall] = {}
        self.book: list[tuple[str, int]] = []
        self.issued: set[str] = set()
        self.carried = 0
        self.most_at_once = 0

    def _engine(self, number: int, snapshot: dict[str, object] | None = None) -> Engine:
        given = {"items": [f"item {number}" for number in range(BRANCHES)]}
        facts = RunFacts("default", "default/fan/1", f"run-{number}", "run-1", given)
        if snapshot is None:
            return Engine(self.graph, self.card, facts)
        return Engine.restore(self.graph, self.card, facts, json.loads(json.dumps(snapshot)))

    @property
    def ledger(self) -> Ledger:
        """The run's own ledger."""
        return self.engine._m.ledgers[""]

    @property
    def served_nano(self) -> int:
        """What the provider has served, told or not."""
        return sum(cost for _, cost in self.book)

    def play(self) -> None:
        """Run to the end."""
        self.feed(events.RunStarted(self.now_ms))
        for _ in range(MAX_EVENTS):
            if self.engine.over:
                return
            self._step()
        raise AssertionError(f"seed {self.seed}: no end after {MAX_EVENTS} events")

    def feed(self, event: events.Event) -> None:
        """Apply one event, then look at the ledger."""
        self.now_ms += 7
        for command in self.engine.apply(event):
            if isinstance(command, StartCall):
                assert command.call not in self.issued, f"{command.call} was issued twice"
                self.issued.add(command.call)
                self.flying[command.call] = command
        self.most_at_once = max(self.most_at_once, len(self.flying))
        self.check()

    def check(self) -> None:
        """What holds after every event."""
        ledger = self.ledger
        overrun = ledger.overrun.cost_nano
        assert ledger.used.cost_nano + ledger.reserved.cost_nano <= CAP_NANO + overrun, f"seed {self.seed}: the ledger"
        assert self.served_nano <= ledger.used.cost_nano + ledger.reserved.cost_nano, f"seed {self.seed}: unseen"
        assert self.served_nano <= CAP_NANO + overrun, f"seed {self.seed}: served {self.served_nano}"

    def _step(self) -> None:
        state = self.engine._m.state
        if state.draining and not self.flying:
            self._carry()
        elif state.held_by is not None and (not self.flying or self._chance(20)):
            self.feed(events.HoldLifted(self.now_ms, "ann"))
        elif not state.draining and self._chance(self.habits.carry):
            self.feed(events.DrainRequested(self.now_ms))
        elif self._chance(self.habits.hold):
            self.feed(events.HoldRequested(self.now_ms, "ann"))
        else:
            self._end_one()

    def _carry(self) -> None:
        self.carried += 1
        self.engine = self._engine(self.carried + 1, self.engine.snapshot())
        self.feed(events.CarryResumed(self.now_ms))

    def _end_one(self) -> None:
        call = self.random.choice(sorted(self.flying))
        command = self.flying.pop(call)
        self.feed(self.tell(self._ending(call, command)))

    def _ending(self, call: str, command: StartCall) -> events.Event:
        """How a call ends, after as many attempts that were certainly not billed as Temporal likes to make."""
        at, habits, dice = self.now_ms, self.habits, self.random.randrange(100)
        if not command.model:
            return events.CallSucceeded(at, call, {"y": 1}, None)
        if (dice := dice - habits.lost) < 0:  # a worker was killed: before, within or after the answer
            self._maybe_serve(call, command)
            return events.CallFailed(at, call, "Timeout", "no answer in time (heartbeat timeout)")
        if (dice := dice - habits.cut) < 0:
            self._maybe_serve(call, command)
            return events.CallFailed(at, call, "MaybeBilled", "the stream was cut", 2, "maybe")
        if (dice := dice - habits.refused) < 0:  # 429 or 529, until Temporal's attempts were used up
            return events.CallFailed(at, call, "ModelFailed", "the provider answered 529", 3, "no")
        if (dice := dice - habits.cancelled) < 0:
            self._maybe_serve(call, command)
            return events.CallCancelled(at, call)
        usage = self._serve(call, command, generous=habits.generous)
        if dice < habits.unusable:
            return events.CallFailed(at, call, "ModelFailed", "the answer is not JSON", 1, "yes", usage)
        return events.CallSucceeded(at, call, {"text": "hi", "stop_reason": "end_turn"}, usage)

    def _maybe_serve(self, call: str, command: StartCall) -> None:
        """What nobody hears of is within its reservation: an overrun that is not told cannot be recorded."""
        if self._chance(70):
            self._serve(call, command, generous=0)

    def _serve(self, call: str, command: StartCall, *, generous: int) -> Usage:
        """What the provider makes and writes into its book: at most `max_tokens`, unless it overruns."""
        args = ModelArgs.model_validate(command.payload["args"])
        most = args.max_tokens
        if self._chance(generous):
            most *= 3
        output = most if self._chance(self.habits.whole) else self.random.randint(1, most)
        size = sum(len(part.text or "") for message in args.messages for part in message.content)
        usage = usage_of(self.card.models[args.alias].price, self.random.randint(1, size), output)
        self.book.append((call, usage.cost_nano))
        return usage

    def _chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent


def usage_of(price: PriceCard, input_tokens: int, output_tokens: int) -> Usage:
    """Usage at the dearest input rate."""
    cost = input_tokens * max(price.input, price.cache_write) + output_tokens * price.output
    total = input_tokens + output_tokens
    return Usage(tokens=total, input_tokens=input_tokens, output_tokens=output_tokens, cost_nano=cost)
