"""Loading tools: built in, from files, from installed packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from activities.tools.registry import load_tools
from policies.errors import DocumentError, Problem
from tests.unit.tools.calls import Caller

HEAD = "from activities.tools.declare import Effect, Risk, ToolContext, need, tool\n"
GOOD = (
    HEAD
    + '''

@tool("text.shout", effect=Effect.NONE, risk=Risk.LOW, timeout="1s")
async def shout(context: ToolContext, text: str) -> str:
    """Write in capitals."""
    return text.upper()
'''
)


def problems(directory: Path) -> list[Problem]:
    with pytest.raises(DocumentError) as caught:
        load_tools([directory])
    return list(caught.value.problems)


async def test_tool_of_a_file_is_loaded_and_works(tmp_path: Path) -> None:
    (tmp_path / "shout.py").write_text(GOOD)
    (tmp_path / "_notes.py").write_text("raise RuntimeError")
    (tmp_path / "README.md").write_text("no tool")
    toolbox = load_tools([tmp_path])
    assert list(toolbox.cards()) == sorted([*load_tools().cards(), "text.shout"])
    tool = toolbox.get("text.shout")
    assert tool is not None
    context = Caller(tmp_path, tools=toolbox)
    access = context.edge.check_tool(context.call("text.shout", {"text": "a"}), tool.card, context.scene)
    assert access is not None
    assert toolbox.get("text.whisper") is None


def test_digest_of_the_toolbox_changes_with_a_tool(tmp_path: Path) -> None:
    (tmp_path / "shout.py").write_text(GOOD)
    one = load_tools([tmp_path]).digest
    assert one == load_tools([tmp_path]).digest != load_tools().digest
    (tmp_path / "shout.py").write_text(GOOD.replace("upper", "title"))
    assert load_tools([tmp_path]).digest != one


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("def broken(:\n", 1, "syntax error: invalid syntax"),
        ("import os\n\nraise ValueError('no')\n", 3, "ValueError: no"),
        ("import no_such_module_at_all\n", 1, "No module named 'no_such_module_at_all'"),
        ("raise SystemExit(3)\n", 1, "SystemExit: 3"),
        (GOOD.replace('"1s"', '"soon"'), 4, "tool `text.shout`: "),
        (GOOD.replace(", text: str", ", text"), 4, "parameter `text` has no type; annotate it"),
        ("x = 1\n", None, "there is no tool in it"),
        (GOOD.replace("text.shout", "fs.read"), None, "tool `fs.read` is declared twice: here and in built in"),
    ],
)
def test_broken_file_is_reported_with_its_place_and_reason(
    tmp_path: Path, text: str, line: int | None, words: str
) -> None:
    (tmp_path / "broken.py").write_text(text)
    (found,) = problems(tmp_path)
    assert (found.file, found.line) == (str(tmp_path / "broken.py"), line)
    assert words in str(found)


def test_everything_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("(\n")
    (tmp_path / "c.py").write_text(GOOD)
    (tmp_path / "d.py").write_text(GOOD)
    found = problems(tmp_path)
    assert [Path(str(problem.file)).name for problem in found] == ["a.py", "b.py", "d.py"]
    assert str(tmp_path / "c.py") in found[2].message


def test_directory_that_is_not_there_is_reported(tmp_path: Path) -> None:
    (found,) = problems(tmp_path / "none")
    assert found.code == "no_directory"


def test_broken_file_leaves_nothing_behind(tmp_path: Path) -> None:
    before = set(sys.modules)
    (tmp_path / "broken.py").write_text("raise ValueError\n")
    problems(tmp_path)
    assert not [name for name in set(sys.modules) - before if name.startswith("detent_tools")]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("offered_tools:shout", ""),
        ("offered_tools:everything", ""),
        ("offered_tools", ""),
        ("offered_tools:nothing", "there is no tool in it"),
        ("offered_tools:absent", "has no attribute 'absent'"),
        ("offered_nowhere", "No module named 'offered_nowhere'"),
    ],
)
def test_installed_package_offers_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, words: str
) -> None:
    (tmp_path / "offered_tools.py").write_text(GOOD + "\neverything = [shout]\nnothing = []\n")
    info = tmp_path / "offered-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[detent.tools]\nmine = {target}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "offered_tools", raising=False)
    if not words:
        assert "text.shout" in load_tools().cards()
        assert "text.shout" not in load_tools(entry_points=False).cards()
        return
    with pytest.raises(DocumentError) as caught:
        load_tools()
    (found,) = caught.value.problems
    assert found.file == f"entry point mine = {target}"
    assert words in str(found)
