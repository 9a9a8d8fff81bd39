"""Sets of capabilities: what they cover, how one narrows another, how tools and documents name them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol

from policies.argv import format_argv
from policies.capability_document import parse_grants, write_grants
from policies.globs import BadPatternError
from policies.grants import PATH_KINDS, Capability, Matcher, covers, matcher
from policies.paths import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from policies.errors import Problem

__all__ = ["Capability", "CapabilitySet", "Need", "covers", "parse_capabilities", "resolve_needs"]

MAX_PAIRS = 4096
"""Pairs of grants that are compared to narrow one set by another; where there are more, only equal ones stay."""


MAX_KNOWN = 4096
"""Answers that a set remembers before it forgets them all."""


@dataclass(frozen=True)
class CapabilitySet:
    """Everything that at least one of the grants covers."""

    grants: tuple[Capability, ...] = ()

    @cached_property
    def _matchers(self) -> dict[str, tuple[Matcher, ...]]:
        compiled: dict[str, list[Matcher]] = {}
        for grant in self.grants:
            found = matcher(grant.kind, grant.pattern)
            if found is not None:
                compiled.setdefault(grant.kind, []).append(found)
        return {kind: tuple(found) for kind, found in compiled.items()}

    @cached_property
    def _known(self) -> dict[tuple[str, str], bool]:
        """Answers that were given before: runs ask for the same things again and again."""
        return {}

    def covers(self, request: Capability) -> bool:
        """Whether one grant provably has all of the request."""
        return self._remembered(self._known, request, self._proves)

    def _proves(self, request: Capability) -> bool:
        wanted = matcher(request.kind, request.pattern)
        if wanted is not None:
            for grant in self._matchers.get(request.kind, ()):
                if grant.covers(wanted):
                    return True
        return False

    def forbids(self, request: Capability) -> bool:
        """Whether the request falls under this set, read as denials.

        A pattern does when it would as a name: so does every pattern that lies wholly within a denial, and
        a file that is merely called `**` is denied like any other. What else a pattern resolves to is looked
        at file by file at the edge.
        """
        return request.kind in self._matchers and self._remembered(self._forbidden, request, self._denies)

    @cached_property
    def _forbidden(self) -> dict[tuple[str, str], bool]:
        return {}

    @staticmethod
    def _remembered(
        answers: dict[tuple[str, str], bool], request: Capability, find: Callable[[Capability], bool]
    ) -> bool:
        key = (request.kind, request.pattern)
        known = answers.get(key)
        if known is None:
            if len(answers) >= MAX_KNOWN:
                answers.clear()
            known = answers[key] = find(request)
        return known

    def _denies(self, request: Capability) -> bool:
        denials = self._matchers[request.kind]
        wanted = matcher(request.kind, request.pattern)
        return wanted is not None and any(denial.matches(wanted) for denial in denials)

    def attenuate(self, child: CapabilitySet) -> CapabilitySet:
        """What both sets have, as far as it can be proved: of each two grants the narrower; never more than either."""
        if len(self.grants) * len(child.grants) > MAX_PAIRS:
            return CapabilitySet(tuple(grant for grant in self.grants if grant in child.grants))
        both: set[Capability] = set()
        for mine in self.grants:
            for theirs in child.grants:
                if covers(mine, theirs):
                    both.add(theirs)
                elif covers(theirs, mine):
                    both.add(mine)
        return CapabilitySet(tuple(sorted(both, key=str)))

    def to_document(self) -> list[dict[str, object]]:
        """The form that `parse_capabilities` reads back as an equal set."""
        return write_grants(self.grants)


class Need(Protocol):
    """What a tool declares that it needs: of `kind`, the value of argument `arg` or the constant `value`."""

    @property
    def kind(self) -> str:
        """The kind of capability."""

    @property
    def arg(self) -> str | None:
        """The argument whose value is the pattern."""

    @property
    def value(self) -> str | None:
        """The pattern itself, where no argument holds it."""


def parse_capabilities(data: object, path: str) -> tuple[CapabilitySet, list[Problem]]:
    """Read a list of `{kind: [patterns]}` that stands at `path` in its document, with all that is wrong with it."""
    grants, problems = parse_grants(data, path)
    return CapabilitySet(grants), problems


def resolve_needs(needs: Iterable[Need], args: Mapping[str, object]) -> tuple[Capability, ...]:
    """The capabilities that a tool needs for these very arguments.

    Paths get their one spelling; a path that has none (absolute, climbing, empty) and an argument that
    is missing or no text become a capability that nothing covers. A list of paths needs each of them.
    """
    return tuple(found for need in needs for found in _resolve(need, args))


def _resolve(need: Need, args: Mapping[str, object]) -> tuple[Capability, ...]:
    value = need.value if need.arg is None else args.get(need.arg)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        if need.kind == "shell":
            return (Capability("shell", format_argv(value)),)
        return tuple(Capability(need.kind, _spell(need.kind, item)) for item in value)
    return (Capability(need.kind, _spell(need.kind, value) if isinstance(value, str) else ""),)


@lru_cache(maxsize=4096)
def _spell(kind: str, pattern: str) -> str:
    if kind not in PATH_KINDS:
        return pattern
    try:
        return normalise(pattern)
    except BadPatternError:
        return pattern
