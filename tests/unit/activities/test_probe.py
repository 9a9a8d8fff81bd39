"""Whether a worker has what a run lacks: what it says, and what it never says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.models.catalogue import load_catalogue
from activities.probe import Prober, Stock
from activities.skills import Shelf
from activities.tools.reloading import LiveToolbox
from tests.unit.tools.test_reloading import written
from workflows.contracts.run import ModelCard, SkillCard, ToolCard

MODELS = """
models:
  keyed: {provider: anthropic, model: claude-haiku-4-5, api_key: "env:SOME_KEY"}
  script: {provider: scripted, script: replies.yaml}
"""


@pytest.fixture
def stock(tmp_path: Path) -> Stock:
    (tmp_path / "tools").mkdir()
    skill = tmp_path / "skills" / "styling"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: styling\ndescription: How to write.\n---\n\nShort.\n", encoding="utf-8")
    (tmp_path / "replies.yaml").write_text("replies: [{default: true, text: done}]\n", encoding="utf-8")
    (tmp_path / "models.yaml").write_text(MODELS, encoding="utf-8")
    environ: dict[str, str] = {}
    shelf = Shelf((tmp_path / "skills",))
    catalogue = load_catalogue(tmp_path / "models.yaml", None, environ=environ)
    return Stock(LiveToolbox([tmp_path / "tools"], entry_points=False, shelf=shelf), catalogue, shelf, environ)


async def looked(stock: Stock, kind: str, name: object, **changes: object) -> dict[str, Any]:
    """What `run.probe` says to a run of tenant `default`."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, workflow_id="default/g/k")
    wanted = {"v": 1, "kind": kind, "name": name, "tenant": "default", **changes}
    found: dict[str, Any] = await environment.run(Prober(stock).probe, wanted)
    return found


async def test_a_tool_whose_file_has_just_been_written_is_found(stock: Stock, tmp_path: Path) -> None:
    missing = await looked(stock, "tool", "text.shout")
    assert "this worker has no tool `text.shout`" in missing["failed"]
    assert "card" not in missing
    written(tmp_path / "tools" / "shout.py")
    for kind in ("tool", "tool_changed"):
        found = await looked(stock, kind, "text.shout")
        assert ToolCard.model_validate(found["card"]).name == "text.shout"
        assert "failed" not in found


async def test_a_model_is_found_by_its_alias(stock: Stock) -> None:
    found = await looked(stock, "model", "script")
    assert ModelCard.model_validate(found["card"]).alias == "script"
    assert "`keyed`, `script`" in (await looked(stock, "model", "grand"))["failed"]


async def test_of_a_key_only_whether_it_is_there_is_said(stock: Stock) -> None:
    missing = await looked(stock, "credential", "keyed")
    assert missing["failed"].startswith("`env:SOME_KEY` is not set")
    environ = stock.environ
    assert isinstance(environ, dict)
    environ["SOME_KEY"] = "canary-0123456789"
    assert await looked(stock, "credential", "keyed") == {"v": 1}
    assert await looked(stock, "credential", "script") == {"v": 1}, "it needs none"
    assert "no alias" in (await looked(stock, "credential", "grand"))["failed"]


async def test_a_skill_is_found_by_its_name(stock: Stock, tmp_path: Path) -> None:
    found = await looked(stock, "skill", "styling")
    assert SkillCard.model_validate(found["card"]).description == "How to write."
    assert (await looked(stock, "skill", "other"))["failed"] == "this worker has no skill `other`"
    (tmp_path / "skills" / "styling" / "SKILL.md").write_text("no front matter", encoding="utf-8")
    broken = (await looked(stock, "skill", "styling"))["failed"]
    assert broken.startswith("skill `styling` is not sound on this worker")
    assert str(tmp_path) not in broken


@pytest.mark.parametrize("kind", ["mcp_server", "agent", "capability", "nonsense"])
async def test_what_no_worker_can_take_in_is_said_to_be_that(stock: Stock, kind: str) -> None:
    assert (await looked(stock, kind, "x"))["failed"] == f"this worker cannot take in a `{kind}`"


async def test_a_run_of_another_tenant_is_told_nothing(stock: Stock) -> None:
    with pytest.raises(ApplicationError) as caught:
        await looked(stock, "model", "script", tenant="other")
    assert (caught.value.type, caught.value.non_retryable) == ("TenantNotAllowed", True)
    assert (await looked(stock, "model", "script"))["card"], "its own is"


async def test_what_is_no_question_is_refused_for_good(stock: Stock) -> None:
    with pytest.raises(ApplicationError) as caught:
        await looked(stock, "model", 3)
    assert (caught.value.type, caught.value.non_retryable) == ("Internal", True)
