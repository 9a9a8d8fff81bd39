"""Reading a document part by part, collecting everything that is wrong with it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from policies.errors import DocumentError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_SHOWN = 80
MAX_NAME = 64
NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
RULE_NAME = NAME | {"_"}
PERSON_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ._@+") | RULE_NAME
"""ASCII alone: two ids that look alike must not be two people."""


class Reader:
    """Takes apart mappings and lists; what does not fit becomes a problem and reads as nothing."""

    __slots__ = ("problems",)

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, code: str, path: str, message: str, suggestion: str | None = None) -> None:
        """Note a problem at a dotted path."""
        self.problems.append(Problem(code, message, path, suggestion))

    def finish(self) -> None:
        """Raise `DocumentError` with every problem there is, if there is any."""
        if self.problems:
            raise DocumentError(tuple(self.problems))

    def items(self, value: object, path: str) -> list[tuple[str, object]]:
        """The items of a list, each with its path."""
        if not isinstance(value, list | tuple):
            self.add("wrong_type", path, f"{shown(value)} is not a list", "write `[...]`")
            return []
        return [(f"{path}[{index}]", item) for index, item in enumerate(value)]

    def texts(self, value: object, path: str) -> list[tuple[str, str]]:
        """The items of a list of texts, each with its path."""
        found: list[tuple[str, str]] = []
        for place, item in self.items(value, path):
            if isinstance(item, str):
                found.append((place, item))
            else:
                self.add("wrong_type", place, f"{shown(item)} is not text", "put it in quotes")
        return found

    def entries(
        self, value: object, path: str, *, known: Sequence[str] = (), free: bool = False
    ) -> list[tuple[str, str, object]]:
        """The entries (path, key, value) of a mapping whose key is `known`, or of any key where it is `free`."""
        if not isinstance(value, dict):
            self.add("wrong_type", path, f"{shown(value)} is not a mapping", "write `key: value`")
            return []
        found: list[tuple[str, str, object]] = []
        for key, item in value.items():
            place = join(path, str(key))
            if not isinstance(key, str):
                self.add("wrong_type", place, f"the key {shown(key)} is not text", "put it in quotes")
            elif free or key in known:
                found.append((place, key, item))
            else:
                hint = nearest(key, known) or f"known here: {quoted(known)}"
                self.add("unknown_key", place, f"unknown key {shown(key)}", hint)
        return found

    def choice(self, value: object, path: str, allowed: Sequence[str]) -> str | None:
        """One of the allowed words."""
        if isinstance(value, str) and value in allowed:
            return value
        self.add("wrong_value", path, f"{shown(value)} is not one of {quoted(allowed)}", nearest(value, allowed))
        return None

    def flag(self, value: object, path: str) -> bool:
        """True or false; false where it is neither."""
        if not isinstance(value, bool):
            self.add("wrong_type", path, f"{shown(value)} is not `true` or `false`")
        return value is True

    def name(self, value: object, path: str, charset: frozenset[str], length: int = MAX_NAME) -> str | None:
        """A text of these characters that begins with a letter or digit."""
        if isinstance(value, str) and 0 < len(value) <= length and charset.issuperset(value) and value[0].isalnum():
            return value
        spelled = "lower-case letters" if "A" not in charset else "letters"
        marks = quoted(sorted(mark for mark in charset if not mark.isalnum()))
        message = f"{shown(value)} is no name: {spelled}, digits and {marks}, at most {length}"
        self.add("wrong_value", path, message)
        return None

    def most(self, items: Sequence[object], path: str, limit: int) -> None:
        """Note that there are more than `limit` of something."""
        if len(items) > limit:
            self.add("too_many", path, f"{len(items):,} are more than {limit:,}")

    def convert(self, value: object, path: str, conversion: Callable[[object], int]) -> int | None:
        """A number, by a conversion that raises `ValueError` with a message for people."""
        try:
            return conversion(value)
        except ValueError as error:
            self.add("wrong_value", path, f"{shown(value)} {error}")
            return None


def join(path: str, key: str) -> str:
    """The dotted path of a key, or of a path, below a path."""
    return f"{path}.{key}" if path and key else path or key


def quoted(words: Sequence[str]) -> str:
    """Words in backticks, for a message."""
    return ", ".join(f"`{word}`" for word in words)


def nearest(value: object, words: Sequence[str]) -> str | None:
    """The question whether one of the words was meant, if one is near."""
    found = difflib.get_close_matches(str(value)[:MAX_SHOWN], [word for word in words if word != value], n=1)
    return f"did you mean `{found[0]}`?" if found else None


def shown(value: object) -> str:
    """A value as a message shows it: its own words if they are short, else what kind of thing it is."""
    if value is None:
        return "null"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + '…'}`"
