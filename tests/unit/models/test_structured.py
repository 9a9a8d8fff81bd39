"""Which schemas a provider can hold as a grammar, and how an answer is read."""

from __future__ import annotations

from contextlib import suppress

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.models.structured import NotStructured, instruction, is_closed, parse_answer

TEXT: dict[str, object] = {"type": "string"}
CLOSED: list[dict[str, object]] = [
    TEXT,
    {"type": "object", "properties": {"a": TEXT}},
    {"type": "object", "properties": {"a": TEXT}, "additionalProperties": False},
    {"type": "array", "items": {"enum": ["x", 1, None]}},
    {"const": 3},
    {"anyOf": [TEXT, {"type": "null"}]},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": TEXT}},
    {"$ref": "#/$defs/x", "$defs": {"x": {"type": "array", "items": TEXT}}},
]
OPEN: list[dict[str, object]] = [
    {},
    {"type": "object"},
    {"type": "object", "properties": {}},
    {"type": "object", "properties": {"a": TEXT}, "additionalProperties": True},
    {"type": "object", "properties": {"a": TEXT}, "additionalProperties": TEXT},
    {"type": "object", "properties": {"a": {"type": "object"}}},
    {"type": "array"},
    {"type": "array", "items": {"type": "array"}},
    {"type": ["string", "null"]},
    {"enum": [{"a": 1}]},
    {"const": [1]},
    {"anyOf": [TEXT, {}]},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "object"}}},
    {"$ref": "#/$defs/x", "$defs": {"x": {"type": "array"}}},
]


@pytest.mark.parametrize("schema", CLOSED)
def test_schema_that_names_everything_is_closed_and_the_sdk_takes_it(schema: dict[str, object]) -> None:
    assert is_closed(schema)
    assert anthropic.transform_schema(schema)


@pytest.mark.parametrize("schema", OPEN)
def test_schema_that_leaves_something_open_is_not_closed(schema: dict[str, object]) -> None:
    assert not is_closed(schema)
    assert "JSON Schema" in instruction(schema)


@pytest.mark.parametrize("text", ['{"a": 1}', ' {"a": 1}\n', '```json\n{"a": 1}\n```', '\n```\n{"a": 1}```\n'])
def test_answer_is_read_with_or_without_a_fence(text: str) -> None:
    assert parse_answer(text, {"type": "object"}) == {"a": 1}


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "yes", "[" * 100_000, 'Sure: {"a": 1}'])
def test_answer_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(NotStructured, match="is not JSON"):
        parse_answer(text, {})


@given(text=st.text() | st.sampled_from(['{"a": ', "```json\n", "[1e999]"]))
def test_any_text_is_an_answer_or_refused(text: str) -> None:
    with suppress(NotStructured):
        assert isinstance(parse_answer(text, {"type": "object"}), dict)
