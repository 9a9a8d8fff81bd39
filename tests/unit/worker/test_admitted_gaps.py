"""What a worker tells a run of what it does not have, and of what it has had since a moment ago."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.admit import Admission, Offer
from activities.seal import SealKeys
from activities.tools.reloading import LiveCards, LiveToolbox
from policies.document import builtin_policy
from tests.unit.tools.test_reloading import written
from workflows.contracts.run import ModelCard, PriceCard

GRAPH: dict[str, Any] = {
    "graph": "lacking",
    "version": "1.0.0",
    "capabilities": [{"tool": ["**"]}, {"model": ["*"]}, {"fs.read": ["**"]}],
    "start": "one",
    "nodes": {
        "one": {"kind": "tool", "tool": "text.shout", "with": {"text": "a"}, "next": "two"},
        "two": {"kind": "model", "model": "grand", "prompt": "Hi", "next": "three"},
        "three": {
            "kind": "agent",
            "model": "default",
            "prompt": "Hi",
            "tools": ["fs.read"],
            "skills": ["s"],
            "next": "end",
        },
    },
}
DEFAULT = ModelCard(
    alias="default", provider="scripted", model="m", max_tokens=9, context=99, price=PriceCard(), digest="d"
)


def admission(toolbox: LiveToolbox) -> Admission:
    """A worker with these tools and one model."""
    offer = Offer(builtin_policy(), "default", "detent", LiveCards(toolbox), {"default": DEFAULT})
    return Admission(offer, SealKeys(bytes(32)))


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    directory = tmp_path / "tools"
    directory.mkdir()
    return directory


def started(**changes: Any) -> dict[str, Any]:
    return {"v": 1, "graph": GRAPH, **changes}


def test_a_run_that_may_have_gaps_is_told_of_them_and_admitted(tools: Path) -> None:
    card = admission(LiveToolbox([tools], entry_points=False)).card(started(allow_gaps=True), "default/lacking/k")
    assert card.missing == ("tool:text.shout", "model:grand", "skill:s")
    assert sorted(card.tools) == ["fs.read", "load_skill"]
    assert [warning for warning in card.warnings if "`text.shout` is not in the catalog" in warning]


def test_any_other_run_is_not(tools: Path) -> None:
    with pytest.raises(ApplicationError) as caught:
        admission(LiveToolbox([tools], entry_points=False)).card(started(), "default/lacking/k")
    assert caught.value.type == "InvalidDocument"


async def test_a_run_that_starts_after_a_file_was_written_has_its_tool(tools: Path) -> None:
    toolbox = LiveToolbox([tools], entry_points=False)
    worker = admission(toolbox)
    toolbox.on_change(worker.forget)
    before = worker.card(started(allow_gaps=True), "default/lacking/k")
    written(tools / "shout.py")
    await toolbox.refresh()
    after = worker.card(started(allow_gaps=True), "default/lacking/k")
    assert "tool:text.shout" in before.missing
    assert "tool:text.shout" not in after.missing
    assert after.tools["text.shout"].digest == LiveCards(toolbox)["text.shout"].digest
    assert not [warning for warning in after.warnings if "text.shout" in warning], "the graph was checked anew"
