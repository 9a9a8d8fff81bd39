"""What holds of runs and their tenant's budget for every graph and every order of events."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cards import UNLIMITED, run_card
from tests.support.graphs import graphs
from tests.support.ledger import LedgerHost
from tests.support.rules import rules
from tests.support.simulator import Simulator
from workflows.ledger.book import Book

SLOW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
NONE = {"tokens": None, "cost_usd": None, "steps": None}
tenants = st.fixed_dictionaries(
    {
        "tokens": st.sampled_from([None, 0, 900, 3000, 20_000]),
        "cost_usd": st.sampled_from([None, 1]),
        "steps": st.sampled_from([None, 3, 40]),
        "tool_calls": st.sampled_from([None, 2, 30]),
    }
)


@SLOW
@given(document=graphs(), tenant=tenants, parts=st.just({}) | rules(), seed=st.integers(0, 10_000))
def test_a_run_whose_ledger_is_lost_now_and_then_ends_or_waits_and_keeps_nothing(
    document: dict[str, object], tenant: dict[str, object], parts: dict[str, Any], seed: int
) -> None:
    budgets = {**parts.get("budgets", UNLIMITED), "tenant": tenant}
    host = LedgerHost(document, seed, Book(), trouble=True, **{**parts, "budgets": budgets})
    view = host.play()
    if host.run.engine.over:
        assert not host.run.engine.busy
        assert not host.asked
        assert host.run.engine._m.state.lease.expires_ms == 0
    again = Simulator(document, run_card(host.policy))
    for event in host.log:
        again.feed(event)
    assert again.given == host.run.given
    assert again.engine.view() == view


@SLOW
@given(document=graphs(trouble=False, depth=2), tenant=tenants, seed=st.integers(0, 10_000))
def test_runs_of_one_tenant_together_never_use_more_than_it_has(
    document: dict[str, object], tenant: dict[str, object], seed: int
) -> None:
    book = Book()
    views = [
        LedgerHost(document, seed + number, book, trouble=False, budgets={**UNLIMITED, "tenant": tenant}).play()
        for number in range(3)
    ]
    for unit, used in (("tokens", "tokens"), ("tool_calls", "tool_calls")):
        limit = tenant[unit]
        assert limit is None or sum(getattr(view.usage, used) for view in views) <= limit
    assert book.leased.tokens == book.leased.tool_calls == 0
    assert book.windows["day"].amount.tokens == sum(view.usage.tokens for view in views)
