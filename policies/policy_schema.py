"""The JSON Schema of a policy document, for editors; `parse_policy` says more and has the last word."""

from __future__ import annotations

from policies.house_schema import house_schema
from policies.price_document import RATES
from policies.schema_parts import NAME, USD, by_text, either, mapping, named, one_of
from policies.tenant_schema import tenant_schema


def schema() -> dict[str, object]:
    """What a policy document may hold, as JSON Schema 2020-12."""
    rates: dict[str, object] = dict.fromkeys(RATES, USD)
    price = mapping(rates, required=["input", "output"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Detent policy, version 1",
        **mapping(
            {
                "policy": {"type": "string", "pattern": NAME},
                "version": {"const": 1},
                "tenants": named(tenant_schema(), minimum=1),
                **house_schema(),
                "prices": either({"type": "string", "minLength": 1}, by_text(price)),
                "unpriced": one_of("allow", "error"),
            },
            required=["policy", "version", "tenants"],
        ),
    }
