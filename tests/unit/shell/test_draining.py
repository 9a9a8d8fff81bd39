"""Waiting for the calls in flight before a run is carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from temporalio import workflow

from workflows.shell.agent_lifetime import AgentLifetime

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from workflows.shell.session import Session


class Draining:
    """A session with one call in flight, whose outcome a handler of an update takes in."""

    has_mail = False
    busy = True

    @property
    def engine(self) -> Draining:
        return self

    def work(self) -> None:
        """Nothing is left to do."""


async def test_an_outcome_that_a_handler_took_in_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Draining()

    async def waits(holds: Callable[[], object]) -> None:
        assert not holds()
        session.busy = False  # `repin` applies all mail before its own event
        assert holds(), "nothing else will come: no call is issued meanwhile"

    monkeypatch.setattr(workflow, "wait_condition", waits)
    await AgentLifetime._calls_ended(cast("Session", session))
