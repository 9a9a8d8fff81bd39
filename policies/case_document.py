"""The written form of a decision case: a request, and what the gate should answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, cast

from policies.budget import Amount
from policies.canonical import NotCanonical, canonical, digest
from policies.capability import Capability, CapabilitySet, resolve_needs
from policies.case_fields import Fields, fields_of
from policies.model import Effect, Request, Risk, Trigger, Verdict
from policies.reading import Reader, nearest, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from policies.capability import Need

REQUEST = (
    "kind", "name", "tool", "args", "node", "activation", "effect", "risk", "needs", "asked", "reserve", "max_tokens",
    "output_nano", "discharged", "latched", "granted", "args_bytes", "attempt", "visit", "graph", "agent",
    "downshifted",
)  # fmt: skip
WANT = ("verdict", "reasons", "max_tokens", "asks", "warnings", "downshift")
KINDS = ("tool", "model")
ASKS = tuple(trigger.value for trigger in Trigger)
FINGERPRINT_DIGITS = 16


class ToolLike(Protocol):
    """What a case needs to know of a tool that it names."""

    @property
    def effect(self) -> Effect:
        """What repeating it does."""

    @property
    def risk(self) -> Risk:
        """How much harm it can do."""

    @property
    def needs(self) -> Iterable[Need]:
        """The capabilities that it needs for its arguments."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a case expects; null is not looked at. Rules are in the order of the gate."""

    verdict: Verdict
    reasons: tuple[str, ...] | None
    max_tokens: int | None
    asks: tuple[str, ...] | None
    warnings: tuple[str, ...] | None
    downshift: str | None


def read_request(reader: Reader, value: object, path: str, tools: Mapping[str, ToolLike]) -> Request:
    """The call of a case: in full, or as `tool: NAME` with `args`, of which the tool says the rest.

    Needs always hold the tool or model itself, and `asked` is all needs if left out.
    """
    found = fields_of(reader, value, path, REQUEST)
    tool = _tool(found, tools)
    kind = cast("Literal['tool', 'model']", found.choice("kind", KINDS, "tool"))
    name = found.text("tool" if "tool" in found.values else "name", "")
    if not name:
        reader.add("missing", found.at("name"), "the `name` of the tool or model is missing")
    args = found.mapping("args")
    needs = (Capability(kind, name), *(resolve_needs(tool.needs, args) if tool else ()))
    needs = (*needs, *found.capabilities("needs").grants)
    return Request(
        kind=kind,
        name=name,
        activation=found.text("activation", f"{name}#1"),
        node=found.text("node", name),
        effect=Effect(found.choice("effect", tuple(Effect), tool.effect if tool else "read")),
        risk=Risk(found.choice("risk", tuple(Risk), tool.risk if tool else "low")),
        needs=needs,
        asked=found.capabilities("asked") if "asked" in found.values else CapabilitySet(needs),
        reserve=Amount(tool_calls=1) if tool and "reserve" not in found.values else found.amount("reserve"),
        max_tokens=found.count("max_tokens"),
        output_nano=found.number("output_nano"),
        discharged=frozenset(Trigger(word) for word in found.choices("discharged", ASKS)),
        latched=frozenset(found.texts("latched")),
        granted=found.capabilities("granted") if "granted" in found.values else None,
        args=args,
        args_bytes=found.number("args_bytes", _size(found, args)),
        attempt=found.number("attempt", 1),
        visit=found.number("visit", 1),
        graph=found.text("graph", ""),
        agent=found.text("agent", "") or None,
        downshifted=found.values.get("downshifted") is True,
        fingerprint=f"{name}:{_digest(args)}",
    )


def read_want(reader: Reader, value: object, path: str) -> Wanted:
    """The expected answer."""
    found = fields_of(reader, value, path, WANT)
    verdict = Verdict(found.choice("verdict", tuple(Verdict), "deny"))
    if "verdict" not in found.values:
        reader.add("missing", found.at("verdict"), "the `verdict` is missing", f"write one of {quoted(tuple(Verdict))}")
    return Wanted(
        verdict,
        found.texts("reasons") if "reasons" in found.values else None,
        found.count("max_tokens"),
        tuple(found.choices("asks", ASKS)) if "asks" in found.values else None,
        found.texts("warnings") if "warnings" in found.values else None,
        found.text("downshift", "") or None,
    )


def _tool(found: Fields, tools: Mapping[str, ToolLike]) -> ToolLike | None:
    name = found.values.get("tool")
    if name is None:
        return None
    tool = tools.get(name) if isinstance(name, str) else None
    if tool is None:
        hint = nearest(name, tuple(tools)) or "write `name`, `needs`, `effect` and `risk` of a tool that is not here"
        found.reader.add("wrong_value", found.at("tool"), "no tool of that name is known here", hint)
    return tool


def _size(found: Fields, args: dict[str, object]) -> int:
    try:
        return len(canonical(args))
    except NotCanonical as error:
        found.reader.add("wrong_value", found.at("args"), f"the arguments are no JSON: {error}")
        return 0


def _digest(args: dict[str, object]) -> str:
    try:
        return digest(args)[:FINGERPRINT_DIGITS]
    except NotCanonical:
        return ""
