"""The end of a call may wait in the inbox while the engine gives the call up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.shell.perform import Performer

if TYPE_CHECKING:
    from workflows.engine.events import Event


def test_a_call_that_has_ended_may_still_be_given_up() -> None:
    posted: list[Event] = []
    Performer(posted.append).cancel_call("open#1[0]/work#1:1")
    assert posted == []
