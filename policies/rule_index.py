"""Finds the rules that can concern a call: a rule that wants another name, kind or risk is not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from policies.cel_tree import Chain, Group, Literal, Path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from policies.cel_tree import Tree

Indexed = TypeVar("Indexed")
Key = tuple[str, str, str]

KEYS: Final[Mapping[str, frozenset[str]]] = {
    "execution": frozenset({"kind", "name", "node", "risk"}),
    "last": frozenset({"kind", "name", "node", "status"}),
    "capability": frozenset({"kind"}),
}
"""Facts that are always texts and never an error to read."""
_ALL: Final = 1
"""The level of `&&`."""


class Index(Generic[Indexed]):
    """Things by the one fact that must have one value for them to matter; those without come every time."""

    def __init__(self, things: Iterable[tuple[Indexed, Tree | None]]) -> None:
        self.always: list[Indexed] = []
        self._keyed: dict[tuple[str, str], dict[str, list[Indexed]]] = {}
        for thing, tree in things:
            key = None if tree is None else key_of(tree)
            if key is None:
                self.always.append(thing)
            else:
                self._keyed.setdefault(key[:2], {}).setdefault(key[2], []).append(thing)

    def others(self, bindings: Mapping[str, object], kinds: Iterable[str]) -> list[Indexed]:
        """Those with a key that this call has; `kinds` are those of the capabilities that it needs."""
        found: list[Indexed] = []
        for (name, field), by_value in self._keyed.items():
            if name == "capability":
                for kind in kinds:
                    found += by_value.get(kind, ())
            else:
                facts = cast("Mapping[str, object]", bindings[name])
                found += by_value.get(str(facts[field]), ())
        return found


def key_of(tree: Tree) -> Key | None:
    """A name, a field and the text that it must have, if the condition is false with any other."""
    match tree:
        case Group(inner):
            return key_of(inner)
        case Chain(level, operands) if level == _ALL:
            return next((key for key in map(key_of, operands) if key is not None), None)
        case Chain(_, (Path() as path, Literal(_, value, True)), ("==",)):
            return _key(path, value)
        case Chain(_, (Literal(_, value, True), Path() as path), ("==",)):
            return _key(path, value)
        case _:
            return None


def _key(path: Path, value: object) -> Key | None:
    fits = len(path.steps) == 1 and path.steps[0] in KEYS.get(path.name, ())
    return (path.name, str(path.steps[0]), value) if fits and isinstance(value, str) else None
