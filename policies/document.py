"""The operator's policy file: from its data to a policy that can be trusted to mean what it says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from policies.canonical import digest
from policies.capability import Capability, CapabilitySet
from policies.model import Trigger
from policies.policy_schema import schema
from policies.prices import Price, builtin_price
from policies.reading import Reader, shown
from policies.tenant import TenantPolicy, read_tenant, write_tenant
from policies.triggers import TriggerRule, read_triggers, write_triggers
from policies.units import read_price, write_price

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PolicyDocument", "Price", "TenantPolicy", "TriggerRule", "builtin_policy", "parse_policy", "schema"]

VERSION = 1
KEYS = ("policy", "version", "tenants", "triggers", "prices")
LATER = ("guardrails", "answerers", "controls", "approvals", "revoked", "audit", "secrets", "unpriced")
RATES = ("input", "output", "cache_read", "cache_write")
MAX_NAME = 64
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True)
class PolicyDocument:
    """A whole policy: a slice per tenant, and the price of models (by id; `builtin` is Anthropic's list)."""

    name: str
    tenants: Mapping[str, TenantPolicy]
    triggers: Mapping[Trigger, TriggerRule] = field(default_factory=dict)
    prices: Literal["builtin"] | Mapping[str, Price] = "builtin"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical document, as 64 hex digits."""
        return digest(self.to_document())

    def tenant(self, name: str) -> TenantPolicy | None:
        """The slice of one tenant; null if the policy does not know it."""
        return self.tenants.get(name)

    def tenants_for(self, namespace: str, task_queue: str | None = None) -> tuple[str, ...]:
        """The tenants that a worker in this namespace, and on this queue where one is given, may serve; sorted."""
        return tuple(sorted(name for name, slice_ in self.tenants.items() if slice_.serves(namespace, task_queue)))

    def price(self, model: str) -> Price | None:
        """What a model costs, by its provider's id; null if the policy does not know."""
        return builtin_price(model) if isinstance(self.prices, str) else self.prices.get(model)

    def to_document(self) -> dict[str, object]:
        """The data that `parse_policy` reads as an equal policy."""
        return {
            "policy": self.name,
            "version": VERSION,
            "tenants": {name: write_tenant(slice_) for name, slice_ in self.tenants.items()},
            "triggers": write_triggers(self.triggers),
            "prices": self.prices if isinstance(self.prices, str) else _write_prices(self.prices),
        }


def parse_policy(data: object) -> PolicyDocument:
    """Read a policy; `DocumentError` with everything that is wrong with it, each with its path."""
    reader = Reader()
    found = {key: item for _, key, item in reader.entries(data, "", known=KEYS, later=LATER)}
    if isinstance(data, dict):
        _check_head(reader, found)
    triggers = read_triggers(reader, found.get("triggers", {}), "triggers")
    tenants = _read_tenants(reader, found["tenants"], triggers) if "tenants" in found else {}
    prices = _read_prices(reader, found.get("prices", "builtin"))
    reader.finish()
    return PolicyDocument(str(found["policy"]), tenants, triggers, prices)


def builtin_policy() -> PolicyDocument:
    """What holds where the operator has no policy: files and text of the workspace, every model, people for risks."""
    asks = TriggerRule("modal", 3600.0, "deny")
    triggers = {Trigger.RISKY_TOOL: asks, Trigger.PROTECTED_PATH: asks}
    granted = (("tool", "fs.*"), ("tool", "text.*"), ("fs.read", "**"), ("fs.write", "**"), ("model", "*"))
    tenant = TenantPolicy(
        "default",
        allow=CapabilitySet(tuple(Capability(kind, pattern) for kind, pattern in granted)),
        protected=("**/.git/**",),
        triggers=triggers,
    )
    return PolicyDocument("builtin", {"default": tenant}, triggers)


def _check_head(reader: Reader, found: Mapping[str, object]) -> None:
    for key, example in (
        ("policy", "policy: example"),
        ("version", "version: 1"),
        ("tenants", "tenants: {default: {}}"),
    ):
        if key not in found:
            reader.add("missing", key, f"`{key}` is missing", f"write `{example}`")
    if "version" in found and (type(found["version"]) is not int or found["version"] != VERSION):
        reader.add("wrong_value", "version", f"{shown(found['version'])} is no version of the language", "write `1`")
    if "policy" in found:
        _check_name(reader, found["policy"], "policy")


def _check_name(reader: Reader, name: object, path: str) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not _NAME.issuperset(name) or name[0] == "-":
        message = f"{shown(name)} is no name: lower-case letters, digits and dashes, at most {MAX_NAME}"
        reader.add("wrong_value", path, message)


def _read_tenants(reader: Reader, value: object, triggers: Mapping[Trigger, TriggerRule]) -> dict[str, TenantPolicy]:
    tenants: dict[str, TenantPolicy] = {}
    for place, name, item in reader.entries(value, "tenants", free=True):
        _check_name(reader, name, place)
        tenants[name] = replace(read_tenant(reader, item, place, name), triggers=triggers)
    if value == {}:
        reader.add("missing", "tenants", "there is no tenant", "write `tenants: {default: {allow: [...]}}`")
    return tenants


def _read_prices(reader: Reader, value: object) -> Literal["builtin"] | dict[str, Price]:
    if value == "builtin":
        return "builtin"
    if isinstance(value, str):
        reader.add("not_yet", "prices", f"{shown(value)}: a file of prices is not there yet", "write the prices here")
        return "builtin"
    prices: dict[str, Price] = {}
    for place, model, item in reader.entries(value, "prices", free=True):
        prices[model] = _read_price(reader, item, place)
    return prices


def _read_price(reader: Reader, value: object, path: str) -> Price:
    """Cached input costs as much as any other where its price is left out: never too little is counted."""
    rates: dict[str, int] = {}
    for place, rate, amount in reader.entries(value, path, known=RATES):
        rates[rate] = reader.convert(amount, place, read_price) or 0
    if not {"input", "output"} <= rates.keys():
        reader.add("missing", path, "a price has `input` and `output`, in US dollars per million tokens")
    price = rates.get("input", 0)
    return Price(price, rates.get("output", 0), rates.get("cache_read", price), rates.get("cache_write", price))


def _write_prices(prices: Mapping[str, Price]) -> dict[str, object]:
    return {
        model: {rate: write_price(amount) for rate, amount in asdict(price).items()} for model, price in prices.items()
    }
