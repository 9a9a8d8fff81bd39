"""What each reducer makes of a write, and what it refuses."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.canonical import canonical
from workflows.engine.reducers import DEFAULTS, CannotReduce, reduce

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)


@pytest.mark.parametrize(
    ("reducer", "old", "value", "new"),
    [
        ("last", 1, 2, 2),
        ("append", [1], 2, [1, 2]),
        ("append", [], [2], [[2]]),
        ("extend", [1], [2, 3], [1, 2, 3]),
        ("union", [1, "a"], ["a", 2, 2], [1, "a", 2]),
        ("union", [], [1, 1.0], [1]),
        ("merge", {"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ("add", 1, 2.5, 3.5),
        ("add", None, 2, 2),
        ("max", None, 2, 2),
        ("max", 3, 2, 3),
        ("min", None, 2, 2),
        ("min", 3, 2, 2),
    ],
)
@pytest.mark.parametrize("owned", [True, False])
def test_write_becomes_part_of_the_value(reducer: str, old: object, value: object, new: object, *, owned: bool) -> None:
    kept = copy.deepcopy(old)
    assert reduce(reducer, old, value, owned=False) == new
    assert old == kept
    assert reduce(reducer, kept, value, owned=owned) == new


@pytest.mark.parametrize(
    ("reducer", "old", "value", "why"),
    [
        ("append", {}, 1, "not a list"),
        ("extend", [], "ab", "a list is needed, got a text"),
        ("extend", [], {}, "got a map"),
        ("union", [], 3, "got a number"),
        ("union", [], ["\ud800"], "cannot be compared"),
        ("merge", {}, [], "a map is needed, got a list"),
        ("merge", [], {}, "not a map"),
        ("add", 0, True, "got a bool"),
        ("add", 0, None, "got null"),
        ("add", 2**63 - 1, 1, "64 bits"),
        ("add", 1e308, 1e308, "finite"),
        ("max", 1, "2", "got a text"),
    ],
)
def test_write_that_does_not_fit_is_refused_and_changes_nothing(
    reducer: str, old: object, value: object, why: str
) -> None:
    kept = canonical(old)
    with pytest.raises(CannotReduce, match=why):
        reduce(reducer, old, value, owned=True)
    assert canonical(old) == kept


@given(one=st.lists(SCALARS), two=st.lists(SCALARS))
def test_union_has_no_duplicates_and_keeps_the_order(one: list[object], two: list[object]) -> None:
    merged = reduce("union", reduce("union", [], one, owned=False), two, owned=False)
    assert isinstance(merged, list)
    keys = [canonical(item) for item in merged]
    assert len(keys) == len(set(keys))
    assert keys == list(dict.fromkeys(canonical(item) for item in [*one, *two]))


def test_defaults_are_never_changed_by_a_write() -> None:
    for reducer, value in (("append", 1), ("extend", [1]), ("union", [1]), ("merge", {"a": 1})):
        reduce(reducer, DEFAULTS[reducer], value, owned=False)
    assert DEFAULTS == {"append": [], "extend": [], "union": [], "merge": {}, "add": 0}
