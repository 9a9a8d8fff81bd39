"""A tool that was swapped between the run's first look at it and the call: nothing of the new code runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.dispatch import Dispatch
from activities.tools.reloading import LiveToolbox
from policies.document import parse_policy
from tests.support.calls import attempt, attempt_with, call, card_digest, reach
from workflows.contracts.run import ToolCard

TOOL = '''
from pathlib import Path
from activities.tools.declare import Effect, Risk, ToolContext, tool

@tool("mark", effect=Effect.READ, risk=Risk.LOW, timeout="5s")
async def mark(context: ToolContext, place: str) -> str:
    """Leave a mark."""
    Path(place).write_text("{mark}", encoding="utf-8")
    return "{mark}"
'''


ALLOWING = {"policy": "p", "version": 1, "tenants": {"default": {"allow": [{"tool": ["**"]}]}}}


class Swapped:
    """A worker whose tool a run has pinned, and whose file is another by now."""

    def __init__(self, root: Path) -> None:
        self.file = root / "tools" / "mark.py"
        self.file.parent.mkdir()
        self.mark = root / "mark"
        self.write("old")
        self.toolbox = LiveToolbox([self.file.parent], entry_points=False)
        self.parts = dataclasses.replace(reach(root, policy=parse_policy(ALLOWING)), toolbox=self.toolbox)
        self.pinned = card_digest(self.parts, "mark")
        self.dispatch = Dispatch(self.parts)

    def write(self, text: str) -> None:
        """Put a version in place."""
        self.file.write_text(TOOL.replace("{mark}", text), encoding="utf-8")

    def called(self, digest: str, **changes: Any) -> dict[str, Any]:
        """A call of the tool as it was decided about the version with this digest."""
        made = call("mark", {"place": str(self.mark)}, digest)
        return {**made, "tool": digest[:12], **changes}


@pytest.fixture
def worker(tmp_path: Path) -> Swapped:
    return Swapped(tmp_path)


async def refused(worker: Swapped, argument: object) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await attempt_with(worker.dispatch, argument)
    return caught.value


async def test_the_pinned_version_runs(worker: Swapped) -> None:
    assert (await attempt_with(worker.dispatch, worker.called(worker.pinned)))["output"] == "old"


async def test_a_swapped_version_does_not_run_and_shows_itself(worker: Swapped) -> None:
    worker.write("new")
    await worker.toolbox.refresh()
    error = await refused(worker, worker.called(worker.pinned))
    assert (error.type, error.non_retryable) == ("ToolChanged", True)
    details = error.details[0]
    assert (details["tool"], details["billed"]) == ("mark", "no")
    assert ToolCard.model_validate(details["card"]).digest == card_digest(worker.parts, "mark") != worker.pinned
    assert not worker.mark.exists()


async def test_without_the_digits_the_decision_still_holds_it_back(worker: Swapped) -> None:
    worker.write("new")
    await worker.toolbox.refresh()
    error = await refused(worker, worker.called(worker.pinned, tool=None))
    assert (error.type, error.details[0]["rule"]) == ("PolicyDenied", "edge.decision")
    assert not worker.mark.exists()


async def test_with_both_checks_satisfied_the_swapped_code_runs(worker: Swapped) -> None:
    worker.write("new")
    await worker.toolbox.refresh()
    made = worker.called(card_digest(worker.parts, "mark"))
    assert (await attempt_with(worker.dispatch, made))["output"] == "new"


async def test_a_lost_tool_is_looked_for_once_more_and_then_said_to_be_missing(worker: Swapped) -> None:
    worker.file.unlink()
    await worker.toolbox.refresh()
    error = await refused(worker, worker.called(worker.pinned))
    assert (error.type, error.non_retryable, error.details[0]["tool"]) == ("Gap", False, "mark")
    worker.write("old")
    assert (await attempt_with(worker.dispatch, worker.called(worker.pinned)))["output"] == "old"


async def test_a_toolbox_put_together_by_hand_has_nowhere_to_look(tmp_path: Path) -> None:
    with pytest.raises(ApplicationError) as caught:
        await attempt(reach(tmp_path), call("web.fetch", {}, ""))
    assert caught.value.type == "Gap"
