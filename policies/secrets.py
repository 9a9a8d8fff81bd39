"""Finds what looks like a secret in a JSON value: known formats anywhere, and literal values under telling names.

There is no guessing by entropy. A finding says where and what kind, never the value; the time is linear in the
size of the value, whoever wrote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from policies.cel_lexer import expression_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LITERAL_CHARS: Final = 8
"""A literal under a telling name is a secret if it is longer."""
MAX_FINDINGS: Final = 20
MAX_SEGMENTS: Final = 32
SECRET_NAMES: Final = frozenset({"password", "secret", "token", "apikey"})

_SEPARATORS: Final = str.maketrans("", "", "_-. ")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_$-]{1,64}\Z")
_REFERENCE: Final = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|keyring:[A-Za-z0-9_@:/.+-]+)\Z")
_FORMATS: Final[tuple[tuple[str, str, re.Pattern[str]], ...]] = (
    ("private key", "PRIVATE KEY", re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")),
    ("anthropic key", "sk-ant-", re.compile(r"(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{8}")),
    ("github token", "gh", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{16}")),
    ("github token", "github_pat_", re.compile(r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{16}")),
    ("aws key", "AKIA", re.compile(r"(?<![A-Za-z0-9])AKIA[A-Z0-9]{16}(?![A-Za-z0-9])")),
    ("slack token", "xox", re.compile(r"(?<![A-Za-z0-9])xox[a-z]-[A-Za-z0-9-]{8}")),
)
"""Kind, a text that must be there (found much faster than a pattern), and the pattern. Every repetition is bounded."""
_JWT_RUN: Final = re.compile(r"[A-Za-z0-9_.-]+")
_JWT_HEAD: Final = "eyJ"
"""How `{"` begins in base64: header and payload of a token are JSON objects."""
_JWT_PART: Final = 8
_JWT_PARTS: Final = 3


class Finding(NamedTuple):
    """Where a secret seems to stand, and of what kind it is."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A part of the value by the way that leads to it; a path is written only for what is found."""

    above: _Place | None
    step: str

    def path(self) -> str:
        steps: list[str] = []
        place: _Place | None = self
        while place is not None:
            steps.append(place.step)
            place = place.above
        steps.reverse()
        if len(steps) > MAX_SEGMENTS:
            steps[MAX_SEGMENTS // 2 : -MAX_SEGMENTS // 2] = [".…"]
        return "".join(steps).removeprefix(".")


def scan(value: object, *, root: str = "", allow_paths: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What looks like a secret in a JSON value, in document order, at most `MAX_FINDINGS`.

    Paths look like `graph.nodes.send.with.headers[0]`, below `root`. `allow_paths` are paths that are let pass with
    all below them; `*` in one stands for any text between two dots or within brackets.
    """
    allowed = [_allowing(path) for path in allow_paths]
    found: list[Finding] = []
    for place, kind in _suspects(value, root):
        path = place.path()
        if any(pattern.match(path) for pattern in allowed):
            continue
        found.append(Finding(path, kind))
        if len(found) == MAX_FINDINGS:
            break
    return tuple(found)


def kind_of(text: str) -> str | None:
    """The kind of secret whose format stands somewhere in a text; null if there is none."""
    for kind, mark, pattern in _FORMATS:
        if mark in text and pattern.search(text):
            return kind
    return "json web token" if _JWT_HEAD in text and _holds_jwt(text) else None


def _suspects(value: object, root: str) -> Iterator[tuple[_Place, str]]:
    """Each part that looks like a secret. A stack, because the value is as deep as its author likes."""
    waiting: list[tuple[_Place, object, bool]] = [(_Place(None, root), value, False)]
    while waiting:
        place, part, named = waiting.pop()
        if isinstance(part, dict):
            waiting.extend(reversed([*_entries(place, part)]))
            for index, key in enumerate(part):
                kind = kind_of(key)
                if kind is not None:
                    yield _Place(place, f".(key {index + 1})"), kind
        elif isinstance(part, list | tuple):
            waiting.extend((_Place(place, f"[{index}]"), part[index], named) for index in reversed(range(len(part))))
        else:
            kind = _kind_of_value(part, named=named)
            if kind is not None:
                yield place, kind


def _entries(place: _Place, part: dict[str, object]) -> Iterator[tuple[_Place, object, bool]]:
    for index, (key, item) in enumerate(part.items()):
        shown = key if _PLAIN_KEY.match(key) and kind_of(key) is None else f"(key {index + 1})"
        yield _Place(place, f".{shown}"), item, key.translate(_SEPARATORS).lower() in SECRET_NAMES


def _kind_of_value(value: object, *, named: bool) -> str | None:
    if isinstance(value, str):
        return kind_of(value) or ("literal secret" if named and _is_literal(value) else None)
    is_long = isinstance(value, int) and abs(value) >= 10**LITERAL_CHARS  # its text might be too long to make
    return "literal secret" if named and is_long else None


def _is_literal(text: str) -> bool:
    """Whether more of a text is written out than a reference or a template may have around it."""
    return not _REFERENCE.match(text) and _literal_chars(text) > LITERAL_CHARS


def _literal_chars(text: str) -> int:
    """How many characters of a text stand outside of `${…}`."""
    count, at = 0, 0
    while (mark := text.find("${", at)) >= 0:
        end = expression_end(text, mark + 2)
        if end is None or (mark > at and text[mark - 1] == "$"):
            break
        count, at = count + mark - at, end + 1
    return count + len(text) - at


def _holds_jwt(text: str) -> bool:
    """Whether three parts with dots between begin as a token does. Each character is looked at a few times at most."""
    for run in _JWT_RUN.finditer(text):
        parts = run.group().split(".")
        for index in range(len(parts) - _JWT_PARTS + 1):
            begins = parts[index].find(_JWT_HEAD)
            if 0 <= begins <= len(parts[index]) - _JWT_PART and all(
                len(part) >= _JWT_PART for part in parts[index + 1 : index + _JWT_PARTS]
            ):
                return True
    return False


def _allowing(path: str) -> re.Pattern[str]:
    """The paths that an entry of `allow_paths` lets pass: itself and what is below."""
    pieces = [re.escape(piece) for piece in path.split("*")]
    return re.compile(r"[^.\[\]]*".join(pieces) + r"(?=[.\[]|\Z)")
