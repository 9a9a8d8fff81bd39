"""fs.edit, which a second attempt must not do twice."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.tools.editing import edited
from activities.tools.errors import ToolError
from tests.unit.tools.calls import Caller


async def test_edit_replaces_the_one_place(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\nthree\n")
    call = Caller(tmp_path)
    await call("fs.edit", path="a.py", old="two\n", new="2\r\n")
    assert (tmp_path / "a.py").read_bytes() == b"one\n2\r\nthree\n"


@pytest.mark.parametrize(
    ("text", "old", "new", "words"),
    [
        ("one", "two", "2", "`old` is not in the file"),
        ("one one", "one", "1", "`old` is in the file 2 times"),
        ("ab", "a", "ab", "`new` is in the file already"),
    ],
)
async def test_edit_that_is_not_clear_changes_nothing(
    tmp_path: Path, text: str, old: str, new: str, words: str
) -> None:
    (tmp_path / "a.py").write_text(text)
    error = await Caller(tmp_path).fails("fs.edit", path="a.py", old=old, new=new)
    assert (error.type, error.non_retryable) == ("ToolFailed", True)
    assert words in error.message
    assert (tmp_path / "a.py").read_text() == text


async def test_second_attempt_succeeds_where_the_first_was_done(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    call = Caller(tmp_path)
    first = await call("fs.edit", path="a.py", old="x = 1", new="x = 2")
    second = dataclasses.replace(call, attempt=2)
    assert await second("fs.edit", path="a.py", old="x = 1", new="x = 2") == first
    assert (tmp_path / "a.py").read_text() == "x = 2\n"


async def test_second_attempt_does_what_the_first_did_not(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    await dataclasses.replace(Caller(tmp_path), attempt=2)("fs.edit", path="a.py", old="x = 1", new="x = 2")
    assert (tmp_path / "a.py").read_text() == "x = 2\n"


async def test_first_attempt_fails_where_the_text_is_not_there_although_the_new_one_is(tmp_path: Path) -> None:
    """Without the attempt number, a model's mistake and a lost answer would look the same."""
    (tmp_path / "a.py").write_text("x = 2\n")
    error = await Caller(tmp_path).fails("fs.edit", path="a.py", old="x = 1", new="x = 2")
    assert "`old` is not in the file" in error.message


@given(st.text("ab", max_size=12), st.text("ab", min_size=1, max_size=3), st.text("ab", max_size=4))
def test_edit_done_twice_is_done_once(text: str, old: str, new: str) -> None:
    try:
        once = edited(text, old, new, again=False, path="a")
    except ToolError:
        return
    # Where joining made the old text anew, nobody can tell by looking; then the second attempt fails or edits.
    if all(old not in part for part in (once.split(new) if new else [once])):
        assert edited(once, old, new, again=True, path="a") == once


async def test_edit_of_a_file_that_is_no_text_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\xff")
    assert "UTF-8" in (await Caller(tmp_path).fails("fs.edit", path="a", old="a", new="b")).message
