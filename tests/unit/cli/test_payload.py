"""Values that people type are parsed, typed, measured, or refused with a place."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.exits import CommandError, Exit
from cli.payload import MAX_BYTES, check_name, json_value, with_settings

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "count": {"type": "integer"}}}


def test_json_on_the_command_line_is_parsed() -> None:
    assert json_value('{"a": [1, 2.5, null]}', "`--input`") == {"a": [1, 2.5, None]}


def test_a_file_is_read_after_an_at(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text('{"a": 1}')
    assert json_value(f"@{file}", "`--input`") == {"a": 1}


def test_stdin_is_read_after_at_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("[1]"))
    assert json_value("@-", "`--input`") == [1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1, column 2"),
        ("input.json", "write `@input.json`"),
        ("NaN", "not a JSON number"),
        ('"\\ud800"', "not usable"),
        ("[" * 100_000, "not usable"),
        ("[" * 70 + "]" * 70, "nesting"),
        ("@/nowhere/at/all", "cannot read"),
    ],
)
def test_what_is_not_json_is_refused_with_a_place(text: str, words: str) -> None:
    with pytest.raises(CommandError) as raised:
        json_value(text, "`--input`")
    assert raised.value.code == Exit.INVALID
    assert words in raised.value.message
    assert "`--input`" in raised.value.message


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_bytes(b'"\xff"')
    with pytest.raises(CommandError, match="not UTF-8"):
        json_value(f"@{file}", "`--input`")


def test_a_value_over_one_mebibyte_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(CommandError, match="over the limit") as raised:
        json_value('"' + "x" * MAX_BYTES + '"', "`--input`")
    assert raised.value.code == Exit.INVALID


def test_a_file_over_one_mebibyte_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(CommandError, match="over the limit"):
        json_value(f"@{file}", "`--input`")


def test_settings_are_typed_by_the_schema() -> None:
    value = with_settings({}, ["name=12", "count=12", "other=[1]", "free=a b"], SCHEMA)
    assert value == {"name": "12", "count": 12, "other": [1], "free": "a b"}


def test_settings_stand_over_the_input() -> None:
    assert with_settings({"a": 1, "b": 2}, ["a=3"], None) == {"a": 3, "b": 2}


def test_a_setting_may_hold_an_equals_sign() -> None:
    assert with_settings({}, ["a=b=c"], None) == {"a": "b=c"}


@pytest.mark.parametrize("setting", ["a", "=b", ""])
def test_a_setting_without_a_key_is_a_usage_error(setting: str) -> None:
    with pytest.raises(CommandError) as raised:
        with_settings({}, [setting], None)
    assert raised.value.code == Exit.USAGE


def test_a_setting_needs_an_object() -> None:
    with pytest.raises(CommandError, match="JSON object"):
        with_settings([1], ["a=1"], None)


@pytest.mark.parametrize("name", ["", "a/b", "-a", "a b", "x" * 129, "ä", "a\n"])
def test_a_name_that_would_break_the_id_is_refused(name: str) -> None:
    with pytest.raises(CommandError) as raised:
        check_name(name, "`--key`")
    assert raised.value.code == Exit.USAGE


@given(st.text())
def test_nothing_but_a_command_error_comes_out(text: str) -> None:
    with contextlib.suppress(CommandError):
        json_value(text.removeprefix("@"), "`--input`")


def test_a_key_that_stands_twice_is_refused_and_not_lost() -> None:
    with pytest.raises(CommandError, match="the key `a` stands twice"):
        json_value('{"b": [{"a": 1, "a": 2}]}', "--input")
    with pytest.raises(CommandError, match="the key `a` stands twice"):
        with_settings({}, ['x={"a": 1, "a": 2}'], None)
