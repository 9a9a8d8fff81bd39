"""Commands as lists of arguments: `*` is one argument, a final `**` is the rest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.globs import BadPatternError

if TYPE_CHECKING:
    from collections.abc import Sequence

_STAR = "*"
_REST = "**"
_SPECIAL = frozenset(' *"\\\t\n\r\f\v')


@dataclass(frozen=True, slots=True)
class Argv:
    """`words` in order, null for `*`; `rest` where any number of further words may follow."""

    words: tuple[str | None, ...]
    rest: bool

    def covers(self, other: Argv) -> bool:
        """Whether every command that `other` matches is matched by this one too."""
        if len(other.words) < len(self.words) or (not self.rest and (other.rest or len(other.words) > len(self.words))):
            return False
        return all(mine is None or mine == word for mine, word in zip(self.words, other.words, strict=False))

    def matches(self, other: Argv) -> bool:
        """The same as `covers`: a literal star is quoted, so a command has no second reading."""
        return self.covers(other)


def format_argv(words: Sequence[str]) -> str:
    """One line that `parse_argv` reads back as exactly these words; what could be misread is quoted as JSON."""
    return " ".join(word if word and not _SPECIAL & set(word) else json.dumps(word) for word in words)


def parse_argv(text: str) -> Argv:
    """Read words between single spaces, a word in double quotes as a JSON string; raises `BadPatternError`."""
    words = _words(text)
    rest = words[-1] == _REST
    if rest:
        words = words[:-1]
    return Argv(tuple(_word(word) for word in words), rest)


def _word(word: str) -> str | None:
    if word == _STAR:
        return None
    if word.startswith('"'):
        return str(json.loads(word))
    if "*" in word:
        raise BadPatternError("`*` stands for one whole argument, and `**`, at the end only, for the rest")
    return word


def _words(text: str) -> list[str]:
    words: list[str] = []
    left = text
    while left or not words:
        end = _quoted(left) if left.startswith('"') else left.find(" ")
        word = left if end < 0 else left[:end]
        left = "" if end < 0 else left[end + 1 :]
        if not word or (end >= 0 and not left):
            raise BadPatternError("write its arguments with one space between them")
        words.append(word)
    return words


def _quoted(text: str) -> int:
    try:
        word, end = json.JSONDecoder().raw_decode(text)
        str(word).encode()
    except ValueError as error:
        raise BadPatternError("a quoted argument is not a JSON string") from error
    if end == len(text):
        return -1
    if text[end] != " ":
        raise BadPatternError("a quoted argument must be followed by a space")
    return end
