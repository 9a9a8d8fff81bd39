"""What holds for every graph and every order of events."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.canonical import digest
from tests.support.cards import policy_document, run_card
from tests.support.graphs import graphs
from tests.support.simulator import Simulator
from workflows.contracts.calls import Call
from workflows.contracts.names import ENGINE
from workflows.contracts.pause import Answer
from workflows.engine import events
from workflows.engine.digest import decision_digest

if TYPE_CHECKING:
    from workflows.contracts.run import RunView

SLOW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
MAX_EVENTS = 400


class Host:
    """Plays the world for one run: completes, fails and answers in an order that a seed decides."""

    def __init__(self, document: dict[str, object], seed: int, *, trouble: bool) -> None:
        self.random = random.Random(seed)  # noqa: S311  a schedule, not a secret
        self.trouble = trouble
        self.run = Simulator(document, run_card(policy_document()))
        self.log: list[events.Event] = []

    def play(self) -> RunView:
        """Run to the end, or until only people could go on and nobody is left to ask."""
        self.feed(events.RunStarted(self.run.now_ms))
        while not self.run.engine.over and len(self.log) < MAX_EVENTS:
            choices = [*self.outcomes(), *self.moves()]
            assert choices, f"the run stalled in phase {self.run.engine.phase}"
            self.feed(self.random.choice(choices))
        return self.run.engine.view()

    def feed(self, event: events.Event) -> None:
        """Apply one event and remember it."""
        self.run.now_ms += 7
        self.log.append(event)
        self.run.feed(event)

    def outcomes(self) -> list[events.Event]:
        """How each call in flight could end."""
        at = self.run.now_ms
        found: list[events.Event] = []
        for call, command in self.run.calls.items():
            # The result depends on which call it is and never on when it ends.
            y = int(digest(call)[:4], 16) % 7
            found.append(events.CallSucceeded(at, call, {"y": y}))
            if self.trouble:
                found.append(events.CallFailed(at, call, "ToolFailed", "it failed", 1))
                if command.cancellable:
                    found.append(events.CallCancelled(at, call))
        return found

    def moves(self) -> list[events.Event]:
        """What timers and people could do."""
        at = self.run.now_ms
        found: list[events.Event] = [events.TimerFired(due, timer) for timer, due in self.run.timers.items()]
        for pause in self.run.engine.pauses():
            outcomes = [outcome for outcome in pause.outcomes if outcome not in ("complete", "abort")]
            found += [
                events.AnswerArrived(at, Answer(pause=pause.id, outcome=outcome, by="ann")) for outcome in outcomes
            ]
        if self.run.engine.phase == "paused":
            return [*found, events.HoldLifted(at, "ann")]
        if self.trouble and self.random.random() < 0.1:
            found.append(events.HoldRequested(at, "ann"))
        return found


@SLOW
@given(document=graphs(trouble=False), seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_order_of_completion_does_not_change_the_state(document: dict[str, object], seeds: tuple[int, int]) -> None:
    one, two = (Host(document, seed, trouble=False).play() for seed in seeds)
    assert one.phase == two.phase == "completed"
    assert one.state == two.state
    assert one.output == two.output


@SLOW
@given(document=graphs(), seed=st.integers(0, 10_000))
def test_same_events_give_the_same_commands_and_state(document: dict[str, object], seed: int) -> None:
    host = Host(document, seed, trouble=True)
    view = host.play()
    again = Simulator(document, run_card(policy_document()))
    for event in host.log:
        again.feed(event)
    assert again.engine.view() == view
    assert again.every_call == host.run.every_call


@SLOW
@given(document=graphs(), seed=st.integers(0, 10_000))
def test_every_run_ends_or_waits_and_no_call_lacks_a_decision(document: dict[str, object], seed: int) -> None:
    host = Host(document, seed, trouble=True)
    host.play()
    card = host.run.card
    ids = [command.activity_id for command in host.run.every_call]
    assert len(ids) == len(set(ids))
    for command in host.run.every_call:
        payload = Call.model_validate(command.payload)
        assert len(json.dumps(command.payload["decision"])) <= 200
        assert payload.name != "forbidden"
        assert payload.name != "risky" or payload.permit is not None
        assert payload.decision.digest == decision_digest(
            engine=ENGINE,
            kind="tool",
            name=payload.name,
            args_digest=digest(payload.args),
            tool_digest=card.tools[payload.name].digest,
            policy=card.policy_digest[:16],
            verdict=payload.decision.verdict,
            rules=payload.decision.rules,
        )


@SLOW
@given(document=graphs(), seed=st.integers(0, 10_000), moment=st.integers(1, 12))
def test_a_cancelled_run_ends_once_its_effects_have(document: dict[str, object], seed: int, moment: int) -> None:
    host = Host(document, seed, trouble=True)
    host.feed(events.RunStarted(host.run.now_ms))
    for _ in range(moment):
        if not host.run.engine.over and (choices := [*host.outcomes(), *host.moves()]):
            host.feed(host.random.choice(choices))
    host.feed(events.CancelRequested(host.run.now_ms, "ann"))
    for call, command in list(host.run.calls.items()):
        at = host.run.now_ms
        host.feed(events.CallCancelled(at, call) if command.cancellable else events.CallSucceeded(at, call, {"y": 1}))
    assert host.run.engine.over
    assert host.run.timers == {}
