"""Checks that a JSON Schema keeps to the subset that graphs may use.

The subset leaves out what could stall a workflow: regular expressions (`pattern`, `format`), recursion,
and references that multiply.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from policies.errors import Problem
from policies.reading import join, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
LENGTHS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
BOUNDS: Final = ("minimum", "maximum")
ASSERTIONS: Final = (
    *("type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "$ref"),
    *BOUNDS,
    *LENGTHS,
)
ANNOTATIONS: Final = ("title", "description", "default", "examples", "$defs")
KEYWORDS: Final = (*ASSERTIONS, *ANNOTATIONS)
MAX_EXPANDED: Final = 10_000
"""The most schemas that one schema may come to when each reference is replaced by what it names."""

_REGEX: Final = ("pattern", "format", "patternProperties", "propertyNames")


def check_schema(schema: object, path: str = "") -> list[Problem]:
    """Everything that is outside the subset, in the order of the document; empty if all is well."""
    checker = _Checker(schema, path)
    checker.schema(schema, path)
    if not checker.problems:
        checker.references()
    return checker.problems


@dataclass(slots=True)
class _Checker:
    root: object
    path: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, code: str, path: str, message: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(code, message, path, suggestion))

    def schema(self, schema: object, path: str) -> None:
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict):
            self.add(
                "schema_type", path, f"{shown(schema)} is not a JSON Schema", "write a mapping such as `{type: string}`"
            )
            return
        for keyword, value in schema.items():
            self._keyword(str(keyword), value, join(path, str(keyword)))

    def _keyword(self, keyword: str, value: object, path: str) -> None:
        if keyword in ANNOTATIONS and keyword != "$defs":
            return
        check = _CHECKS.get(keyword)
        if check is not None:
            check(self, value, path)
        elif keyword in _REGEX:
            self.add("schema_regex", path, f"`{keyword}` is refused: a regular expression could stall a workflow")
        else:
            hint = nearest(keyword, KEYWORDS)
            self.add("schema_keyword", path, f"`{keyword}` is not in the subset of JSON Schema that graphs use", hint)

    def wrong(self, path: str, value: object, needed: str) -> None:
        self.add("schema_value", path, f"{shown(value)} is not {needed}")

    def types(self, value: object, path: str) -> None:
        named = value if isinstance(value, list) and value else [value]
        for name in named:
            if not isinstance(name, str) or name not in TYPES:
                hint = nearest(name, TYPES)
                self.add("schema_value", path, f"{shown(name)} is not a type", hint or f"types are {', '.join(TYPES)}")

    def choices(self, value: object, path: str) -> None:
        if not isinstance(value, list) or not value:
            self.wrong(path, value, "a list of at least one value")

    def anything(self, value: object, path: str) -> None:
        """`const` takes any value."""

    def number(self, value: object, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(path, value, "a number")

    def length(self, value: object, path: str) -> None:
        if type(value) is not int or value < 0:
            self.wrong(path, value, "a whole number from 0")

    def names(self, value: object, path: str) -> None:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            self.wrong(path, value, "a list of names")

    def named_schemas(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            self.wrong(path, value, "a mapping of names to schemas")
            return
        for name, schema in value.items():
            self.schema(schema, join(path, str(name)))

    def alternatives(self, value: object, path: str) -> None:
        if not isinstance(value, list) or not value:
            self.wrong(path, value, "a list of at least one schema")
            return
        for index, schema in enumerate(value):
            self.schema(schema, f"{path}[{index}]")

    def reference(self, value: object, path: str) -> None:
        known = [f"#/$defs/{name}" for name in _definitions(self.root)]
        if value not in known:
            hint = nearest(value, known) or "write `#/$defs/<name>` for a name under the schema's own `$defs`"
            self.add("schema_ref", path, f"{shown(value)} names nothing in this schema", hint)

    def references(self) -> None:
        """Refuse references that lead back to themselves or multiply."""
        sizes: dict[str, int] = {}
        for name in sorted(_definitions(self.root)):
            if self._expanded({"$ref": f"#/$defs/{name}"}, sizes, ()) < 0:
                where = join(join(self.path, "$defs"), name)
                self.add(
                    "schema_recursive",
                    where,
                    f"`{name}` leads back to itself",
                    "schemas here end: write the levels out",
                )
                return
        if self._expanded(self.root, sizes, ()) > MAX_EXPANDED:
            message = f"its references come to over {MAX_EXPANDED} schemas when written out"
            self.add("schema_size", self.path, message, "use fewer references to references")

    def _expanded(self, schema: object, sizes: dict[str, int], active: tuple[str, ...]) -> int:
        """How many schemas a schema comes to, -1 for no end."""
        if not isinstance(schema, dict):
            return 1
        parts = [self._expanded(part, sizes, active) for part in _parts(schema)]
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix("#/$defs/")
            if name in active:
                return -1
            if name not in sizes:
                sizes[name] = self._expanded(_definitions(self.root)[name], sizes, (*active, name))
            parts.append(sizes[name])
        return -1 if min(parts, default=0) < 0 else 1 + sum(parts)


def _definitions(root: object) -> dict[str, object]:
    found = root.get("$defs") if isinstance(root, dict) else None
    return {str(name): schema for name, schema in found.items()} if isinstance(found, dict) else {}


def _parts(schema: dict[str, object]) -> list[object]:
    parts: list[object] = [schema.get("items"), schema.get("additionalProperties")]
    properties, alternatives = schema.get("properties"), schema.get("anyOf")
    parts += properties.values() if isinstance(properties, dict) else []
    parts += alternatives if isinstance(alternatives, list) else []
    return parts


_CHECKS: Final[dict[str, Callable[[_Checker, object, str], None]]] = {
    "type": _Checker.types,
    "enum": _Checker.choices,
    "const": _Checker.anything,
    "properties": _Checker.named_schemas,
    "$defs": _Checker.named_schemas,
    "required": _Checker.names,
    "additionalProperties": _Checker.schema,
    "items": _Checker.schema,
    "anyOf": _Checker.alternatives,
    "$ref": _Checker.reference,
    **dict.fromkeys(BOUNDS, _Checker.number),
    **dict.fromkeys(LENGTHS, _Checker.length),
}
