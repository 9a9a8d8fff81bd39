"""The fast yes for flat schemas never says yes where the validator says no."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from workflows.language.plain_schema import plainly_fits

KINDS = st.sampled_from(["string", "integer", "boolean", "number", "null", ["string", "null"]])
RULES = st.fixed_dictionaries({"type": KINDS}, optional={"title": st.just("t"), "minLength": st.just(2)})
NAMES = st.sampled_from(["a", "b", "c"])
SCHEMAS = st.fixed_dictionaries(
    {"properties": st.dictionaries(NAMES, RULES)},
    optional={
        "type": st.sampled_from(["object", "array"]),
        "required": st.lists(NAMES, unique=True),
        "additionalProperties": st.booleans(),
        "minProperties": st.integers(0, 2),
    },
)
VALUES = st.dictionaries(NAMES, st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3))


@given(schema=SCHEMAS, value=VALUES | st.lists(st.integers()))
def test_what_it_accepts_the_validator_accepts(schema: dict[str, object], value: object) -> None:
    if plainly_fits(schema, value):
        assert Draft202012Validator(schema).is_valid(value)


FLAT: dict[str, object] = {
    "type": "object",
    "properties": {"path": {"type": "string", "title": "Path"}, "n": {"type": "integer", "default": 1}},
    "required": ["path"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("value", [{"path": "a"}, {"path": "a", "n": 3}])
def test_it_accepts_plain_arguments(value: dict[str, object]) -> None:
    assert plainly_fits(FLAT, value)


@pytest.mark.parametrize("value", [{}, {"path": 1}, {"path": "a", "n": True}, {"path": "a", "x": 1}, [], {"n": 1}])
def test_it_leaves_everything_else_to_the_validator(value: object) -> None:
    assert not plainly_fits(FLAT, value)


@pytest.mark.parametrize(
    "schema", [{}, {"properties": 1}, {"type": "array", "properties": {}}, {"properties": {}, "required": 1}]
)
def test_it_leaves_other_schemas_to_the_validator(schema: dict[str, object]) -> None:
    assert not plainly_fits(schema, {"path": "a"})
