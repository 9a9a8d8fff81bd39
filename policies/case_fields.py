"""Reading one mapping of a decision case, key by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policies.budget import UNITS, Amount
from policies.capability import CapabilitySet, parse_capabilities
from policies.limits import SCOPES, WORDS, read_amounts, read_limits
from policies.model import Standing
from policies.reading import Reader, join
from policies.units import read_count, read_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.budget import Limits

STANDING: Final = ("limit", "used", "reserved", "stopped")
UNIT_WORDS: Final = {word: unit for word, unit in WORDS.items() if unit in UNITS}


def fields_of(reader: Reader, value: object, path: str, known: tuple[str, ...]) -> Fields:
    """The entries of the mapping at `path`, of which only these are known."""
    return Fields(reader, path, {key: item for _, key, item in reader.entries(value, path, known=known)})


@dataclass(frozen=True, slots=True)
class Fields:
    """The entries of one mapping; what is wrong with one becomes a problem and reads as its default."""

    reader: Reader
    path: str
    values: Mapping[str, object]

    def at(self, key: str) -> str:
        """The path of a key."""
        return join(self.path, key)

    def inner(self, key: str, known: tuple[str, ...]) -> Fields:
        """The mapping at a key, empty where there is none."""
        return fields_of(self.reader, self.values.get(key, {}), self.at(key), known)

    def text(self, key: str, default: str) -> str:
        """A text."""
        value = self.values.get(key, default)
        if isinstance(value, str):
            return value
        self.reader.add("wrong_type", self.at(key), f"`{key}` is text")
        return default

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(text for _, text in self.reader.texts(self.values.get(key, []), self.at(key)))

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        """One of the allowed words."""
        return self.reader.choice(self.values.get(key, default), self.at(key), allowed) or default

    def choices(self, key: str, allowed: tuple[str, ...]) -> list[str]:
        """Some of the allowed words."""
        places = self.reader.texts(self.values.get(key, []), self.at(key))
        return [word for place, text in places if (word := self.reader.choice(text, place, allowed)) is not None]

    def count(self, key: str) -> int | None:
        """A whole number, null where there is none."""
        value = self.values.get(key)
        return None if value is None else self.reader.convert(value, self.at(key), read_count)

    def number(self, key: str, default: int = 0) -> int:
        """A whole number."""
        found = self.count(key)
        return default if found is None else found

    def usd(self, key: str) -> int:
        """Nano-dollars from an amount in US dollars."""
        return self.reader.convert(self.values.get(key, 0), self.at(key), read_usd) or 0

    def mapping(self, key: str) -> dict[str, object]:
        """A mapping with any keys."""
        return {name: item for _, name, item in self.reader.entries(self.values.get(key, {}), self.at(key), free=True)}

    def counts(self, key: str) -> dict[str, int]:
        """A mapping from names to whole numbers."""
        entries = self.reader.entries(self.values.get(key, {}), self.at(key), free=True)
        return {name: self.reader.convert(item, place, read_count) or 0 for place, name, item in entries}

    def capabilities(self, key: str) -> CapabilitySet:
        """A list of capabilities."""
        found, problems = parse_capabilities(self.values.get(key, []), self.at(key))
        self.reader.problems += problems
        return found

    def amount(self, key: str) -> Amount:
        """An amount in the words of budgets."""
        return Amount(**read_amounts(self.reader, self.values.get(key, {}), self.at(key), tuple(UNIT_WORDS)))

    def standing(self, scope: str, limits: Limits) -> Standing:
        """A budget scope; limits that it does not give are the default's."""
        inner = self.inner(scope, STANDING)
        words = SCOPES.get(scope, tuple(UNIT_WORDS))
        limit = read_limits(self.reader, inner.values.get("limit", {}), inner.at("limit"), limits, words)
        stopped = tuple(UNIT_WORDS[word] for word in inner.choices("stopped", tuple(UNIT_WORDS)))
        return Standing(limit, inner.amount("used"), inner.amount("reserved"), stopped)
