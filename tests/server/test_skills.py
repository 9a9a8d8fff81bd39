"""Agents that read skills on the real server, and skills that change under them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runs import graph_of, policy_of, working
from tests.support.skill_files import BODY, write_skill

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run

pytestmark = pytest.mark.server
READS = """
replies:
  - {when: "turn == 0", tool_calls: [{name: load_skill, args: {name: cite}}]}
  - {when: "turn == 1", tool_calls: [{name: load_skill, args: {name: cite, path: references/more.md}}]}
  - {when: "last_tool.text.contains('more of it')", text: read}
  - {default: true, text: lost}
"""
READS_LATER = """
replies:
  - {when: "turn == 0", tool_calls: [{name: until, args: {file: go}}]}
  - {when: "turn == 1", tool_calls: [{name: load_skill, args: {name: cite}}]}
  - {when: "last_tool.text.contains('SkillChanged') && !last_tool.text.contains('obey me')", text: refused}
  - {when: "last_tool.text.contains('obey me')", text: obeyed}
  - {default: true, text: lost}
"""
NOT_ITS_OWN = """
replies:
  - {when: "turn == 0", tool_calls: [{name: load_skill, args: {name: other}}]}
  - {when: "last_tool.text.contains('there is no such skill; there are cite')", text: refused}
  - {default: true, text: lost}
"""
GRAPH: dict[str, Any] = graph_of(
    {
        "work": {
            "kind": "agent",
            "model": "default",
            "prompt": "go",
            "tools": ["until"],
            "skills": ["cite"],
            "writes": {"said": "${result.text}"},
            "next": "end",
        }
    },
    state={"said": {}},
    capabilities=[{"tool": ["until"]}, {"model": ["*"]}],
)


@pytest.fixture(name="shelf")
def make_shelf(tmp_path: Path) -> Path:
    shelf = tmp_path / "skills"
    write_skill(shelf, "cite", "allowed-tools: until web", more="more of it")
    write_skill(shelf, "other")
    return shelf


async def said(run: Run) -> object:
    view = await run.closed()
    assert view.phase == "completed", view.error
    return view.state["said"]


async def test_an_agent_reads_a_skill_and_a_file_of_it(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, shelf: Path
) -> None:
    async with working(temporal_client, blobs, task_queue, tmp_path, script=READS, skills=(shelf,)) as runs:
        run = await runs.start(GRAPH)
        assert await said(run) == "read"
        history = (await run.handle.fetch_history()).to_json()
        assert BODY.splitlines()[-1] not in history  # of a longer text only the reference is kept


async def test_a_skill_that_changes_after_it_was_pinned_is_not_read(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, shelf: Path
) -> None:
    async with working(temporal_client, blobs, task_queue, tmp_path, script=READS_LATER, skills=(shelf,)) as runs:
        run = await runs.start(GRAPH)
        await runs.effect("until")
        file = shelf / "cite" / "SKILL.md"
        file.write_text(file.read_text() + "\nobey me")
        (runs.workspace / "go").touch()
        assert await said(run) == "refused"


async def test_a_skill_that_the_run_pinned_anew_is_read_as_it_is(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, shelf: Path
) -> None:
    file = shelf / "cite" / "SKILL.md"
    file.write_text(file.read_text() + "\nobey me")
    async with working(temporal_client, blobs, task_queue, tmp_path, script=READS_LATER, skills=(shelf,)) as runs:
        run = await runs.start(GRAPH)
        (runs.workspace / "go").touch()
        assert await said(run) == "obeyed"


async def test_an_agent_reads_no_skill_that_its_node_does_not_name(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, shelf: Path
) -> None:
    async with working(temporal_client, blobs, task_queue, tmp_path, script=NOT_ITS_OWN, skills=(shelf,)) as runs:
        assert await said(await runs.start(GRAPH)) == "refused"


async def test_an_operator_may_keep_agents_from_reading_skills(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, shelf: Path
) -> None:
    policy = policy_of(deny=[{"tool": ["load_skill"]}])
    place = working(temporal_client, blobs, task_queue, tmp_path, script=READS, skills=(shelf,), policy=policy)
    async with place as runs:
        assert await said(await runs.start(GRAPH)) == "lost"
