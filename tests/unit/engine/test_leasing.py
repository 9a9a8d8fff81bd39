"""A run's share of its tenant's budget: when it is taken, how much, and when it is given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policies.budget import NOTHING, Amount
from tests.support.cards import UNLIMITED, policy_document, run_card
from tests.support.ledger import event, message
from tests.support.simulator import START_MS, Simulator
from tests.unit.engine.test_engine import graph
from workflows.contracts.calls import Call
from workflows.contracts.leases import Ask, Reply
from workflows.engine import commands, events
from workflows.ledger.book import Book

if TYPE_CHECKING:
    from collections.abc import Mapping

PURE: dict[str, object] = {"kind": "tool", "tool": "pure", "with": {"x": 1}}
MODEL: dict[str, object] = {"kind": "model", "model": "default", "prompt": "hi"}
HUMAN: dict[str, object] = {"kind": "human", "ask": "Well?", "outcomes": ["go"], "routes": {"go": "end"}}
USED = '{"text": "hi", "tokens": 120, "cost_nano": 90000}'


class Tenant:
    """One run of a tenant with a budget, and the tenant's book."""

    def __init__(
        self, nodes: Mapping[str, object], tenant: object, lifetime: Mapping[str, object] | None = None, **more: object
    ) -> None:
        none = {"tokens": None, "cost_usd": None, "steps": None}
        budgets = {
            **UNLIMITED,
            "tenant": {**none, **tenant} if isinstance(tenant, dict) else tenant,
            **({"lifetime": lifetime} if lifetime else {}),
        }
        card = run_card(policy_document(budgets=budgets, **more))
        self.run = Simulator(graph(dict(nodes)), card)
        self.book = Book()

    def say(self, line: str) -> list[commands.Command]:
        """One event in words; the commands that came of it."""
        before = len(self.run.given)
        self.run.say(line)
        return self.run.given[before:]

    def start(self) -> list[commands.Command]:
        """The run begins, and the ledger answers until it has nothing more to say to it."""
        return self.answered(self.say("start"))

    def over(self) -> bool:
        """Whether the run has ended."""
        return self.run.engine.over

    def busy(self) -> bool:
        """Whether it could not be carried over now."""
        return self.run.engine.busy

    def answered(self, given: list[commands.Command]) -> list[commands.Command]:
        """The ledger's answers; the commands that came of the last one."""
        while (asked := lease_in(given)) is not None:
            given = self.told(asked, self.ledger(asked))
        return given

    def ledger(self, asked: commands.TakeLease | commands.SettleLease) -> Reply:
        """What the tenant's book says."""
        self.book.advance(self.run.now_ms)
        said = message("run-1", asked)
        return self.book.ask(said) if isinstance(said, Ask) else self.book.back(said)

    def told(self, asked: commands.TakeLease | commands.SettleLease, reply: Reply | None) -> list[commands.Command]:
        """The reply arrives, or nothing does."""
        before = len(self.run.given)
        self.run.now_ms += 10
        self.run.feed(event(self.run.now_ms, asked, reply))
        return self.run.given[before:]


def lease_in(given: list[commands.Command]) -> commands.TakeLease | commands.SettleLease | None:
    """The one thing that the ledger is told."""
    return next((one for one in given if isinstance(one, commands.TakeLease | commands.SettleLease)), None)


def take(given: list[commands.Command]) -> commands.TakeLease:
    """The lease that is asked for, and nothing else."""
    (command,) = [one for one in given if not isinstance(one, commands.TellAnswer)]
    assert isinstance(command, commands.TakeLease)
    return command


def settled(given: list[commands.Command]) -> commands.SettleLease:
    """The lease that is given back."""
    command = lease_in(given)
    assert isinstance(command, commands.SettleLease)
    return command


@pytest.mark.parametrize("tenant", [None, {"tokens": None, "cost_usd": None, "steps": None}])
def test_a_tenant_without_a_budget_costs_nothing(tenant: object) -> None:
    run = Tenant({"a": {**PURE, "next": "end"}}, tenant)
    run.start()
    run.say("ok a#1:1 {}")
    assert [type(one).__name__ for one in run.run.given] == ["StartCall", "FinishRun"]
    assert "tenant" not in run.run.engine.view().budget


def test_a_run_that_was_admitted_before_tenants_had_budgets_goes_on_without() -> None:
    card = run_card(policy_document(budgets={**UNLIMITED, "tenant": {"steps": 1}}))
    budgets = {name: limits for name, limits in card.policy["budgets"].items() if name != "tenant"}
    old = card.model_copy(update={"policy": {**card.policy, "budgets": budgets}})
    run = Simulator(graph({"a": {**PURE, "next": "end"}}), old)
    run.say("start")
    assert [type(one).__name__ for one in run.given] == ["StartCall"]


def test_a_run_that_calls_nothing_takes_no_lease() -> None:
    run = Tenant({"a": HUMAN}, {"tokens": 1000})
    assert lease_in(run.start()) is None
    assert [type(one).__name__ for one in run.say("answer p1 go")] == ["TellAnswer", "FinishRun"]


def test_the_first_call_waits_for_a_lease_which_is_given_back_at_the_end() -> None:
    run = Tenant({"a": {**MODEL, "next": "end"}}, {"tokens": 10_000})
    asked = take(run.say("start"))
    assert asked.need == Amount(tokens=1066)
    assert (asked.used, asked.fence) == (Amount(steps=1), 1)
    (call,) = run.told(asked, run.ledger(asked))
    assert isinstance(call, commands.StartCall)
    back = settled(run.say(f"ok a#1:1 {USED}"))
    assert (back.used, back.final) == (Amount(tokens=120, cost_nano=90_000, steps=1), True)
    assert not run.over()
    run.answered([back])
    assert run.over()
    assert run.book.windows["day"].amount == back.used


def test_a_slice_is_a_tenth_of_the_lifetimes_budget() -> None:
    lifetime = {"tokens": 50_000, "cost_usd": None, "steps": 100, "wall_clock": None, "tool_calls": None}
    run = Tenant({"a": {**PURE, "next": "end"}}, {"tokens": 10**6, "steps": 900, "tool_calls": 400}, lifetime)
    want = take(run.say("start")).want
    assert (want.tokens, want.steps, want.tool_calls, want.cost_nano) == (5000, 10, 4, 0)


def test_what_is_left_of_a_lifetime_bounds_the_slice() -> None:
    lifetime = {"tokens": 1200, "cost_usd": None, "steps": 3, "wall_clock": None, "tool_calls": None}
    run = Tenant({"a": {**PURE, "next": "b"}, "b": {**MODEL, "next": "end"}}, {"tokens": 10**6}, lifetime)
    run.start()
    asked = take(run.say("ok a#1:1 {}"))
    assert asked.want.tokens == 1066
    assert asked.want.steps == 1


def test_a_lease_outlasts_every_attempt_of_the_longest_call() -> None:
    run = Tenant({"a": {**PURE, "timeout": "1h", "retry": {"max_attempts": 2}, "next": "end"}}, {"steps": 10})
    asked = take(run.say("start"))
    assert asked.until_ms - START_MS > 2 * 3_600_000
    short = Tenant({"a": {**PURE, "next": "end"}}, {"steps": 10}, budgets_clock())
    assert take(short.say("start")).until_ms == START_MS + 10 + 5_000 + 600_000


def budgets_clock() -> dict[str, object]:
    """A lifetime of five seconds: no call lasts longer."""
    return {"tokens": None, "cost_usd": None, "steps": None, "wall_clock": "5s", "tool_calls": None}


def test_a_call_does_not_start_under_a_lease_that_may_expire_before_it_ends() -> None:
    run = Tenant({"a": {**PURE, "next": "b"}, "b": {**PURE, "next": "end"}}, {"tool_calls": 100})
    run.start()
    expires_ms = run.run.engine._m.state.lease.expires_ms
    run.run.now_ms = expires_ms - 5_000
    asked = take(run.say("ok a#1:1 {}"))
    assert asked.fence == 2
    assert asked.need.tool_calls >= 1
    assert isinstance(run.answered([asked])[0], commands.StartCall)


def test_a_larger_lease_never_is_less_than_what_is_left() -> None:
    nodes = {"a": {**PURE, "next": "b"}, "b": {**MODEL, "next": "end"}}
    lifetime = {"tokens": 3000, "cost_usd": None, "steps": None, "wall_clock": None, "tool_calls": 100}
    run = Tenant(nodes, {"tokens": 10_000, "tool_calls": 1000}, lifetime)
    run.start()
    asked = take(run.say("ok a#1:1 {}"))
    assert (asked.need.tokens, asked.need.tool_calls) == (1066, 9)


def test_steps_are_used_up_without_calls_and_asked_for_with_the_next() -> None:
    plan = {"kind": "plan", "rules": [{"to": "b"}]}
    run = Tenant({"a": {**PURE, "next": "p"}, "p": plan, "b": {**PURE, "next": "end"}}, {"steps": 30})
    run.start()
    assert run.run.engine._m.state.lease.granted.steps == 1
    asked = take(run.say("ok a#1:1 {}"))
    assert asked.used.steps == 3
    run.answered([asked])
    assert run.run.engine.view().budget["tenant"].used["steps"] == 3


def test_a_run_that_waits_for_a_person_gives_its_lease_back_and_takes_another() -> None:
    human = {**HUMAN, "routes": {"go": "b"}}
    run = Tenant({"a": {**PURE, "next": "h"}, "h": human, "b": {**PURE, "next": "end"}}, {"tool_calls": 10})
    run.start()
    back = settled(run.say("ok a#1:1 {}"))
    assert not back.final
    assert run.answered([back]) == []
    assert run.book.leased == NOTHING
    assert run.run.engine.phase == "waiting"
    assert take(run.say("answer p1 go")).fence == 2


def test_an_answer_that_comes_while_the_lease_is_given_back_waits_for_that() -> None:
    human = {**HUMAN, "routes": {"go": "b"}}
    run = Tenant({"a": {**PURE, "next": "h"}, "h": human, "b": {**PURE, "next": "end"}}, {"tool_calls": 10})
    run.start()
    back = settled(run.say("ok a#1:1 {}"))
    assert lease_in(run.say("answer p1 go")) is None
    assert take(run.told(back, run.ledger(back))).fence == 2


@pytest.mark.parametrize(("wait", "kept"), [("30s", True), ("2h", False)])
def test_a_short_wait_keeps_the_lease(wait: str, *, kept: bool) -> None:
    waits = {"kind": "wait", "for": wait, "next": "b"}
    run = Tenant({"a": {**PURE, "next": "w"}, "w": waits, "b": {**PURE, "next": "end"}}, {"tool_calls": 10})
    run.start()
    assert (lease_in(run.say("ok a#1:1 {}")) is None) is kept


def test_a_held_run_and_one_that_is_carried_over_give_back() -> None:
    run = Tenant({"a": {**PURE, "next": "b"}, "b": {**PURE, "next": "end"}}, {"tool_calls": 10})
    run.start()
    assert lease_in(run.say("drain")) is None
    assert run.busy()
    back = settled(run.say("ok a#1:1 {}"))
    assert run.answered([back]) == []
    assert not run.busy()
    assert take(run.say("carry")).known == Amount(steps=2, tool_calls=1)


def test_a_budget_that_is_used_up_refuses_the_call() -> None:
    run = Tenant({"a": {**PURE, "next": "b"}, "b": {**PURE, "next": "end"}}, {"tool_calls": 1})
    run.start()
    run.answered(run.say("ok a#1:1 {}"))
    view = run.run.engine.view()
    assert view.error is not None
    assert view.error.type == "BudgetExceeded"
    assert "have used 1 of 1 tool_calls of this day" in view.error.message
    assert view.budget["tenant"].limit["tool_calls"] == 1
    assert run.book.leased == NOTHING


def test_a_model_call_is_cut_down_to_what_the_tenant_has_left() -> None:
    run = Tenant({"a": {**MODEL, "next": "end"}}, {"tokens": 500})
    (call,) = run.start()
    assert isinstance(call, commands.StartCall)
    assert Call.model_validate(call.payload).args["max_tokens"] == 434


def test_a_ledger_that_is_away_is_asked_again_and_no_call_starts() -> None:
    run = Tenant({"a": {**PURE, "next": "end"}}, {"tool_calls": 10})
    waits = []
    given = run.say("start")
    for _ in range(7):
        (timer,) = run.told(take(given), None)
        assert isinstance(timer, commands.StartTimer)
        waits.append(timer.due_ms - run.run.now_ms)
        assert run.run.engine.view().warnings == ("calls wait for a share of the tenant's budget: it is away",)
        run.run.now_ms = timer.due_ms
        given = run.say("+0 timer lease:again")
    assert waits == [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]
    assert run.run.every_call == []
    run.answered(given)
    assert len(run.run.every_call) == 1
    assert run.run.engine.view().warnings == ()


def test_a_lease_that_is_too_small_is_not_asked_for_at_once_again() -> None:
    run = Tenant({"a": {**PURE, "next": "end"}}, {"tool_calls": 10})
    given = run.told(take(run.say("start")), Reply(fence=1))
    assert [type(one).__name__ for one in given] == ["StartTimer"]
    assert run.run.engine.view().warnings[0].endswith("the lease that was granted is too small")


def test_whoever_waits_for_others_gives_back_what_it_has() -> None:
    run = Tenant({"a": {**PURE, "next": "b"}, "b": {**PURE, "next": "end"}}, {"tool_calls": 10, "tokens": 0})
    run.start()
    run.run.now_ms = run.run.engine._m.state.lease.expires_ms
    asked = take(run.say("ok a#1:1 {}"))
    given = run.told(asked, None)
    assert [type(one).__name__ for one in given] == ["StartTimer", "SettleLease"]
    assert run.told(settled(given), None) == []
    assert take(run.say("timer lease:again")).known == Amount(steps=1)


def test_a_run_that_ends_while_it_waits_forgets_its_timer() -> None:
    run = Tenant({"a": {**PURE, "next": "end"}}, {"tool_calls": 10})
    run.told(take(run.say("start")), None)
    given = run.say("cancel")
    assert [type(one).__name__ for one in given] == ["CancelTimer", "FinishRun"]


def test_a_run_that_is_cancelled_while_it_asks_waits_for_the_reply_and_gives_back() -> None:
    run = Tenant({"a": {**PURE, "next": "end"}}, {"tool_calls": 10})
    asked = take(run.say("start"))
    assert run.say("cancel") == []
    back = settled(run.told(asked, run.ledger(asked)))
    assert back.final
    run.told(back, None)
    assert run.over()
    assert run.run.every_call == []


def test_replies_that_nobody_waits_for_change_nothing() -> None:
    run = Tenant({"a": {**PURE, "next": "end"}}, {"tool_calls": 10})
    asked = take(run.say("start"))
    late = commands.TakeLease(NOTHING, NOTHING, 9, NOTHING, NOTHING, 0, ())
    assert run.told(late, Reply(fence=9, expires_ms=1)) == []
    assert run.told(commands.SettleLease(NOTHING, NOTHING, 1, final=True), Reply()) == []
    run.told(asked, run.ledger(asked))
    assert run.told(asked, Reply(fence=1, expires_ms=1)) == []
    assert run.run.engine.view().budget["tenant"].reserved["tool_calls"] == 1


def test_two_calls_share_one_lease_and_the_second_asks_for_more() -> None:
    opening = {"over": "${input.n}", "as": "n", "to": "work", "join": "merge", "max_concurrency": 9}
    nodes = {
        "open": {"kind": "plan", "rules": [{"map": opening}]},
        "work": PURE,
        "merge": {"kind": "plan", "rules": [{"to": "end"}]},
    }
    budgets = {**UNLIMITED, "tenant": {"tokens": None, "cost_usd": None, "steps": None, "tool_calls": 4}}
    run = Simulator(graph(nodes), run_card(policy_document(budgets=budgets)), {"n": [1, 2, 3]})
    book, asked = Book(), lease_in(run.feed(events.RunStarted(run.now_ms)))
    fences = []
    while asked is not None:
        fences.append(asked.fence)
        book.advance(run.now_ms)
        said = message("run-1", asked)
        assert isinstance(said, Ask)
        asked = lease_in(run.feed(event(run.now_ms, asked, book.ask(said))))
    assert fences == [1, 2, 3]
    assert len(run.every_call) == 3
    assert book.leased.tool_calls == 3
