"""The slice of the operator's policy that one tenant has, which is what the calls of a run are decided by."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from policies.answerer_entries import read_entries
from policies.budget import Limits
from policies.budget_document import Budgets, read_budgets, write_budgets
from policies.canonical import digest
from policies.capability import Capability, CapabilitySet, covers, parse_capabilities
from policies.globs import BadPatternError
from policies.guardrails import Guardrail
from policies.house_rules import KEYS as HOUSE
from policies.house_rules import HouseRules, read_house, write_house
from policies.ladder import Ladder
from policies.limits import EXECUTION, LIFETIME
from policies.loop_document import read_loop, write_loop
from policies.loop_guard import LoopRules
from policies.model import Trigger
from policies.paths import parse_path
from policies.people import ANY as EVERYBODY
from policies.people import Answerers, Approvals, Controls
from policies.people_checks import check_starters
from policies.reading import Reader, join
from policies.risk import RiskRules, read_risk, write_risk
from policies.triggers import TriggerRule
from policies.windows import TENANT, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY = "*"
KEYS = (
    *("namespaces", "task_queues", "allow", "deny", "grantable", "protected", "budgets", "risk", "loop_guard"),
    "starters",
)
_EVERYTHING = tuple(
    Capability(kind, "**") for kind in ("tool", "model", "fs.read", "fs.write", "shell", "mcp", "spawn")
)


@dataclass(frozen=True)
class TenantPolicy:
    """What the runs of one tenant may do. `protected` are paths that are not written to before a person was asked."""

    name: str
    namespaces: tuple[str, ...] = (ANY,)
    task_queues: tuple[str, ...] = (ANY,)
    allow: CapabilitySet = field(default_factory=CapabilitySet)
    deny: CapabilitySet = field(default_factory=CapabilitySet)
    protected: tuple[str, ...] = ()
    execution: Limits = EXECUTION
    lifetime: Limits = LIFETIME
    risk: RiskRules = field(default_factory=RiskRules)
    triggers: Mapping[Trigger, TriggerRule] = field(default_factory=dict)
    grantable: CapabilitySet = field(default_factory=CapabilitySet)
    windows: tuple[Window, ...] = TENANT
    ladder: Ladder = field(default_factory=Ladder)
    downshift: Mapping[str, str] = field(default_factory=dict)
    max_raise: Mapping[str, int] = field(default_factory=dict)
    loop: LoopRules | None = field(default_factory=LoopRules)
    starters: tuple[str, ...] = ()
    approvals: Approvals = field(default_factory=Approvals)
    guardrails: tuple[Guardrail, ...] = ()
    answerers: Answerers = field(default_factory=Answerers)
    controls: Controls = field(default_factory=Controls)
    revoked: tuple[str, ...] = ()
    sign_audit: bool = False
    secret_paths: tuple[str, ...] = ()

    @cached_property
    def guarded(self) -> CapabilitySet:
        """The protected paths, as writes."""
        return CapabilitySet(tuple(Capability("fs.write", pattern) for pattern in self.protected))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical document, as 64 hex digits."""
        return digest(self.to_document())

    def serves(self, namespace: str, task_queue: str | None = None) -> bool:
        """Whether runs in this namespace, and on this queue where one is given, may be the tenant's."""
        return _named(namespace, self.namespaces) and (task_queue is None or _named(task_queue, self.task_queues))

    def to_document(self) -> dict[str, object]:
        """The form that the run card holds; `from_document` reads it back as an equal policy."""
        house = HouseRules(**{field.name: getattr(self, field.name) for field in fields(HouseRules)})
        return {"name": self.name, **write_tenant(self), **write_house(house)}

    @classmethod
    def from_document(cls, data: Mapping[str, object]) -> TenantPolicy:
        """The policy that `to_document` wrote; `DocumentError` with every problem if it did not."""
        reader = Reader()
        found = {key: item for _, key, item in reader.entries(data, "", known=("name", *KEYS, *HOUSE))}
        house = read_house(reader, found)
        body = {key: item for key, item in found.items() if key in KEYS}
        policy = read_tenant(reader, body, "", str(found.get("name")), house)
        reader.finish()
        return policy


def read_tenant(reader: Reader, value: object, path: str, name: str, house: HouseRules) -> TenantPolicy:
    """The tenant at `path`, under the rules of its document."""
    found = {key: (at, item) for at, key, item in reader.entries(value, path, known=KEYS)}
    budgets = read_budgets(reader, found["budgets"][1], found["budgets"][0]) if "budgets" in found else Budgets()
    policy = TenantPolicy(
        name,
        namespaces=_names(reader, found, "namespaces"),
        task_queues=_names(reader, found, "task_queues"),
        allow=_capabilities(reader, found, "allow"),
        deny=_capabilities(reader, found, "deny"),
        grantable=_capabilities(reader, found, "grantable"),
        protected=_protected(reader, found),
        risk=read_risk(reader, found["risk"][1], found["risk"][0]) if "risk" in found else RiskRules(),
        loop=read_loop(reader, found["loop_guard"][1], found["loop_guard"][0])
        if "loop_guard" in found
        else LoopRules(),
        starters=_starters(reader, found, house),
        **_of(budgets),
        **_of(house),
    )
    _refuse_reckless(reader, policy, join(path, "risk.critical"))
    return policy


def write_tenant(policy: TenantPolicy) -> dict[str, object]:
    """The mapping that `read_tenant` reads as this policy, with nothing left to a default."""
    budgets = Budgets(**{field.name: getattr(policy, field.name) for field in fields(Budgets)})
    return {
        "namespaces": list(policy.namespaces),
        "task_queues": list(policy.task_queues),
        "allow": policy.allow.to_document(),
        "deny": policy.deny.to_document(),
        "grantable": policy.grantable.to_document(),
        "protected": list(policy.protected),
        "budgets": write_budgets(budgets),
        "risk": write_risk(policy.risk),
        "loop_guard": write_loop(policy.loop),
        "starters": list(policy.starters) or None,
    }


def _of(part: Budgets | HouseRules) -> dict[str, Any]:
    """The fields of a part of the document, which a slice has by the same names."""
    return {field.name: getattr(part, field.name) for field in fields(part)}


_Found = dict[str, tuple[str, object]]


def _names(reader: Reader, found: _Found, key: str) -> tuple[str, ...]:
    if key not in found:
        return (ANY,)
    path, value = found[key]
    names = tuple(name for _, name in reader.texts(value, path))
    if value == [] or "" in names:
        reader.add("wrong_value", path, f"`{key}` names at least one, and none that is empty", "leave it out for any")
    return names


def _capabilities(reader: Reader, found: _Found, key: str) -> CapabilitySet:
    if key not in found:
        return CapabilitySet()
    path, value = found[key]
    capabilities, problems = parse_capabilities(value, path)
    reader.problems += problems
    return capabilities


def _protected(reader: Reader, found: _Found) -> tuple[str, ...]:
    patterns: list[str] = []
    path, value = found.get("protected", ("", []))
    for place, pattern in reader.texts(value, path):
        try:
            parse_path(pattern)
            patterns.append(pattern)
        except BadPatternError as error:
            reader.add("bad_pattern", place, f"`{pattern}` is no pattern of paths: {error}")
    return tuple(patterns)


def _starters(reader: Reader, found: _Found, house: HouseRules) -> tuple[str, ...]:
    """Who may start runs, which they then sign; null or left out, whoever reaches the namespace may."""
    path, value = found.get("starters", ("", None))
    if value is None:
        return ()
    known = len(reader.problems)
    starters = read_entries(reader, value, path) or (EVERYBODY,)
    if len(reader.problems) == known:
        check_starters(reader, house, starters, path)
    return starters


def _refuse_reckless(reader: Reader, policy: TenantPolicy, path: str) -> None:
    """Critical calls that nobody is asked about need a policy that says which ones it means."""
    if policy.risk.critical != "auto":
        return
    wide = [str(grant) for grant in policy.allow.grants if any(covers(grant, all_) for all_ in _EVERYTHING)]
    if wide:
        message = f"`critical: auto` together with `{wide[0]}`: any critical call would run unasked"
        reader.add("unsafe", path, message, "narrow the grant, or write `ask` or `deny`")


def _named(name: str, names: tuple[str, ...]) -> bool:
    return ANY in names or name in names
