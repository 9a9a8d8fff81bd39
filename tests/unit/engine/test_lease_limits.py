"""What a lease must hold as limits change, and what a refused one leaves the run knowing of its tenant."""

from __future__ import annotations

from tests.support.asking import people, taken
from tests.support.cards import UNLIMITED, policy_document, run_card
from tests.support.ledger import message
from tests.support.simulator import START_MS, Simulator
from tests.unit.engine.test_engine import graph
from tests.unit.engine.test_leasing import MODEL, PURE, Tenant, budgets_clock, lease_in, take
from workflows.contracts.leases import Ask, Units, WindowLimits
from workflows.engine import commands


def test_a_refusal_does_not_count_twice_what_the_run_has_told_the_ledger() -> None:
    nodes = {"a": {**MODEL, "next": "b"}, "b": {**MODEL, "next": "end"}}
    run = Tenant(nodes, {"tokens": 4000})
    run.start()
    window = WindowLimits(per="day", tokens=4000)
    rest = Units(tokens=2500)
    other = Ask(
        workflow_id="o",
        run_id="o",
        fence=1,
        used=Units(),
        want=rest,
        need=rest,
        until_ms=2 * START_MS,
        windows=(window,),
    )
    assert run.book.ask(other).granted == rest
    given = run.say('ok a#1:1 {"text": "hi", "tokens": 1000}')
    while (asked := lease_in(given)) is not None:
        given = run.told(asked, run.ledger(asked))
        assert run.run.engine.view().budget["tenant"].used["tokens"] == 1000


def test_people_who_give_a_run_more_time_give_its_leases_more() -> None:
    later = {**PURE, "timeout": "2h", "retry": {"max_attempts": 1}, "next": "end"}
    budgets = {
        **UNLIMITED,
        "lifetime": budgets_clock(),
        "tenant": {"tokens": None, "cost_usd": None, "steps": None, "tool_calls": 100},
        "max_raise": {"wall_clock": "5h"},
    }
    policy = policy_document(budgets=budgets, answerers=people(), triggers={"on_budget": {"ui": "modal"}})
    run = Tenant({"a": {**PURE, "next": "b"}, "b": later}, None)
    run.run = Simulator(graph({"a": {**PURE, "next": "b"}, "b": later}), run_card(policy))
    run.start()
    run.answered(run.say("+4700 ok a#1:1 {}"))
    before = len(run.run.given)
    taken(run.run, "p1", "raise", "ada", data={"wall_clock": "4h"})
    (call,) = run.answered(run.run.given[before:])
    assert isinstance(call, commands.StartCall)


def test_a_unit_that_the_workers_policy_limits_since_holds_the_run_too() -> None:
    run = Tenant({"a": {**MODEL, "next": "end"}}, {"cost_usd": 1})
    given = run.say("start")
    for _ in range(2):
        asked = take(given)
        said = message("run-1", asked)
        assert isinstance(said, Ask)
        said = said.model_copy(update={"windows": (*said.windows, WindowLimits(per="day", tokens=10))})
        run.book.advance(run.run.now_ms)
        given = run.told(asked, run.book.ask(said))
        if run.run.timers:
            run.run.now_ms = run.run.timers["lease:again"]
            run.answered(given)
            given = run.say("+0 timer lease:again")
    assert run.run.every_call == []
    error = run.run.engine.view().error
    assert error is not None
    assert "10 tokens of this day" in error.message
