"""Nothing that is shown is obeyed by a screen, hides on it, or grows over its lines."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.plain_text import INVISIBLE, MARKS, UNSAFE, escape, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 100% ~", "plain text, 100% ~"),
        ("Größe 数 ✓ é नमस्ते ภาษาไทย 🙂", "Größe 数 ✓ é नमस्ते ภาษาไทย 🙂"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]8;;http://x\x07y", "\\x1b]8;;http://x\\x07y"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\tc\x00", "a\\nb\\r\\tc\\x00"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2066\u200b\u200d\ufeff", "\\u2066\\u200b\\u200d\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800\udfff", "\\ud800\\udfff"),
        ("\ue000\U0010fffd", "\\ue000\\U0010fffd"),
        ("\uffff\U0001fffe", "\\uffff\\U0001fffe"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164\u115f\u2800", "\\u3164\\u115f\\u2800"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0335" * 5, "e" + "\u0335" * MARKS + "\\u0335\\u0335"),
    ],
)
def test_what_is_not_simply_drawn_is_escaped(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_what_is_kept_is_kept_and_nothing_else() -> None:
    assert plain("a\nb\x1b", "\n") == "a\nb\\x1b"


@given(st.text())
def test_no_text_keeps_what_is_unsafe(text: str) -> None:
    shown = plain(text)
    assert not {unicodedata.category(character) for character in shown} & UNSAFE
    assert not INVISIBLE & set(shown)
    assert plain(shown) == shown
    shown.encode("utf-8")


def test_escapes_may_be_ones_own() -> None:
    assert escape("a\x07\nb" + "\u0335" * 4, lambda _: "?", "\n") == "a?\nb" + "\u0335" * 3 + "?"
