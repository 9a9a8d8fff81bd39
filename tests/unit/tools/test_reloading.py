"""Tools that come, change and go while a worker runs."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from activities.skills import NO_SKILLS
from activities.tools.reloading import LiveCards, LiveToolbox, looking
from policies.document import parse_policy
from policies.errors import DocumentError
from tests.unit.tools.calls import Caller

POLICY = parse_policy({"policy": "p", "version": 1, "tenants": {"default": {"allow": [{"tool": ["**"]}]}}})
SHOUT = '''
from activities.tools.declare import Effect, Risk, ToolContext, tool

@tool("text.shout", effect=Effect.NONE, risk=Risk.{risk}, timeout="5s")
async def shout(context: ToolContext, text: str) -> dict[str, str]:
    """Say it loudly."""
    return {"said": text.upper() + "{end}"}
'''


def written(path: Path, end: str = "!", name: str = "text.shout", risk: str = "LOW") -> Path:
    """A file with a tool, put in place at once, as editors do."""
    draft = path.with_suffix(".draft")
    draft.write_text(SHOUT.replace("{end}", end).replace("{risk}", risk).replace("text.shout", name), encoding="utf-8")
    draft.rename(path)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    directory = tmp_path / "tools"
    directory.mkdir()
    return directory


def live(*directories: Path) -> LiveToolbox:
    return LiveToolbox(directories, entry_points=False, shelf=NO_SKILLS)


async def said(toolbox: LiveToolbox, tmp_path: Path) -> object:
    """What the tool says."""
    return (await Caller(tmp_path, policy=POLICY, tools=toolbox)("text.shout", text="hi"))["said"]


async def test_a_file_that_is_changed_is_loaded_and_its_card_is_another(tools: Path, tmp_path: Path) -> None:
    written(tools / "shout.py")
    toolbox = live(tools)
    before = LiveCards(toolbox)["text.shout"].digest
    assert await said(toolbox, tmp_path) == "HI!"
    written(tools / "shout.py", "?")
    await toolbox.refresh()
    assert await said(toolbox, tmp_path) == "HI?"
    assert LiveCards(toolbox)["text.shout"].digest != before


async def test_changes_within_one_second_and_of_one_size_are_seen(tools: Path, tmp_path: Path) -> None:
    path = written(tools / "shout.py")
    toolbox = live(tools)
    digests = set()
    for end in "?.,;":
        written(path, end)
        os.utime(path, ns=(10**18, 10**18))
        await toolbox.refresh()
        assert await said(toolbox, tmp_path) == f"HI{end}"
        digests.add(LiveCards(toolbox)["text.shout"].digest)
    assert len(digests) == 4, "a run that has pinned one must not get another"
    assert not (tools / "__pycache__").exists(), "nothing is left in the operator's directory"


async def test_a_digest_is_of_what_is_executed_whatever_the_file_says_by_then(tools: Path, tmp_path: Path) -> None:
    path = written(tools / "shout.py")
    other = path.read_text(encoding="utf-8").replace("!", "?")
    with path.open("a", encoding="utf-8") as file:  # it is replaced while it loads
        file.write(f"\nwith open(__file__, 'w') as file:\n    file.write({other!r})\n")
    toolbox = live(tools)
    assert await said(toolbox, tmp_path) == "HI!"
    assert LiveCards(toolbox)["text.shout"].digest != LiveCards(live(tools))["text.shout"].digest
    assert await said(live(tools), tmp_path) == "HI?"


async def test_a_digest_is_also_of_what_stands_beside_the_function(tools: Path) -> None:
    path = written(tools / "shout.py")
    text = path.read_text(encoding="utf-8")
    digests = set()
    for helper in ("", "\n\ndef helper():\n    return 1\n", "\n\ndef helper():\n    return 2\n"):
        path.write_text(text + helper, encoding="utf-8")
        digests.add(LiveCards(live(tools))["text.shout"].digest)
    assert len(digests) == 3, "the function may call what is beside it"


async def test_a_new_file_brings_tools_and_a_removed_one_takes_them_along(tools: Path) -> None:
    toolbox = live(tools)
    cards = LiveCards(toolbox)
    assert "text.shout" not in cards
    path = written(tools / "shout.py")
    await toolbox.refresh()
    assert "text.shout" in list(cards)
    assert len(cards) == len(toolbox.cards())
    path.unlink()
    await toolbox.refresh()
    assert "text.shout" not in cards
    with pytest.raises(KeyError):
        cards["text.shout"]


async def test_of_a_broken_file_the_last_good_version_stays_and_the_log_says_so_once(
    tools: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tools / "shout.py")
    toolbox = live(tools)
    path.write_text("def broken(:\n", encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        await toolbox.refresh()
        await toolbox.refresh()
    (record,) = caplog.records
    assert "syntax error" in record.getMessage()
    assert "its last good version is kept" in record.getMessage()
    assert await said(toolbox, tmp_path) == "HI!"
    written(path, "?")
    await toolbox.refresh()
    assert await said(toolbox, tmp_path) == "HI?"


async def test_a_new_file_that_is_broken_is_left_out(tools: Path, caplog: pytest.LogCaptureFixture) -> None:
    toolbox = live(tools)
    (tools / "bad.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        await toolbox.refresh()
    assert "it is left out" in caplog.text


@pytest.mark.parametrize("name", ["fs.read", "text.shout"])
async def test_a_name_belongs_to_who_has_it(
    tools: Path, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tools / "shout.py")
    toolbox = live(tools)
    written(tools / "another.py", "?", name)
    await toolbox.refresh()
    assert f"tool `{name}` is declared in" in caplog.text
    assert await said(toolbox, tmp_path) == "HI!"


async def test_a_directory_that_is_away_for_a_moment_takes_nothing_along(tools: Path, tmp_path: Path) -> None:
    written(tools / "shout.py")
    toolbox = live(tools)
    os.rename(tools, tmp_path / "away")  # noqa: PTH104 - the linter would have it off the event loop otherwise
    await toolbox.refresh()
    assert toolbox.get("text.shout") is not None


def test_a_worker_does_not_start_with_half_of_its_tools(tools: Path, tmp_path: Path) -> None:
    written(tools / "one.py")
    written(tools / "two.py")
    (tools / "bad.py").write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        live(tools, tmp_path / "nowhere")
    assert {problem.code for problem in caught.value.problems} == {"no_directory", "broken_tool", "duplicate_tool"}


async def test_whoever_wants_to_hear_of_changes_does_and_only_of_changes(tools: Path) -> None:
    toolbox = live(tools)
    heard: list[str] = []
    toolbox.on_change(lambda: heard.append("x"))
    await toolbox.refresh()
    assert heard == []
    written(tools / "shout.py")
    await toolbox.refresh()
    assert heard == ["x"]


async def test_files_are_looked_at_again_and_again(tools: Path) -> None:
    toolbox = live(tools)
    async with looking(toolbox, 0.01):
        written(tools / "shout.py")
        for _ in range(500):
            if toolbox.get("text.shout"):
                break
            await asyncio.sleep(0.01)
    assert toolbox.get("text.shout") is not None


async def test_a_call_under_way_keeps_the_version_that_it_began_with(tools: Path, tmp_path: Path) -> None:
    written(tools / "shout.py")
    toolbox = live(tools)
    held = toolbox.get("text.shout")
    assert held is not None
    written(tools / "shout.py", "?")
    await toolbox.refresh()
    assert held.card.digest != LiveCards(toolbox)["text.shout"].digest
    assert await Caller(tmp_path, policy=POLICY).use(held, {"text": "hi"}) == {"said": "HI!"}
