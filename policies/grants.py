"""One capability, and when one covers another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, Self

from policies.argv import parse_argv
from policies.domains import parse_domain, parse_secret
from policies.globs import BadPatternError, parse_glob
from policies.paths import parse_path

if TYPE_CHECKING:
    from collections.abc import Callable

PATH_KINDS = ("fs.read", "fs.write")
KINDS = ("tool", "model", *PATH_KINDS, "net", "shell", "env", "mcp", "spawn")


@dataclass(frozen=True, slots=True)
class Capability:
    """The right to do one kind of thing to whatever the pattern matches."""

    kind: str
    pattern: str

    def __str__(self) -> str:
        """As people and pauses see it: `fs.read:reports/**`."""
        return f"{self.kind}:{self.pattern}"


class Matcher(Protocol):
    """A compiled pattern; only ever asked about another of its own kind."""

    def covers(self, other: Self, /) -> bool:
        """Whether all that the other matches is matched by this one."""

    def matches(self, other: Self, /) -> bool:
        """Whether the other, read as a concrete name, is matched by this one."""


_PARSERS: dict[str, Callable[[str], Matcher]] = {
    **dict.fromkeys(KINDS, parse_glob),
    **dict.fromkeys(PATH_KINDS, parse_path),
    "net": parse_domain,
    "shell": parse_argv,
    "env": parse_secret,
}


def compile_pattern(kind: str, pattern: str) -> Matcher:
    """Compile a pattern of a kind; raises `BadPatternError` saying why it cannot be."""
    if kind not in _PARSERS:
        raise BadPatternError("there is no such kind of capability")
    return _PARSERS[kind](pattern)


@lru_cache(maxsize=8192)
def matcher(kind: str, pattern: str) -> Matcher | None:
    """The compiled pattern, null where there is none: such a capability covers nothing and nothing covers it."""
    try:
        return compile_pattern(kind, pattern)
    except BadPatternError:
        return None


def covers(grant: Capability, request: Capability) -> bool:
    """Whether the grant provably has everything that the request has; nothing crosses kinds."""
    if grant.kind != request.kind:
        return False
    one, other = matcher(grant.kind, grant.pattern), matcher(request.kind, request.pattern)
    return one is not None and other is not None and one.covers(other)
