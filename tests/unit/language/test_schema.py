"""JSON Schemas: what graphs may use of them, and what they say about values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.language.schema import check_schema, validate_value, with_defaults

SCHEMA: dict[str, object] = {
    "title": "a form",
    "description": "with everything",
    "type": "object",
    "required": ["a", "b"],
    "properties": {
        "a": {"type": "integer", "minimum": 2, "maximum": 9, "default": 3},
        "b": {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 3}, {"$ref": "#/$defs/flag"}]},
        "c": {"enum": [1, "x", None]},
        "d": {"const": True},
        "e": {"type": "array", "items": {"type": ["string", "null"]}, "minItems": 1, "maxItems": 2, "examples": [[]]},
        "f": False,
        "g": True,
        "h": {"additionalProperties": {"type": "number"}, "minProperties": 1, "maxProperties": 1},
    },
    "additionalProperties": False,
    "$defs": {"flag": {"type": "boolean"}},
}


def test_the_whole_subset_is_taken() -> None:
    assert check_schema(SCHEMA) == []


@pytest.mark.parametrize(
    ("schema", "code", "path"),
    [
        (3, "schema_type", "input"),
        ({"typ": "object"}, "schema_keyword", "input.typ"),
        ({"exclusiveMinimum": 1}, "schema_keyword", "input.exclusiveMinimum"),
        ({"pattern": "(a+)+"}, "schema_regex", "input.pattern"),
        ({"items": {"format": "email"}}, "schema_regex", "input.items.format"),
        ({"patternProperties": {}}, "schema_regex", "input.patternProperties"),
        ({"type": "text"}, "schema_value", "input.type"),
        ({"type": []}, "schema_value", "input.type"),
        ({"type": ["string", "text"]}, "schema_value", "input.type"),
        ({"enum": []}, "schema_value", "input.enum"),
        ({"required": "a"}, "schema_value", "input.required"),
        ({"required": [1]}, "schema_value", "input.required"),
        ({"properties": []}, "schema_value", "input.properties"),
        ({"properties": {"a": 1}}, "schema_type", "input.properties.a"),
        ({"anyOf": []}, "schema_value", "input.anyOf"),
        ({"anyOf": [{}, 1]}, "schema_type", "input.anyOf[1]"),
        ({"minimum": "1"}, "schema_value", "input.minimum"),
        ({"maximum": True}, "schema_value", "input.maximum"),
        ({"minLength": -1}, "schema_value", "input.minLength"),
        ({"maxItems": 1.0}, "schema_value", "input.maxItems"),
        ({"$ref": "#/$defs/x", "$defs": {"y": {}}}, "schema_ref", "input.$ref"),
        ({"$ref": "https://example.org/x"}, "schema_ref", "input.$ref"),
        ({"$ref": ["#/$defs/x"]}, "schema_ref", "input.$ref"),
        ({"$defs": [], "$ref": "#"}, "schema_ref", "input.$ref"),
        ({"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "schema_recursive", "input.$defs.a"),
        (
            {"$defs": {"a": {"properties": {"x": {"$ref": "#/$defs/b"}}}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}},
            "schema_recursive",
            "input.$defs.a",
        ),
        (
            {
                "$ref": "#/$defs/d0",
                "$defs": {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 3} for i in range(20)} | {"d20": {}},
            },
            "schema_size",
            "input",
        ),
    ],
)
def test_it_refuses_what_is_outside_the_subset(schema: object, code: str, path: str) -> None:
    assert (code, path) in {(problem.code, problem.path) for problem in check_schema(schema, "input")}


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"a": 2, "b": "x"}, []),
        ({"a": 2.0, "b": True, "d": True, "c": None, "e": ["x", None], "g": {}, "h": {"z": 1}}, []),
        (3, ["the value must be a map"]),
        ({}, ["the value lacks `a`, `b`"]),
        ({"a": True, "b": True}, ["`a` must be an integer"]),
        ({"a": 1, "b": "xxxx"}, ["`a` is under the minimum of 2", "`b` fits none of the 2 alternatives"]),
        ({"a": 99, "b": "x", "c": True}, ["`a` is over the maximum of 9", "`c` is not one of `1`, `x`, null"]),
        ({"a": 2, "b": "x", "d": 1}, ["`d` is not `true`"]),
        ({"a": 2, "b": "x", "e": []}, ["`e` has fewer items than 1"]),
        ({"a": 2, "b": "x", "e": [1, "a", "b"]}, ["`e[0]` must be a text or null", "`e` has more items than 2"]),
        ({"a": 2, "b": "x", "f": 1}, ["the value is not allowed at all"]),
        ({"a": 2, "b": "x", "h": {}}, ["`h` has fewer entries than 1"]),
        ({"a": 2, "b": "x", "h": {"y": "1"}}, ["`h.y` must be a number"]),
        ({"a": 2, "b": "x", "z": 1, "y": 1}, ["the value has what is not known there: `y`, `z`"]),
    ],
)
def test_it_says_what_is_wrong_with_a_value(value: object, faults: list[str]) -> None:
    assert validate_value(SCHEMA, value) == faults


def test_plain_arguments_fit_at_once() -> None:
    flat: dict[str, object] = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    assert validate_value(flat, {"path": "a"}) == []
    assert validate_value(flat, {"path": 1}) == ["`path` must be a text"]


def test_a_message_never_quotes_the_value_and_shortens_the_schema() -> None:
    secret = "s" * 200
    assert validate_value({"enum": ["e" * 70, "f" * 70]}, secret) == [f"the value is not one of `{'e' * 70}`, `ffff…"]
    assert not any(secret in fault for fault in validate_value({"type": "integer"}, secret))


def test_there_are_at_most_twenty_messages() -> None:
    assert len(validate_value({"items": {"type": "null"}}, list(range(100)))) == 20


def test_regular_expressions_never_run() -> None:
    assert validate_value({"pattern": "(a+)+$", "format": "regex"}, "a" * 100 + "!") == []


def test_two_schemas_that_are_alike_do_not_share_a_validator() -> None:
    schemas: list[dict[str, object]] = [{"maximum": number} for number in range(600)]
    assert [validate_value(schema, 300) == [] for schema in schemas] == [number >= 300 for number in range(600)]


@pytest.mark.parametrize(
    ("schema", "args", "whole"),
    [
        ({"properties": {"a": {"default": 1}, "b": {}, "c": True}}, {"b": 2}, {"a": 1, "b": 2}),
        ({"properties": {"a": {"default": 1}}}, {"a": None}, {"a": None}),
        ({}, {"x": 1}, {"x": 1}),
    ],
)
def test_defaults_fill_what_was_left_out(schema: dict[str, object], args: dict[str, object], whole: object) -> None:
    assert with_defaults(schema, args) == whole


KEYWORDS = st.sampled_from(
    ["type", "enum", "const", "properties", "required", "items", "anyOf", "$ref", "$defs", "minimum"]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["string", "object", "#/$defs/a", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS | st.just("a"), inner, max_size=3),
    max_leaves=12,
)


@given(ANY, ANY)
def test_a_schema_that_is_taken_never_breaks_the_validator(schema: object, value: object) -> None:
    if not check_schema(schema) and isinstance(schema, dict):
        assert all(isinstance(fault, str) for fault in validate_value(schema, value))
