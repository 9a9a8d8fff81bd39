"""The pieces that the JSON Schema of a policy is made of."""

from __future__ import annotations

from policies.grants import KINDS
from policies.limits import WORDS

NAME = "^[a-z0-9][a-z0-9-]{0,63}$"
RULE_NAME = "^[a-z0-9][a-z0-9_-]{0,63}$"
ENTRY = "^(any|role:[a-z0-9][a-z0-9_-]{0,63}|(person:)?[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}|not_starter)$"

TEXTS: dict[str, object] = {"type": "array", "items": {"type": "string", "minLength": 1}}
USD: dict[str, object] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,9})?$"}]
}
DURATION: dict[str, object] = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}
COUNT: dict[str, object] = {"type": "integer", "minimum": 0}
POSITIVE: dict[str, object] = {"type": "integer", "minimum": 1}
FLAG: dict[str, object] = {"type": "boolean"}
ENTRIES: dict[str, object] = {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": ENTRY}}
NULL: dict[str, object] = {"type": "null"}


def mapping(properties: dict[str, object], *, required: list[str] | None = None) -> dict[str, object]:
    """A mapping of these keys and no others."""
    wanted = {"required": required} if required else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **wanted}


def named(values: dict[str, object], *, minimum: int = 0) -> dict[str, object]:
    """A mapping from names to such values."""
    return {
        "type": "object",
        "propertyNames": {"pattern": NAME},
        "additionalProperties": values,
        "minProperties": minimum,
    }


def by_text(values: dict[str, object]) -> dict[str, object]:
    """A mapping from any text to such values."""
    return {"type": "object", "additionalProperties": values}


def either(*kinds: dict[str, object]) -> dict[str, object]:
    """One of several kinds."""
    return {"anyOf": list(kinds)}


def one_of(*words: str) -> dict[str, object]:
    """One of several words."""
    return {"enum": list(words)}


def amount(word: str) -> dict[str, object]:
    """A number of a unit, as people write it."""
    return {"cost_usd": USD, "wall_clock": DURATION}.get(word, COUNT)


def limits(words: tuple[str, ...]) -> dict[str, object]:
    """Limits of units, null for none."""
    return {word: either(amount(word), NULL) for word in words if word in WORDS}


def grants() -> dict[str, object]:
    """Capabilities: a list of mappings from a kind to its patterns."""
    env = mapping({"name": {"type": "string"}, "hosts": TEXTS}, required=["name"])
    envs: dict[str, object] = {"type": "array", "items": either({"type": "string"}, env)}
    return {"type": "array", "items": mapping({kind: envs if kind == "env" else TEXTS for kind in KINDS})}
