"""A tool's failure tells nothing about the machine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.tool_errors import MESSAGE_CHARS, plain, without_places
from policies.model import Effect, Risk
from workflows.contracts.run import ToolCard

WORKSPACE = Path("/srv/work")


def card(effect: Effect) -> ToolCard:
    return ToolCard(name="t", effect=effect, risk=Risk.LOW, timeout_s=1, input_schema={}, digest="")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cannot open '/etc/shadow'", "cannot open '<a path outside the workspace>'"),
        ("/srv/work/a/b.py: no such file", "a/b.py: no such file"),
        ("/srv/work is gone", ". is gone"),
        ("/srv/work-evil/x", "<a path outside the workspace>"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("reports/a.md and 1/2", "reports/a.md and 1/2"),
        ("(/usr/lib/python3/x.py:12)", "(<a path outside the workspace>:12)"),
    ],
)
def test_only_paths_in_the_workspace_are_told(text: str, told: str) -> None:
    assert without_places(text, WORKSPACE) == told


def test_a_long_message_is_cut() -> None:
    assert len(without_places("x" * 10_000, WORKSPACE)) == MESSAGE_CHARS + 2


def test_type_details_and_delay_stay_and_the_cause_goes() -> None:
    error = ApplicationError("at /etc/x", {"rule": "r"}, type="ToolFailed", next_retry_delay=timedelta(seconds=3))
    error.__cause__ = ValueError("/etc/secret")
    found = plain(error, card(Effect.READ), WORKSPACE)
    assert (found.type, found.details, found.next_retry_delay) == ("ToolFailed", ({"rule": "r"},), timedelta(seconds=3))
    assert not found.non_retryable
    assert found.__cause__ is None


def test_an_effect_that_may_have_happened_is_not_tried_again() -> None:
    assert plain(ApplicationError("x"), card(Effect.ONCE), WORKSPACE).non_retryable
