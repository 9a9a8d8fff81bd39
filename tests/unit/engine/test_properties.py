"""What holds for every graph and every order of events."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.canonical import digest
from tests.support.cards import run_card
from tests.support.graphs import budgets, graphs
from tests.support.host import Host
from tests.support.rules import rules
from tests.support.simulator import Simulator
from workflows.contracts.calls import Call
from workflows.contracts.names import ENGINE
from workflows.engine import events
from workflows.engine.digest import decision_digest

SLOW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(document=graphs(trouble=False, depth=2), seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_order_of_completion_does_not_change_the_state(document: dict[str, object], seeds: tuple[int, int]) -> None:
    one, two = (Host(document, seed, trouble=False).play() for seed in seeds)
    assert one.phase == two.phase == "completed"
    assert one.state == two.state
    assert one.output == two.output


@SLOW
@given(document=graphs(), limits=budgets(), seed=st.integers(0, 10_000))
def test_same_events_give_the_same_commands_and_state(
    document: dict[str, object], limits: dict[str, object], seed: int
) -> None:
    host = Host(document, seed, trouble=True, budgets=limits)
    view = host.play()
    again = Simulator(document, run_card(host.policy))
    for event in host.log:
        again.feed(event)
    assert again.engine.view() == view
    assert again.every_call == host.run.every_call


@SLOW
@given(document=graphs(), limits=budgets(), seed=st.integers(0, 10_000))
def test_every_run_ends_or_waits_and_no_call_lacks_a_decision(
    document: dict[str, object], limits: dict[str, object], seed: int
) -> None:
    host = Host(document, seed, trouble=True, budgets=limits)
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
            kind="model" if command.model else "tool",
            name=payload.name,
            args_digest=digest(payload.args),
            tool_digest=(card.models if command.model else card.tools)[payload.name].digest,
            policy=card.policy_digest[:16],
            verdict=payload.decision.verdict,
            rules=payload.decision.rules,
        )


@settings(SLOW, max_examples=40)
@given(document=graphs(), parts=rules(), seed=st.integers(0, 10_000))
def test_no_order_of_events_lets_a_call_through_that_the_policy_refuses(
    document: dict[str, object], parts: dict[str, object], seed: int
) -> None:
    host = Host(document, seed, trouble=True, **parts)
    view = host.play()
    ids = [command.activity_id for command in host.run.every_call]
    assert len(ids) == len(set(ids))
    assert not {"forbidden"} & {command.payload["name"] for command in host.run.every_call}
    unseen = Simulator(document, run_card(host.policy))
    for event in host.log:
        unseen.feed(event)
    assert unseen.given == host.run.given
    assert unseen.engine.view() == view


@SLOW
@given(document=graphs(), seed=st.integers(0, 10_000), moment=st.integers(1, 12))
def test_a_cancelled_run_ends_once_its_effects_have(document: dict[str, object], seed: int, moment: int) -> None:
    host = Host(document, seed, trouble=True)
    host.feed(events.RunStarted(host.run.now_ms))
    for _ in range(moment):
        if not host.run.engine.over and (choices := host.choices()):
            host.feed(host.random.choice(choices))
    host.feed(events.CancelRequested(host.run.now_ms, "ann"))
    for call, command in list(host.run.calls.items()):
        at = host.run.now_ms
        host.feed(events.CallCancelled(at, call) if command.cancellable else events.CallSucceeded(at, call, {"y": 1}))
    assert host.run.engine.over
    assert host.run.timers == {}
