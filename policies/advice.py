"""What a policy that loads says in vain: parts that do nothing as things are, for whoever checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.model import Trigger
from policies.people_checks import OPERATOR
from policies.people_document import CONTROLS
from policies.reading import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.document import PolicyDocument
    from policies.house_rules import HouseRules
    from policies.tenant import TenantPolicy

UNUSED: Final = (Trigger.PLAN, Trigger.EPIC)
"""Triggers of the language that nothing in a run pulls yet."""

BLANK: Final = frozenset(
    (
        *(("tenant", field) for field in ("elapsed_s", "age_s", "depth", "failures", "denials")),
        ("lifetime", "depth"),
        ("agent",),
    )
)
"""Facts of the language that nothing fills yet: numbers are 0, texts empty."""


def advice(policy: PolicyDocument) -> tuple[str, ...]:
    """Warnings in words, those of the document before those of its tenants; none changes a decision."""
    tenants = (told for name in sorted(policy.tenants) for told in _of_tenant(policy.tenants[name]))
    unpriced = ("`unpriced: allow`: no budget of money holds a model without a price",) if policy.unpriced else ()
    return (*unpriced, *_of_house(policy.house), *tenants)


def _of_house(house: HouseRules) -> Iterator[str]:
    unused = [trigger.value for trigger in UNUSED if trigger in house.triggers]
    if unused:
        yield f"`triggers`: nothing in a run asks by {quoted(unused)} yet"
    people = house.answerers.people
    held = [f"controls.{name}" for name in CONTROLS if getattr(house.controls, name) == OPERATOR]
    if people and held and not any(OPERATOR in person.roles for person in people):
        yield f"{quoted(held)}: nobody has the role `{OPERATOR}`, so nobody may"
    for rule in house.guardrails:
        blank = {(path.name, *path.steps[:1]) for path in rule.paths} & BLANK
        if blank:
            names = sorted(".".join(map(str, fact)) for fact in blank)
            yield f"`guardrails.{rule.id}` reads {quoted(names)}, which nothing fills yet: it is always 0 or empty"


def _of_tenant(tenant: TenantPolicy) -> Iterator[str]:
    place = f"tenants.{tenant.name}"
    if tenant.max_raise and not tenant.answerers.require_signature:
        yield f"`{place}.budgets.max_raise`: a raise must be signed, so `raise` is not offered without signatures"
    if not tenant.windows:
        idle = [rule.id for rule in tenant.guardrails if any(path.name == "tenant" for path in rule.paths)]
        if idle:
            yield f"`{place}.budgets.tenant` is null, so what {quoted(idle)} read of `tenant` is always 0"
