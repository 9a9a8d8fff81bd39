"""One value has one canonical form, and two values never share one."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from policies.canonical import MAX_DEPTH, NotCanonical, canonical, digest
from policies.errors import Problem

scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=6)
numbers = scalars | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    numbers, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner), max_leaves=15
)


@given(values)
def test_the_bytes_are_those_of_rfc_8785(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # any JSON is meant


@given(st.integers())
def test_every_integer_is_written_exactly(number: int) -> None:
    assert canonical([number, 0.5]) == f"[{number},0.5]".encode()
    assert json.loads(canonical({"é": number})) == {"é": number}


def test_keys_are_sorted_by_utf_16() -> None:
    assert list(json.loads(canonical({"\U00010000": 1, "\uffff": 2}))) == ["\U00010000", "\uffff"]


def test_tuples_are_lists() -> None:
    assert canonical((1, (2.5,))) == canonical([1, [2.5]])


def nested(depth: int) -> object:
    return [nested(depth - 1)] if depth else 0


def test_nesting_has_an_end() -> None:
    assert canonical(nested(MAX_DEPTH))
    with pytest.raises(NotCanonical, match="nesting"):
        canonical(nested(MAX_DEPTH + 2))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", [0.5, "\ud800"], {1: 2}, {1}, b"x", [1.5, {1: 2}]]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


def test_a_digest_is_64_hex_digits_of_the_canonical_bytes() -> None:
    assert digest({"b": 1, "a": [True, None]}) == digest({"a": [True, None], "b": 1})
    assert len(digest({})) == 64


def test_a_problem_is_one_line_with_its_place() -> None:
    problem = Problem("code", "it is wrong", "a.b", "mend it")
    assert str(problem) == "a.b: it is wrong; mend it"
    assert str(problem.at("x.yaml", 3, 5)) == "x.yaml:3:5: a.b: it is wrong; mend it"
    assert str(Problem("code", "it is wrong").at("x.yaml", None, None)) == "x.yaml: it is wrong"
