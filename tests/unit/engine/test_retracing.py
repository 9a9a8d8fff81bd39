"""A run that is routed again from what its visits came to goes the same way, whatever happened in it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.call_records import CallLog
from cli.envelopes import Envelopes
from cli.executions import Executions
from cli.records import Header, Maker
from cli.retraced import Difference, retrace
from tests.support.cards import run_card
from tests.support.graphs import budgets, graphs
from tests.support.host import Host
from workflows.contracts.records import LifetimeRecord
from workflows.engine import events
from workflows.engine.engine import Engine
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from activities.ports import BlobStore
    from workflows.contracts.records import PlanExecution, TaskExecution
    from workflows.language.graph import Graph

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def followed(host: Host, graph: Graph, count: int | None = None) -> Envelopes:
    """The records of a run up to its `count`-th event, as `detent records` would make them."""
    engine, seen = Engine(graph, run_card(host.policy), host.run.facts), Executions()
    engine.follow(seen)
    for event in host.log[:count]:
        engine.apply(event)
    view = engine.view()
    common = {
        "graph": "random@1.0.0",
        "graph_digest": graph.digest,
        "lifetime_id": view.id,
        "run_id": "run-1",
        "first_run_id": "run-1",
        "tenant": "default",
    }
    nowhere: Any = None
    store: BlobStore = nowhere
    maker = Maker(seen, view, CallLog(nowhere, {}), Header(common, "default", "run-1"), store)
    lifetime, *executions = asyncio.run(maker.records(None, whole=seen.whole))
    assert isinstance(lifetime, LifetimeRecord)
    return Envelopes(lifetime, [one for one in executions if not isinstance(one, LifetimeRecord)])


@SLOW
@given(document=graphs(), limits=budgets(), seed=st.integers(0, 10_000))
def test_the_same_records_give_the_same_edges(document: dict[str, object], limits: dict[str, object], seed: int) -> None:
    host = Host(document, seed, trouble=True, budgets=limits)
    host.play()
    graph = compile_graph(document)
    assert retrace(followed(host, graph), graph) is None


@SLOW
@given(document=graphs(), seed=st.integers(0, 10_000), part=st.floats(0, 1))
def test_so_do_those_of_a_run_that_goes_on(document: dict[str, object], seed: int, part: float) -> None:
    host = Host(document, seed, trouble=True)
    host.play()
    graph = compile_graph(document)
    assert retrace(followed(host, graph, 1 + int(part * len(host.log))), graph) is None
