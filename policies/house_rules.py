"""What a policy says once for all of its tenants: rules, people and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from policies.guardrail_document import read_guardrails, write_guardrails
from policies.people import Answerers, Approvals, Controls
from policies.people_checks import check_people
from policies.people_document import (
    read_answerers,
    read_approvals,
    read_controls,
    read_revoked,
    write_answerers,
    write_approvals,
    write_controls,
)
from policies.reading import shown
from policies.trigger_document import read_triggers, write_triggers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.guardrails import Guardrail
    from policies.model import Trigger
    from policies.reading import Reader
    from policies.triggers import TriggerRule

KEYS = ("guardrails", "triggers", "answerers", "controls", "approvals", "revoked", "audit", "secrets")
MAX_PATHS, MAX_PATH = 256, 512


@dataclass(frozen=True)
class HouseRules:
    """The parts of a policy that are the same for each tenant; every tenant's slice holds them, by these names."""

    triggers: Mapping[Trigger, TriggerRule] = field(default_factory=dict)
    approvals: Approvals = field(default_factory=Approvals)
    guardrails: tuple[Guardrail, ...] = ()
    answerers: Answerers = field(default_factory=Answerers)
    controls: Controls = field(default_factory=Controls)
    revoked: tuple[str, ...] = ()
    sign_audit: bool = False
    secret_paths: tuple[str, ...] = ()


def read_house(reader: Reader, found: Mapping[str, object]) -> HouseRules:
    """The rules among the top-level entries of a document, each of which stands at its key."""
    house = HouseRules()
    if "guardrails" in found:
        house = replace(house, guardrails=read_guardrails(reader, found["guardrails"], "guardrails"))
    if "triggers" in found:
        house = replace(house, triggers=read_triggers(reader, found["triggers"], "triggers"))
    if "answerers" in found:
        house = replace(house, answerers=read_answerers(reader, found["answerers"], "answerers"))
    if "controls" in found:
        house = replace(house, controls=read_controls(reader, found["controls"], "controls"))
    if "approvals" in found:
        house = replace(house, approvals=read_approvals(reader, found["approvals"], "approvals"))
    house = _read_lists(reader, found, house)
    check_people(reader, house)
    return house


def write_house(house: HouseRules) -> dict[str, object]:
    """The entries that `read_house` reads as these rules, with nothing left to a default."""
    return {
        "guardrails": write_guardrails(house.guardrails),
        "triggers": write_triggers(house.triggers),
        "answerers": write_answerers(house.answerers),
        "controls": write_controls(house.controls),
        "approvals": write_approvals(house.approvals),
        "revoked": list(house.revoked),
        "audit": {"sign": house.sign_audit},
        "secrets": {"allow_paths": list(house.secret_paths)},
    }


def _read_lists(reader: Reader, found: Mapping[str, object], house: HouseRules) -> HouseRules:
    if "revoked" in found:
        house = replace(house, revoked=read_revoked(reader, found["revoked"], "revoked"))
    for place, _, item in reader.entries(found.get("audit", {}), "audit", known=("sign",)):
        house = replace(house, sign_audit=reader.flag(item, place))
    for place, _, item in reader.entries(found.get("secrets", {}), "secrets", known=("allow_paths",)):
        house = replace(house, secret_paths=_read_paths(reader, item, place))
    return house


def _read_paths(reader: Reader, value: object, path: str) -> tuple[str, ...]:
    """Paths into a graph and its input; one that is nothing but stars would let every secret pass."""
    paths = reader.texts(value, path)
    reader.most(paths, path, MAX_PATHS)
    for place, text in paths:
        if not text or len(text) > MAX_PATH:
            reader.add("wrong_value", place, f"{shown(text)} is no path", "write `input.config.token`")
        elif not text.strip("*.[]"):
            reader.add("unsafe", place, f"`{text}` lets everything pass", "name what it is about: `input.config.*`")
    return tuple(text for _, text in paths)
