"""Expressions: what they compute, what they read, and that it is the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import UserDict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.expressions import ExpressionError, Program, compile_expression

SCOPE: dict[str, object] = {
    "n": 7,
    "d": 1.5,
    "t": True,
    "f": False,
    "s": "hé😀",
    "none": None,
    "l": [1, 2, 3],
    "things": [{"kind": "a", "n": {"x": 1}}, {"kind": "b", "n": {"x": True}}, {"kind": "a"}, "a", {"n": {"x": 1.0}}],
    "m": {"b": {"c": 2.5, "z": None}, "a": 1, "l": [{"q": "r"}], "od d": 3},
    "state": {"files": ["x"], "note": None, "m": {"k": 1}},
    "input": {"path": "src"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("n + 1", 8),
        ("n - 1 - 1", 5),
        ("n * 2 + 1", 15),
        ("n / 2", 3),
        ("-n / 2", -3),
        ("n % 4", 3),
        ("d + 0.5", 2.0),
        ("d * d", 2.25),
        ("d / 2.0 - 0.25", 0.5),
        ("n + n", 14),
        ("(n + 1) * 2", 16),
        ("1 + n + 2", 10),
        ("size(l) + size(s) * 2", 9),
        ("-(-d)", 1.5),
        ("-9223372036854775808", -(2**63)),
        ("0x1F", 31),
        (".5", 0.5),
        ("1e2", 100.0),
        ("n == 7.0", True),
        ("d > n", False),
        ("t == true", True),
        ("t != f", True),
        ("!t", False),
        ("!!t && !f", True),
        ("n in l", False),
        ("2 in l && !(9 in l)", True),
        ("'b' in m", True),
        ("none == null", True),
        ("l == [1, 2, 3]", True),
        ("m.b == {'z': null, 'c': 2.5}", True),
        ("s.startsWith('h') && s.endsWith('😀') && s.contains('é')", True),
        ("size(s)", 3),
        ("s.size()", 3),
        ("size(m)", 4),
        ("size([n, n])", 2),
        ("l[0] + l[n - 5]", 4),
        ("l[0]", 1),
        ("m.b.c", 2.5),
        ("m['b'].c", 2.5),
        ("m['od d']", 3),
        ("m.l[0].q", "r"),
        ("m[s == 'x' ? 'b' : 'a']", 1),
        ("has(m.b.z)", True),
        ("has(m.zz) || has(m.b)", True),
        ("!has(m.zz)", True),
        ("has({'a': 1}.a)", True),
        ("has(get(m, 'b', {}).c)", True),
        ("t ? 'yes' : 'no'", "yes"),
        ("f ? 1 : t ? 2 : 3", 2),
        ('"it\'s"', "it's"),
        ("'tab\\t\\x41\\101\\u00e9'", "tab\tAAé"),
        ("r'a\\d'", "a\\d"),
        ("'''a\nb'''", "a\nb"),
        ('"""a"""', "a"),
        ("'a' < 'B'", False),  # by code point
        ("{'b': n, 'a': [d, {}]}", {"a": [1.5, {}], "b": 7}),
        ("[n > 1, {'b': 1, 'a': n > 2}, ]", [True, {"a": True, "b": 1}]),
        ("{'x': n > 1, }", {"x": True}),
        ("{'\\x61': n}", {"a": 7}),
        ("get(m, 'b.c', 0.0)", 2.5),
        ("get(m, 'b.q', 'none')", "none"),
        ("get(m, 'b.z', 5)", 5),
        ("get(m, 'a.b', [1])", [1]),
        ("get(none, 'a', {})", {}),
        ("get(t ? m : none, 'b.c', 0)", 2.5),
        ("get(m, 'b', {'q': 1}).c", 2.5),
        ("count(things, 'kind', 'a')", 2),
        ("count(things, 'n.x', 1)", 2),
        ("count(things, 'n.x', true)", 1),
        ("count(things, 'n', {'x': 1})", 2),
        ("count(things, 'zz', null)", 0),
        ("count(things, 'kind', t ? 'b' : 'a')", 1),
        ("count([], 'a', [])", 0),
        ("json(m.b)", '{"c":2.5,"z":null}'),
        ("json([t, none, d, s])", '[true,null,1.5,"hé😀"]'),
        ("json(n > 1)", "true"),
        ("json(input)", '{"path":"src"}'),
        ("json(state)", '{"files":["x"],"m":{"k":1},"note":null}'),
        ("json({'b': n > 1, 'a': l})", '{"a":[1,2,3],"b":true}'),
        ("join(l, '-')", "1-2-3"),
        ("join(['a', m.b, none], ', ')", 'a, {"c":2.5,"z":null}, null'),
        ("join([], ',')", ""),
        ("join([t ? s : '', 'x'], '')", "hé😀x"),
        ("size(json(l)) > 3 && size(join(l, '')) == 3", True),
        ("(((n)))", 7),
        ("n", 7),
        ("true", True),
        ("null", None),
        ("state.m.k + size(state.files)", 2),
        ("t ? none : n", None),
        ("[t ? none : n, {'k': none}]", [None, {"k": None}]),
        ("- -1", 1),
        ("!(-1 > 0)", True),
        ("l[l[0]]", 2),
        ("(n + 1) * (n - 1) / (n - 5)", 24),
        ("n * 2 > size(l) + n && -(n + 1) < 0", True),
        ("[t ? n : 0][0] + 1", 8),
        ("json(n + 1) == '8'", True),
    ],
)
def test_it_computes(text: str, value: object) -> None:
    found = compile_expression(text, want_bool=False).evaluate(SCOPE)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("false && 1 / 0 > 0", False),
        ("1 / 0 > 0 && false", False),
        ("true || 1 / 0 > 0", True),
        ("1 / 0 > 0 || true", True),
        ("false && nothing.at.all", False),
        ("nothing > 1 || true", True),
        ("true ? 1 : nothing", 1),
        ("has(m.q) && m.q > 1", False),
        ("n > 1 || json(m.q) == ''", True),
    ],
)
def test_what_is_not_needed_may_fail_in_either_order(text: str, value: object) -> None:
    assert compile_expression(text, want_bool=False).evaluate(SCOPE) == value


def test_a_path_alone_gives_the_very_value() -> None:
    for text in ("m.b", "(things)", "state.files"):
        program = compile_expression(text, want_bool=False)
        value: object = SCOPE
        for step in text.strip("()").split("."):
            assert isinstance(value, dict)
            value = value[step]
        assert program.evaluate(SCOPE) is value


@pytest.mark.parametrize(
    "text", ["get(m, 'b', 1)", "t ? m : none", "[m][0]", "{'x': m}.x", "get({'a': m, 'b': 1}, 'a', 1)"]
)
def test_any_other_map_comes_back_with_sorted_keys_at_every_depth(text: str) -> None:
    found = compile_expression(text, want_bool=False).evaluate(
        {**SCOPE, "m": {"z": 1, "b": {"d": 1, "c": {"y": 1, "x": 2}}, "a": 1}}
    )
    assert isinstance(found, dict)
    inner = found.get("b", found)
    assert list(found) == sorted(found)
    assert (list(inner), list(inner["c"])) == (["c", "d"], ["x", "y"])


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("1 + 1", []),
        ("state.a.b > 1 && input.x == state.a.b", ["input.x", "state.a.b"]),
        ("m[n].x", ["m", "n"]),
        ("m['a'][0].b", ["m.a[0].b"]),
        ("m['od d']", ["m['od d']"]),
        ("has(m.a.b)", ["m.a.b"]),
        ("json(state)", ["state"]),
        ("get(m, 'x', [n, {'a': s}])", ["m", "n", "s"]),
        ("get(t ? m : none, 'x', 1)", ["m", "none", "t"]),
        ("[a, {'k': b}, (c)]", ["a", "b", "c"]),
        ("'x.y' == \"z\"", []),
    ],
)
def test_it_knows_the_paths_that_it_reads(text: str, paths: list[str]) -> None:
    assert [str(path) for path in compile_expression(text, want_bool=False).paths] == paths


class Watched(UserDict[str, object]):
    """Names that note what is read."""

    def __init__(self, **names: object) -> None:
        self.seen: set[str] = set()
        super().__init__(names)

    def __getitem__(self, name: str) -> object:
        self.seen.add(name)
        return self.data[name]


def test_it_reads_nothing_that_it_does_not_name() -> None:
    state = Watched(a=1, b=2, secret=object())
    scope = Watched(n=1, other=object(), state=state)
    assert compile_expression("state.a + n > 1 && size(json(state.b)) == 1", want_bool=True).evaluate(scope) is True
    assert (scope.seen, state.seen) == ({"n", "state"}, {"a", "b"})


def test_names_that_are_not_known_are_refused_with_a_suggestion() -> None:
    with pytest.raises(ExpressionError, match=r"did you mean `state`\?"):
        compile_expression("stat.a", frozenset({"state", "input"}), want_bool=False)
    with pytest.raises(ExpressionError, match=r"`q` is not known here$"):
        compile_expression("q", frozenset({"state", "input"}), want_bool=False)


def test_the_same_text_is_compiled_once() -> None:
    assert compile_expression("n + 41", want_bool=False) is compile_expression("n + 41", want_bool=False)


def test_a_long_expression_is_shortened_in_messages() -> None:
    with pytest.raises(ExpressionError, match="…`: "):
        compile_expression("nothing" + " && nothing" * 50 + " &&", want_bool=True)


def test_a_missing_name_is_told_by_its_name() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression("results", want_bool=False).evaluate({})
    assert (
        str(caught.value) == "`results`: `results` has no value here"
        or str(caught.value) == "`results` has no value here"
    )


NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(NUMBERS, NUMBERS, st.sampled_from(["+", "-", "*", "/", "%"]))
def test_integers_are_exact_or_an_error(one: int, other: int, sign: str) -> None:
    program = compile_expression(f"a {sign} b", want_bool=False)
    try:
        found = program.evaluate({"a": one, "b": other})
    except ExpressionError:
        assert _exact(one, other, sign) is None
    else:
        assert found == _exact(one, other, sign)
        assert type(found) is int


def _exact(one: int, other: int, sign: str) -> int | None:
    if sign in "/%" and not other:
        return None
    quotient = abs(one) // abs(other or 1) * (1 if (one < 0) == (other < 0) else -1)
    exact = {"+": one + other, "-": one - other, "*": one * other, "/": quotient, "%": one - quotient * other}[sign]
    if sign == "%" and quotient == 2**63:
        return None
    return exact if -(2**63) <= exact < 2**63 else None


SAMPLE = """
import json, sys
from policies.expressions import compile_expression
m = {k: {"y": 1, "x": [k], "w": {k: 1}} for k in "qwertzuiopasdfghjklyxcvbnm"}
out = [compile_expression(t, want_bool=False).evaluate({"m": m, "t": True, "state": {"b": 1, "a": m}})
       for t in ("t ? m : m", "[m][0]", "{'z': m, 'a': t}", "json(m)", "json(t ? m : m)", "get(m, 'q', 1)",
                 "json(state)")]
sys.stdout.write(json.dumps(out))
"""


def test_it_gives_the_same_in_every_process() -> None:
    found = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())}
        found.add(
            subprocess.run([sys.executable, "-c", SAMPLE], env=environment, check=True, capture_output=True).stdout
        )
    assert len(found) == 1
    assert len(next(iter(found))) > 1000


@pytest.mark.parametrize(
    "text", ["t ? none : n", "[none, n > 1, {'k': none}]", "{'k': n > 1 ? none : n}", "get(t ? m : none, 'q', null)"]
)
def test_it_takes_no_reference_from_none(text: str) -> None:
    """The engine's own conversion does, and aborts the process on Python 3.11 after some thousands."""
    program = compile_expression(text, want_bool=False)
    program.evaluate(SCOPE)
    before = sys.getrefcount(None)
    for _ in range(1000):
        program.evaluate(SCOPE)
    assert sys.getrefcount(None) > before - 500


@pytest.mark.parametrize(
    "text", ["json(v)", "size(v) + 1", "count(v, 'a', n > 1)", "join([v, n > 1], s)", "[v][n - 7]", "v == [] || t"]
)
def test_it_keeps_nothing_that_it_was_given(text: str) -> None:
    """Functions that are hosted in the engine keep every argument for ever."""
    value = ["x" * 100]
    program = compile_expression(text, want_bool=False)
    before = sys.getrefcount(value), sys.getrefcount(value[0])
    for _ in range(50):
        program.evaluate({**SCOPE, "v": value})
    assert (sys.getrefcount(value), sys.getrefcount(value[0])) == before


def test_a_program_says_what_it_was_made_from() -> None:
    program = compile_expression("n > 1", want_bool=True)
    assert isinstance(program, Program)
    assert program.source == "n > 1"
