"""The written form of a decision case: a request and facts, and what the gate should answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from policies.budget import UNITS, Amount, Limits
from policies.capability import Capability, CapabilitySet, parse_capabilities
from policies.limits import SCOPES, WORDS, read_limits
from policies.model import Effect, Facts, Request, Risk, Standing, Trigger, Verdict
from policies.reading import Reader, join, quoted
from policies.units import read_count, read_duration, read_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.tenant import TenantPolicy

REQUEST = (
    "kind", "name", "node", "activation", "effect", "risk", "needs", "asked", "reserve", "max_tokens",
    "output_nano", "discharged",
)  # fmt: skip
FACTS = ("namespace", "execution", "lifetime")
WANT = ("verdict", "reasons", "max_tokens")
KINDS = ("tool", "model")
ASKS = tuple(trigger.value for trigger in Trigger)
STANDING = ("limit", "used", "reserved", "stopped")
_UNITS = {word: unit for word, unit in WORDS.items() if unit in UNITS}
_AMOUNTS = {"cost_usd": read_usd, "wall_clock": read_duration}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a case expects; null is not looked at."""

    verdict: Verdict
    reasons: tuple[str, ...] | None
    max_tokens: int | None


def read_request(reader: Reader, value: object, path: str) -> Request:
    """The call of a case; needs always hold the tool or model itself, and `asked` is all needs if left out."""
    found = _fields(reader, value, path, REQUEST)
    kind = cast("Literal['tool', 'model']", found.choice("kind", KINDS, "tool"))
    name = found.text("name", "")
    if not name:
        reader.add("missing", found.at("name"), "the `name` of the tool or model is missing")
    needs = (Capability(kind, name), *found.capabilities("needs").grants)
    return Request(
        kind=kind,
        name=name,
        activation=found.text("activation", f"{name}#1"),
        node=found.text("node", name),
        effect=Effect(found.choice("effect", tuple(Effect), "read")),
        risk=Risk(found.choice("risk", tuple(Risk), "low")),
        needs=needs,
        asked=found.capabilities("asked") if "asked" in found.values else CapabilitySet(needs),
        reserve=found.amount("reserve"),
        max_tokens=found.count("max_tokens"),
        output_nano=found.count("output_nano") or 0,
        discharged=frozenset(Trigger(word) for word in found.choices("discharged", ASKS)),
    )


def read_facts(reader: Reader, value: object, path: str, policy: TenantPolicy) -> Facts:
    """The facts of a case; limits that it does not give are those of the policy."""
    found = _fields(reader, value, path, FACTS)
    return Facts(
        namespace=found.text("namespace", "default"),
        execution=found.standing("execution", policy.execution),
        lifetime=found.standing("lifetime", policy.lifetime),
    )


def read_want(reader: Reader, value: object, path: str) -> Wanted:
    """The expected answer; rule ids in the order of the gate."""
    found = _fields(reader, value, path, WANT)
    verdict = Verdict(found.choice("verdict", tuple(Verdict), "deny"))
    if "verdict" not in found.values:
        reader.add("missing", found.at("verdict"), "the `verdict` is missing", f"write one of {quoted(tuple(Verdict))}")
    reasons = tuple(found.texts("reasons")) if "reasons" in found.values else None
    return Wanted(verdict, reasons, found.count("max_tokens"))


def _fields(reader: Reader, value: object, path: str, known: tuple[str, ...]) -> _Fields:
    entries = reader.entries(value, path, known=known)
    return _Fields(reader, path, {key: item for _, key, item in entries})


@dataclass(frozen=True, slots=True)
class _Fields:
    """The entries of one mapping of a case."""

    reader: Reader
    path: str
    values: Mapping[str, object]

    def at(self, key: str) -> str:
        return join(self.path, key)

    def text(self, key: str, default: str) -> str:
        value = self.values.get(key, default)
        if isinstance(value, str):
            return value
        self.reader.add("wrong_type", self.at(key), f"`{key}` is text")
        return default

    def texts(self, key: str) -> list[str]:
        return [text for _, text in self.reader.texts(self.values.get(key, []), self.at(key))]

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        return self.reader.choice(self.values.get(key, default), self.at(key), allowed) or default

    def choices(self, key: str, allowed: tuple[str, ...]) -> list[str]:
        places = self.reader.texts(self.values.get(key, []), self.at(key))
        return [word for place, text in places if (word := self.reader.choice(text, place, allowed)) is not None]

    def count(self, key: str) -> int | None:
        value = self.values.get(key)
        return None if value is None else self.reader.convert(value, self.at(key), read_count)

    def capabilities(self, key: str) -> CapabilitySet:
        found, problems = parse_capabilities(self.values.get(key, []), self.at(key))
        self.reader.problems += problems
        return found

    def amount(self, key: str) -> Amount:
        counted: dict[str, int] = {}
        for place, word, item in self.reader.entries(self.values.get(key, {}), self.at(key), known=tuple(_UNITS)):
            counted[_UNITS[word]] = self.reader.convert(item, place, _AMOUNTS.get(word, read_count)) or 0
        return Amount(**counted)

    def standing(self, scope: str, limits: Limits) -> Standing:
        inner = _fields(self.reader, self.values.get(scope, {}), self.at(scope), STANDING)
        stopped = inner.choices("stopped", tuple(_UNITS))
        limit = read_limits(self.reader, inner.values.get("limit", {}), inner.at("limit"), limits, SCOPES[scope])
        return Standing(limit, inner.amount("used"), inner.amount("reserved"), tuple(_UNITS[word] for word in stopped))
