"""Text from outside as it is written: nothing in it moves a cursor, turns the writing around, hides or piles up."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (bidirectional and zero-width), surrogate, private, unassigned characters, and line separators."""
INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are drawn as nothing."""
MARKS: Final = 3
"""So many marks one letter may carry; more would run into the lines above and below."""

_SUSPECT: Final = re.compile(r"[^\x20-\x7e]")
_MARK: Final = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILE: Final = re.compile(f"({_MARK}{{{MARKS}}})({_MARK}+)")
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def plain(text: str, keep: str = "") -> str:
    """The text with everything escaped that is not simply drawn; `keep` are characters to leave."""
    if text.isascii() and text.isprintable():
        return text
    shown = _SUSPECT.sub(lambda found: found.group() if found.group() in keep else escaped(found.group()), text)
    return _PILE.sub(lambda found: found.group(1) + "".join(map(_code, found.group(2))), shown)


def is_unsafe(character: str) -> bool:
    """Whether a character would be obeyed, or not be seen."""
    return unicodedata.category(character) in UNSAFE or character in INVISIBLE


def escaped(character: str) -> str:
    """A character as it may stand: itself if it is harmless."""
    if not is_unsafe(character):
        return character
    return _SHORT.get(character) or _code(character)


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode()
