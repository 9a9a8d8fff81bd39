"""A fan-out of fifty model calls against a cap of a dollar: the provider never serves more, whatever goes wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.fan_out import BRANCHES, CAP_NANO, Habits, Schedule
from workflows.engine import events

SCHEDULES = 200
CHUNK = 25


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_no_schedule_spends_more_than_the_cap(first: int) -> None:
    for seed in range(first, first + CHUNK):
        schedule = Schedule(seed)
        schedule.play()
        assert schedule.ledger.overrun.cost_nano == 0
        assert schedule.served_nano <= schedule.ledger.used.cost_nano <= CAP_NANO


@pytest.mark.parametrize("first", range(0, 50, CHUNK))
def test_only_a_recorded_overrun_gets_past_the_cap_and_it_stops_the_run(first: int) -> None:
    beyond = 0
    for seed in range(first, first + CHUNK):
        schedule = Schedule(seed, Habits(whole=100, generous=20))
        schedule.play()
        over = schedule.ledger.overrun.cost_nano
        assert schedule.served_nano <= CAP_NANO + over
        beyond += schedule.served_nano > CAP_NANO
        assert not over or schedule.ledger.stopped
        told = schedule.engine.view().budget["lifetime"].overrun.get("cost_usd", 0)
        assert told == over / CAP_NANO
    assert beyond, "no schedule got past the cap: the test shows nothing"


def test_the_schedules_are_worth_something() -> None:
    played = [Schedule(seed) for seed in range(20)]
    for schedule in played:
        schedule.play()
    assert any(schedule.most_at_once < BRANCHES for schedule in played), "the cap never made a call wait"
    assert any(schedule.carried > 1 for schedule in played)
    assert any(schedule.served_nano < schedule.ledger.used.cost_nano for schedule in played)
    assert sum(schedule.served_nano > CAP_NANO // 2 for schedule in played) > 10
    assert any(len({call.rpartition(":")[0] for call in one.issued}) < len(one.issued) for one in played), "no recall"


def _as_free(event: events.Event) -> events.Event:
    """A worker that says of lost and cut calls that nothing was billed, as most do."""
    return replace(event, billed="no") if isinstance(event, events.CallFailed) else event


def _without_usage(event: events.Event) -> events.Event:
    """A provider whose answers do not say what they cost."""
    return replace(event, usage=None) if isinstance(event, events.CallSucceeded | events.CallFailed) else event


def test_lost_calls_that_counted_as_free_would_break_the_cap() -> None:
    with pytest.raises(AssertionError, match="seed 0: unseen"):
        Schedule(0, tell=_as_free).play()


def test_an_answer_without_usage_costs_all_that_was_reserved_for_it() -> None:
    for seed in range(20):
        schedule = Schedule(seed, tell=_without_usage)
        schedule.play()
        assert schedule.served_nano <= schedule.ledger.used.cost_nano <= CAP_NANO
