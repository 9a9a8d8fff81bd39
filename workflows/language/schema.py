"""Values against JSON Schemas, of which the language takes a subset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from jsonschema import Draft202012Validator, validators

from policies.reading import join, shown
from workflows.language.plain_schema import plainly_fits
from workflows.language.schema_check import ASSERTIONS, check_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

__all__ = ["check_schema", "validate_value", "with_defaults"]

MAX_FAULTS: Final = 20
MAX_SHOWN: Final = 80
MAX_KEPT: Final = 512

_KINDS: Final = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_BOUNDS: Final = {
    "minimum": "is under the minimum of",
    "maximum": "is over the maximum of",
    "minLength": "has fewer characters than",
    "maxLength": "has more characters than",
    "minItems": "has fewer items than",
    "maxItems": "has more items than",
    "minProperties": "has fewer entries than",
    "maxProperties": "has more entries than",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A schema by its identity: graphs keep theirs, and hashing a mapping for each value would cost more."""

    schema: Mapping[str, object]

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.schema is other.schema


def validate_value(schema: Mapping[str, object], value: object) -> list[str]:
    """What is wrong with a value, each with its place, sorted; empty if it fits. At most 20 messages.

    Keywords outside the subset are ignored, so that no regular expression ever runs here. A message never
    quotes the value itself, which may be a secret.
    """
    if plainly_fits(schema, value):
        return []
    return sorted({_message(error) for error in _validator(_Same(schema)).iter_errors(cast("Any", value))})[:MAX_FAULTS]


def with_defaults(schema: Mapping[str, object], args: Mapping[str, object]) -> dict[str, object]:
    """The arguments, and the defaults of the schema's own properties that they leave out."""
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    defaults = {name: rule["default"] for name, rule in known.items() if isinstance(rule, dict) and "default" in rule}
    return {**defaults, **args}


@cache
def _subset() -> type[Validator]:
    keywords = {name: check for name, check in Draft202012Validator.VALIDATORS.items() if name in ASSERTIONS}
    return validators.create(
        meta_schema=Draft202012Validator.META_SCHEMA,
        validators=keywords,
        type_checker=Draft202012Validator.TYPE_CHECKER,
    )


@lru_cache(maxsize=MAX_KEPT)
def _validator(key: _Same) -> Validator:
    return _subset()(key.schema)


def _message(error: ValidationError) -> str:
    place = ""
    for step in error.absolute_path:
        place = f"{place}[{step}]" if isinstance(step, int) else join(place, str(step))
    return f"`{place}` {_fault(error)}" if place else f"the value {_fault(error)}"


def _fault(error: ValidationError) -> str:
    wanted, value, schema = (cast("Any", part) for part in (error.validator_value, error.instance, error.schema))
    match error.validator:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return f"must be {' or '.join(_KINDS.get(str(kind), str(kind)) for kind in kinds)}"
        case "required":
            return f"lacks {_quoted(name for name in wanted if name not in value)}"
        case "additionalProperties":
            known = schema.get("properties", {})
            return f"has what is not known there: {_quoted(sorted(name for name in value if name not in known))}"
        case "enum":
            return f"is not one of {_quoted(wanted)}"
        case "const":
            return f"is not {_quoted([wanted])}"
        case "anyOf":
            return f"fits none of the {len(wanted)} alternatives"
        case bound if bound in _BOUNDS:
            return f"{_BOUNDS[bound]} {wanted}"
        case _:
            return "is not allowed at all"


def _quoted(words: Iterable[object]) -> str:
    text = ", ".join(shown(word) for word in words)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
