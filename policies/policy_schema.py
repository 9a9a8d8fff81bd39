"""The JSON Schema of a policy document, for editors; `parse_policy` says more and has the last word."""

from __future__ import annotations

from policies.grants import KINDS
from policies.limits import SCOPES
from policies.model import Risk
from policies.risk import MODES
from policies.triggers import ON_TIMEOUT, UIS

_TEXTS: dict[str, object] = {"type": "array", "items": {"type": "string", "minLength": 1}}
_USD: dict[str, object] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,9})?$"}]
}
_DURATION: dict[str, object] = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
_COUNT: dict[str, object] = {"type": "integer", "minimum": 0}
_NAME = "^[a-z0-9][a-z0-9-]{0,63}$"


def schema() -> dict[str, object]:
    """What a policy document may hold now, as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Detent policy, version 1",
        **_mapping(
            {
                "policy": {"type": "string", "pattern": _NAME},
                "version": {"const": 1},
                "tenants": _named(_tenant(), minimum=1),
                "triggers": _mapping({trigger.value: _trigger(words) for trigger, words in ON_TIMEOUT.items()}),
                "prices": {"anyOf": [{"const": "builtin"}, {"type": "object", "additionalProperties": _price()}]},
            },
            required=["policy", "version", "tenants"],
        ),
    }


def _tenant() -> dict[str, object]:
    grants = {"type": "array", "items": _mapping({kind: _env() if kind == "env" else _TEXTS for kind in KINDS})}
    levels: dict[str, object] = {level.value: {"enum": list(MODES)} for level in Risk}
    tools = {"type": "object", "additionalProperties": {"enum": [level.value for level in Risk]}}
    return _mapping(
        {
            "namespaces": {**_TEXTS, "minItems": 1},
            "task_queues": {**_TEXTS, "minItems": 1},
            "allow": grants,
            "deny": grants,
            "protected": _TEXTS,
            "budgets": _mapping({scope: _limits(words) for scope, words in SCOPES.items()}),
            "risk": _mapping({**levels, "tools": tools}),
        }
    )


def _limits(words: tuple[str, ...]) -> dict[str, object]:
    special = {"cost_usd": _USD, "wall_clock": _DURATION}
    return _mapping({word: {"anyOf": [special.get(word, _COUNT), {"type": "null"}]} for word in words})


def _env() -> dict[str, object]:
    entry = _mapping({"name": {"type": "string"}, "hosts": _TEXTS}, required=["name"])
    return {"type": "array", "items": {"anyOf": [{"type": "string"}, entry]}}


def _trigger(words: tuple[str, ...]) -> dict[str, object]:
    deadline = {"anyOf": [_DURATION, {"type": "null"}]}
    return _mapping({"ui": {"enum": list(UIS)}, "deadline": deadline, "on_timeout": {"enum": list(words)}})


def _price() -> dict[str, object]:
    rates: dict[str, object] = dict.fromkeys(("input", "output", "cache_read", "cache_write"), _USD)
    return _mapping(rates, required=["input", "output"])


def _named(values: dict[str, object], *, minimum: int) -> dict[str, object]:
    return {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": values,
        "minProperties": minimum,
    }


def _mapping(properties: dict[str, object], *, required: list[str] | None = None) -> dict[str, object]:
    wanted = {"required": required} if required else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **wanted}
