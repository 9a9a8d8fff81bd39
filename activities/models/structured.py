"""Structured output: how a schema is asked for, and how an answer is held against it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from policies.canonical import canonical
from workflows.language.schema import validate_value

_FENCED = re.compile(r"\s*```(?:json)?[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_DEPTH = 32


class NotStructured(ValueError):
    """The answer is not JSON, or is not what the schema asks for."""


def is_closed(schema: object, depth: int = 0) -> bool:
    """Whether every object of a schema names its properties and every array its items.

    Only such a schema can be compiled into a grammar by the provider; any other is asked for in words.
    """
    if not isinstance(schema, Mapping) or depth > _DEPTH:
        return False
    if "enum" in schema or "const" in schema:
        literals = [*_list(schema.get("enum")), schema.get("const")]
        return not any(isinstance(literal, Mapping | list) for literal in literals)
    if "$ref" in schema:
        return _all(_values(schema.get("$defs")), depth)
    parts = [*_values(schema.get("$defs")), *_list(schema.get("anyOf"))]
    kind = schema.get("type")
    if kind == "object":
        properties = _values(schema.get("properties"))
        return bool(properties) and not schema.get("additionalProperties") and _all(properties + parts, depth)
    if kind == "array":
        return _all([schema.get("items"), *parts], depth)
    return (isinstance(kind, str) or "anyOf" in schema) and _all(parts, depth)


def instruction(schema: Mapping[str, object]) -> str:
    """The words that ask for a schema that no grammar can hold."""
    return f"Answer with one JSON value and nothing else. It must match this JSON Schema:\n{canonical(schema).decode()}"


def parse_answer(text: str, schema: Mapping[str, object]) -> object:
    """The JSON value of an answer (a code fence around it is taken off); `NotStructured` says what is wrong with it."""
    fenced = _FENCED.match(text)
    try:
        value: object = json.loads(fenced.group(1) if fenced else text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotStructured(f"is not JSON: {error}") from None
    problems = validate_value(schema, value)
    if problems:
        raise NotStructured(f"does not match the schema: {'; '.join(problems[:5])}")
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _all(parts: list[object], depth: int) -> bool:
    return all(is_closed(part, depth + 1) for part in parts)


def _values(mapping: object) -> list[object]:
    return list(mapping.values()) if isinstance(mapping, Mapping) else []


def _list(items: object) -> list[object]:
    return list(items) if isinstance(items, list) else []
