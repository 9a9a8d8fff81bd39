"""The operator's policy file: from its data to a policy that can be trusted to mean what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal, TypeAlias

from policies.canonical import digest
from policies.capability import Capability, CapabilitySet
from policies.errors import DocumentError
from policies.house_rules import KEYS as HOUSE
from policies.house_rules import HouseRules, read_house, write_house
from policies.model import Trigger
from policies.policy_schema import schema
from policies.price_document import read_prices, write_prices
from policies.prices import Price, builtin_price
from policies.reading import NAME, Reader, shown
from policies.tenant import TenantPolicy, read_tenant, write_tenant
from policies.triggers import TriggerRule

__all__ = ["PolicyDocument", "Price", "TenantPolicy", "TriggerRule", "builtin_policy", "parse_policy", "schema"]

VERSION = 1
KEYS = ("policy", "version", "tenants", *HOUSE, "prices", "unpriced")
BUILTIN: Final = "builtin"
ALLOW, ERROR = "allow", "error"

Prices: TypeAlias = Literal["builtin"] | Mapping[str, Price]
ReadPrices: TypeAlias = Callable[[str], Mapping[str, Price]]


@dataclass(frozen=True)
class PolicyDocument:
    """A whole policy: a slice per tenant, and the price of models (by id; `builtin` is Anthropic's list).

    `house` is what every slice has in common. `unpriced`: models without a price may be called, and count as
    costing nothing. `prices_file` is where the prices were read from, null if they stand in the policy itself.
    """

    name: str
    tenants: Mapping[str, TenantPolicy]
    house: HouseRules = field(default_factory=HouseRules)
    prices: Prices = BUILTIN
    unpriced: bool = False
    prices_file: str | None = field(default=None, compare=False)

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
        """The data that `parse_policy` reads as an equal policy; prices from a file stand in it."""
        return {
            "policy": self.name,
            "version": VERSION,
            "tenants": {name: write_tenant(slice_) for name, slice_ in self.tenants.items()},
            **write_house(self.house),
            "prices": self.prices if isinstance(self.prices, str) else write_prices(self.prices),
            "unpriced": ALLOW if self.unpriced else ERROR,
        }


def parse_policy(data: object, read_prices_of: ReadPrices | None = None) -> PolicyDocument:
    """Read a policy; `DocumentError` with everything that is wrong with it, each with its path.

    `read_prices_of` reads the file that `prices` names; without it a policy must hold its prices itself.
    """
    reader = Reader()
    found = {key: item for _, key, item in reader.entries(data, "", known=KEYS)}
    if isinstance(data, dict):
        _check_head(reader, found)
    house = read_house(reader, found)
    tenants = _read_tenants(reader, found["tenants"], house) if "tenants" in found else {}
    written = found.get("prices", BUILTIN)
    prices = _read_prices(reader, written, read_prices_of)
    unpriced = "unpriced" in found and reader.choice(found["unpriced"], "unpriced", (ALLOW, ERROR)) == ALLOW
    reader.finish()
    file = written if isinstance(written, str) and written != BUILTIN else None
    return PolicyDocument(str(found["policy"]), tenants, house, prices, unpriced, file)


def builtin_policy() -> PolicyDocument:
    """What holds where the operator has no policy: files of the workspace, skills, every model, people for risks."""
    asks = TriggerRule("modal", 3600.0, "deny")
    on_budget = TriggerRule("modal", 24 * 3600.0, "abort")
    house = HouseRules({Trigger.RISKY_TOOL: asks, Trigger.PROTECTED_PATH: asks, Trigger.BUDGET: on_budget})
    tools = (("tool", "fs.*"), ("tool", "text.*"), ("tool", "load_skill"))
    granted = (*tools, ("fs.read", "**"), ("fs.write", "**"), ("model", "*"))
    tenant = TenantPolicy(
        "default",
        allow=CapabilitySet(tuple(Capability(kind, pattern) for kind, pattern in granted)),
        protected=("**/.git/**",),
        triggers=house.triggers,
    )
    return PolicyDocument("builtin", {"default": tenant}, house)


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
        reader.name(found["policy"], "policy", NAME)


def _read_tenants(reader: Reader, value: object, house: HouseRules) -> dict[str, TenantPolicy]:
    tenants: dict[str, TenantPolicy] = {}
    for place, name, item in reader.entries(value, "tenants", free=True):
        reader.name(name, place, NAME)
        tenants[name] = read_tenant(reader, item, place, name, house)
    if value == {}:
        reader.add("missing", "tenants", "there is no tenant", "write `tenants: {default: {allow: [...]}}`")
    return tenants


def _read_prices(reader: Reader, value: object, read_prices_of: ReadPrices | None) -> Prices:
    if value == BUILTIN:
        return BUILTIN
    if not isinstance(value, str):
        return read_prices(reader, value, "prices")
    if read_prices_of is not None:
        return _of_file(reader, value, read_prices_of)
    hint = "write the prices here, or `builtin`"
    reader.add("wrong_value", "prices", f"{shown(value)}: a file of prices is read beside a policy's file only", hint)
    return BUILTIN


def _of_file(reader: Reader, name: str, read_prices_of: ReadPrices) -> Prices:
    try:
        return read_prices_of(name)
    except DocumentError as error:
        reader.problems += error.problems
        return BUILTIN
