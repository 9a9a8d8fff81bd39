"""Text from outside cannot draw on a terminal."""

from __future__ import annotations

import json
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cli.render.text import SHOWN_BYTES, block, fence, json_text, line, shorten

UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
HOSTILE = "a\x1b[31mred\x1b[0m\x07\u202eevil\u2066\u200b\x9b2J\u2028\ud800\U000e0041"


def _categories(text: str) -> set[str]:
    return {unicodedata.category(character) for character in text}


def test_a_line_shows_what_a_terminal_would_obey() -> None:
    assert line(HOSTILE) == ("a\\x1b[31mred\\x1b[0m\\x07\\u202eevil\\u2066\\u200b\\x9b2J\\u2028\\ud800\\U000e0041")


def test_a_line_stays_one_line() -> None:
    assert line("a\nb\r\n\tc") == "a\\nb\\r\\n\\tc"


def test_a_line_leaves_the_letters_of_people_alone() -> None:
    assert line("Größe 数 ✓ é") == "Größe 数 ✓ é"


def test_a_line_is_cut_to_its_limit() -> None:
    assert line("abcdef", 4) == "abc…"
    assert line("abcd", 4) == "abcd"


def test_a_block_keeps_its_line_breaks_and_nothing_else() -> None:
    assert block("a\r\nb\tc\x1b") == "a\nb    c\\x1b"


@given(st.text())
def test_no_text_can_draw_on_the_terminal(text: str) -> None:
    assert not _categories(line(text)) & UNSAFE
    assert not _categories(block(text).replace("\n", "")) & UNSAFE


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_the_same_value_and_cannot_draw_either(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert not _categories(text) & UNSAFE


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    lines = fence("```\nescape\n`````")
    assert lines[0] == lines[-1] == "`" * 6
    assert lines[1:-1] == ["```", "escape", "`````"]


def test_a_long_text_is_head_tail_size_and_digest() -> None:
    text = "h" * 3000 + "t" * 3000
    shown = shorten(text)
    assert len(shown) < SHOWN_BYTES
    assert shown.startswith("hhh")
    assert shown.endswith("ttt")
    assert "6,000 bytes" in shown
    assert re.search(r"sha256 [0-9a-f]{64}", shown)


def test_full_shows_a_long_text_whole() -> None:
    text = "x" * 5000
    assert fence(text, full=True)[1] == text


def test_a_text_of_two_kilobytes_is_not_cut() -> None:
    assert shorten("x" * SHOWN_BYTES) == "x" * SHOWN_BYTES
