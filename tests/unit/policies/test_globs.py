"""Globs match what they say, and one contains another exactly when no name tells otherwise."""

from __future__ import annotations

import re
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.globs import BadPatternError, parse_glob
from policies.inclusion import MAX_WORK, includes
from policies.paths import parse_path

PIECES = ("**", "*", "a", "a*", "*a", "a*a", "*a*", "aa")
SEGMENTS = ("a", "aa", "aaa", "az", "za", "z", "zaz")
"""One segment for each way in which a segment can fall to `PIECES`, so that five deep is all there is to see."""
NAMES = (".", *("/".join(parts) for depth in range(1, 6) for parts in product(SEGMENTS, repeat=depth)))

patterns = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("/".join)


def reference(pattern: str) -> re.Pattern[str]:
    """The same meaning by other means: each segment is preceded by a slash."""
    parts = []
    for segment in pattern.split("/"):
        one = "(?=[^/])" + re.escape(segment).replace(r"\*", "[^/]*")
        parts.append("(?:/[^/]+)*" if segment == "**" else "/" + one)
    return re.compile("".join(parts))


@cache
def language(pattern: str) -> int:
    """The names that a pattern matches, as a mask over `NAMES`."""
    matches = reference(pattern).fullmatch
    return sum(1 << place for place, name in enumerate(NAMES) if matches("" if name == "." else "/" + name))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("**", ".", True),
        ("**", "a/b/c", True),
        ("*", "a", True),
        ("*", "a/b", False),
        ("*", ".", False),
        (".", ".", True),
        (".*", ".", False),
        (".*", ".env", True),
        ("**/x", "x", True),
        ("**/x", "a/b/x", True),
        ("**/x", "ax", False),
        ("a/**", "a", True),
        ("a/**", "a/b/c", True),
        ("a/**", "ab", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/bb", False),
        ("a/**/c*/**/d", "a/x/c1/y/d", True),
        ("a/**/c*/**/d", "a/x/y/d", False),
        ("a/**/a", "a", False),
        ("**/.git/**", ".git", True),
        ("**/.git/**", "a/.git/hooks/pre-commit", True),
        ("**/.git/**", "a/.gitignore", False),
        ("*.py", ".py", True),
        ("a*b*c", "a1b2c", True),
        ("a*b*c", "acb", False),
        ("a*a", "a", False),
        ("*aa*aa*", "xaaaay", True),
        ("*aa*aa*", "xaaay", False),
        ("A.TXT", "a.txt", False),
        (r"a\b", "a/b", False),
    ],
)
def test_a_pattern_matches_what_it_says(pattern: str, name: str, expected: bool) -> None:
    assert parse_path(pattern).covers(parse_path(name)) is expected


@given(patterns, st.sampled_from(NAMES))
def test_matching_agrees_with_a_second_reading(pattern: str, name: str) -> None:
    assert parse_path(pattern).covers(parse_path(name)) is bool(language(pattern) >> NAMES.index(name) & 1)


@settings(max_examples=400)
@given(patterns, patterns)
def test_containment_agrees_with_trying_all_names(grant: str, request: str) -> None:
    contained = not language(request) & ~language(grant)
    assert parse_path(grant).covers(parse_path(request)) is contained


@settings(max_examples=400)
@given(patterns, patterns)
def test_the_walk_agrees_without_the_short_cuts(grant: str, request: str) -> None:
    contained = not language(request) & ~language(grant)
    assert includes(tuple(grant.split("/")), tuple(request.split("/"))) is contained


@pytest.mark.parametrize(
    ("grant", "request_", "expected"),
    [
        ("**", "**/*.py", True),
        ("a/**", "a/**/*.py", True),
        ("a/**", "a/*", True),
        ("a/*", "a/**", False),
        ("a/*/**", "a/**/b", True),
        ("**/*.py", "src/**/x*.py", True),
        ("**/*.py", "src/**", False),
        ("**/**", "**", True),
        ("x", "*", False),
        ("é*", "éa*", True),
        ("é*", "è*", False),
        ("src/*é", "src/é*é", True),
    ],
)
def test_a_pattern_contains_what_it_can_prove(grant: str, request_: str, expected: bool) -> None:
    assert parse_glob(grant).covers(parse_glob(request_)) is expected


def test_past_the_bound_nothing_is_proved() -> None:
    tail = ("*",) * 14
    assert MAX_WORK < 2**16
    assert not includes(("**", "a", *tail), ("**", "a", "a", *tail[1:]))
    assert includes(("**", "a", "*", "*"), ("**", "a", "a", "*"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("a//b", "empty segment"),
        ("/a", "empty segment"),
        ("a/**b", "alone"),
        ("x" * 4097, "4096"),
        ("a/" * 256 + "a", "256"),
    ],
)
def test_what_is_no_pattern_says_why(text: str, why: str) -> None:
    with pytest.raises(BadPatternError, match=why):
        parse_glob(text)


def test_a_hostile_pattern_is_matched_without_backtracking() -> None:
    pattern = parse_glob("/".join(["**", "a*a*a*a*a*b"] * 20))
    assert not pattern.covers(parse_glob("/".join(["a" * 150] * 25)))


def test_a_hostile_pair_of_patterns_is_given_up_in_time() -> None:
    grant = "/".join(["**", *["*a*b*c*d*e*f*g*h*"] * 100])
    request = "/".join(["**", *["*a*h*b*g*c*f*d*e*"] * 100])
    assert not parse_glob(grant).covers(parse_glob(request))
