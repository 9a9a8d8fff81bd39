"""A fast yes for the commonest schema: a flat map of texts, integers and bools, as tools have for arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES: Final[dict[object, type]] = {"string": str, "integer": int, "boolean": bool}
_WORDLESS: Final = frozenset({"type", "title", "description", "default"})
_KEYWORDS: Final = frozenset({"type", "title", "description", "properties", "required", "additionalProperties"})


def plainly_fits(schema: Mapping[str, object], value: object) -> bool:
    """Whether a value fits, where that takes no more than its types to see; False also means: ask the validator.

    Property: whatever this accepts, `jsonschema` accepts.
    """
    properties = schema.get("properties")
    if type(value) is not dict or not isinstance(properties, dict) or not _KEYWORDS.issuperset(schema):
        return False
    required = schema.get("required", ())
    if schema.get("type", "object") != "object" or not isinstance(required, list | tuple):
        return False
    return all(name in value for name in required) and all(
        _is_plain(properties.get(name), item) for name, item in value.items()
    )


def _is_plain(rule: object, item: object) -> bool:
    """An unknown name has no rule, so it is never plain."""
    return isinstance(rule, dict) and _WORDLESS.issuperset(rule) and type(item) is _TYPES.get(rule.get("type"))
