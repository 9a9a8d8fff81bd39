"""text.search, with patterns that mean well and patterns that do not."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from pathlib import Path

import pytest

from tests.unit.tools.calls import Caller

HANGS = r"(a+)+$"
BAIT = "a" * 40 + "b\n"


@pytest.fixture(name="call")
def make_call(tmp_path: Path) -> Caller:
    (tmp_path / "a.py").write_text("import os\nimport re\nprint(os.name)\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.py").write_text("import os\r\n")
    (tmp_path / "data.bin").write_bytes(b"import os\0")
    (tmp_path / "latin.txt").write_bytes(b"import os \xe4")
    return Caller(tmp_path)


async def test_search_gives_the_lines_by_path_and_counts_what_it_left_out(call: Caller) -> None:
    assert await call("text.search", pattern=r"\bimport os$") == {
        "matches": [
            {"path": "a.py", "line": 1, "text": "import os"},
            {"path": "sub/b.py", "line": 1, "text": "import os"},
        ],
        "files": 2,
        "skipped": 2,
        "truncated": False,
    }


async def test_search_looks_only_where_it_is_told(call: Caller) -> None:
    found = await call("text.search", pattern="import", glob="sub/**")
    assert (found["files"], found["skipped"]) == (1, 0)


async def test_search_says_when_there_is_more(call: Caller) -> None:
    found = await call("text.search", pattern="import", glob="*.py", max_matches=1)
    assert found["matches"] == [{"path": "a.py", "line": 1, "text": "import os"}]
    assert found["truncated"]
    assert not (await call("text.search", pattern="import", glob="*.py", max_matches=2))["truncated"]


async def test_long_line_is_cut_with_a_note(call: Caller) -> None:
    (call.root / "long.txt").write_text("y" * 2000)
    found = await call("text.search", pattern="y", glob="long.txt")
    assert found["matches"] == [{"path": "long.txt", "line": 1, "text": "y" * 500 + "… (cut, 2000 characters)"}]


async def test_search_over_many_files_goes_on_from_batch_to_batch(call: Caller) -> None:
    for number in range(300):
        (call.root / f"{number:03}.txt").write_text("needle\n" if number % 100 == 0 else "x" * 10_000)
    found = await call("text.search", pattern="needle", glob="*.txt")
    assert isinstance(found["matches"], list)
    assert [match["path"] for match in found["matches"]] == ["000.txt", "100.txt", "200.txt"]
    assert found["files"] == 300


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "(?P<x>a)(?P<x>b)", "[z-a]", "(" * 500])
async def test_pattern_that_is_none_is_a_failure_with_the_reason(call: Caller, pattern: str) -> None:
    error = await call.fails("text.search", pattern=pattern)
    assert (error.type, error.non_retryable) == ("ToolFailed", True)
    assert f"pattern `{pattern[:200]}" in error.message


async def test_hostile_pattern_ends_within_its_time_and_the_worker_lives_on(call: Caller) -> None:
    (call.root / "bait.txt").write_text(BAIT)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    heart = asyncio.create_task(beat())
    started = time.monotonic()
    error = await dataclasses.replace(call, timeout_s=1.0).fails("text.search", pattern=HANGS)
    elapsed_s = time.monotonic() - started
    heart.cancel()
    assert (error.type, error.non_retryable) == ("ToolFailed", True)
    assert "took too long and was stopped" in error.message
    assert elapsed_s < 5.0
    assert beats > 20


def test_hostile_pattern_would_take_for_ever_in_the_worker_itself() -> None:
    """Each further letter doubles the time; at 40 it is days. Measured at lengths that end."""

    def cost_s(letters: int) -> float:
        started = time.perf_counter()
        assert not re.search(HANGS, "a" * letters + "b")
        return time.perf_counter() - started

    assert cost_s(20) > 8 * cost_s(15)


async def test_pattern_that_needs_all_memory_ends_as_a_failure(call: Caller) -> None:
    (call.root / "bait.txt").write_text("x" * 7_000_000)
    error = await call.fails("text.search", pattern="(?:(x)|y)*z", glob="bait.txt")
    assert error.type == "ToolFailed"
    assert "too much memory" in error.message


async def test_cancelled_search_leaves_no_process_behind(call: Caller) -> None:
    (call.root / "bait.txt").write_text(BAIT)
    task = asyncio.create_task(call("text.search", pattern=HANGS))
    await asyncio.sleep(0.3)
    assert _children()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _children()


def _children() -> list[str]:
    """The processes of this test that match lines."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"match_lines.py" in path.read_bytes() and "Z" not in (path.parent / "stat").read_text().split()[2]:
                found.append(path.parent.name)
        except OSError:
            continue
    return found
