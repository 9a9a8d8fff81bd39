"""Text from outside as it is written: nothing in it moves a cursor, turns the writing around, hides or piles up."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

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
    return text if text.isascii() and text.isprintable() else escape(text, _code, keep)


def escape(text: str, write: Callable[[str], str], keep: str = "") -> str:
    """The same with escapes of one's own: `write` spells a character."""

    def spell(found: re.Match[str]) -> str:
        character = found.group()
        return write(character) if character not in keep and is_unsafe(character) else character

    shown = _SUSPECT.sub(spell, text)
    return _PILE.sub(lambda pile: pile.group(1) + "".join(map(write, pile.group(2))), shown)


def is_unsafe(character: str) -> bool:
    """Whether a character would be obeyed, or not be seen."""
    return unicodedata.category(character) in UNSAFE or character in INVISIBLE


def _code(character: str) -> str:
    return _SHORT.get(character) or character.encode("unicode_escape").decode()
