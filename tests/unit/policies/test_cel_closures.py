"""Closures: what they compute is what the engine computes, and of what they cannot they say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.cel_closures import closure
from policies.cel_operations import Unsure
from policies.cel_parser import parse
from policies.errors import ExpressionError
from policies.expressions import compile_expression
from policies.guardrails import FIELDS, NAMES
from policies.rule_facts import Arguments, Tally

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

TEXTS = ["", "a", "b", "fs.read", "é", "A"]
NUMBERS = [0, 1, -1, 2, 90_000, 2**53, 2**63 - 1]


def bindings(
    args: object = None, seen: list[str] | None = None, tokens: int = 5, name: str = "fs.read"
) -> dict[str, object]:
    scope = {"tokens_used": tokens, "cost_usd": 0.5, "steps": 1, "denials": 0}
    return {
        "execution": {"name": name, "kind": "tool", "args": Arguments(args), "args_bytes": 2, "visit": 1},
        "lifetime": scope,
        "tenant": scope,
        "graph": "g",
        "agent": "",
        "capability": {"kind": "net", "value": "a.org"},
        "seen": {"labels": seen or [], "counts": Tally({"fs.read": 2}, name)},
        "last": {"status": "ok", "name": ""},
    }


def outcomes(text: str, facts: dict[str, object]) -> tuple[object, object]:
    """What the closure says and what the engine says; `Unsure` and `ExpressionError` as their types."""
    program, found = compile_expression(text, NAMES, want_bool=True), closure(parse(text), FIELDS)
    quick: object = Unsure
    if found is not None:
        try:
            quick = found(facts)
        except (Unsure, ExpressionError):
            quick = Unsure
    try:
        return quick, program.evaluate(facts)
    except ExpressionError:
        return quick, ExpressionError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lifetime.tokens_used > 4", True),
        ("lifetime.tokens_used <= 4 || execution.name == 'fs.read'", True),
        ("(lifetime.tokens_used > 4) && !(execution.name != 'fs.read') && !!(graph == 'g')", True),
        ("lifetime.cost_usd >= 0.5 && lifetime.cost_usd < 1", True),
        ("lifetime.tokens_used + execution.visit - 1 == 5", True),
        ("'external' in seen.labels && capability.kind == 'net'", True),
        ("execution.name in ['fs.write', 'fs.read']", True),
        ("seen.counts['fs.read'] == 2 && seen.counts.other == 0", True),
        ("size(seen.labels) == 1 && execution.name.size() == 7", True),
        ("execution.name.startsWith('fs.') && execution.name.endsWith('d') && execution.name.contains('.')", True),
        ("has(execution.args.path) && execution.args.path.startsWith('/etc')", True),
        ("has(execution.args.other) || execution.args.path == 'x'", False),
        ("execution.args.path == 3 || execution.args.on == execution.args.path", False),
        ("execution.args.n > 2 && execution.args.n == 3", True),
        ("execution.args.deep.er[1] == 'y' && 'y' in execution.args.deep.er && 'er' in execution.args.deep", True),
        ("execution.args.on", True),
        ("agent == '' && last.name == '' && lifetime.denials == tenant.denials", True),
        ("get(execution.args, 'deep.no', 1) == 0 || get(execution.args, 'n', 0) == 3", True),
        ("get(execution.args, 'x.y', 7) > 6 ? execution.name == 'fs.read' : true", True),
        ("(execution.visit == 1 ? 1 : 0) > 0 && (graph == 'g' ? 'a' : execution.args.path) == 'a'", True),
        ('json(execution.args.deep) == \'{"er":["x","y"]}\'', True),
        ("false || true", True),
        ("false && execution.args.nothing", False),
        ("true && true && false", False),
        ("false || false || true", True),
    ],
)
def test_simple_conditions_need_no_engine(text: str, value: object) -> None:
    args = {"path": "/etc/x", "n": 3, "on": True, "deep": {"er": ["x", "y"]}}
    assert outcomes(text, bindings(args, ["external"])) == (value, value)


@pytest.mark.parametrize(
    "text",
    [
        "execution.args.nothing == 1",
        "execution.args.path > 3",
        "execution.args.path && true",
        "execution.args.n in [1, 2, 3]",
        "execution.args.on > false",
        "execution.args.l == execution.args.l",
        "execution.args.large > 1.0",
        "execution.args.n.startsWith('a')",
        "size(execution.args.n) == 1",
        "execution.args.half + 1 == 2",
        "execution.args.path[0] == '/'",
        "execution.args.path.x == '/'",
        "execution.args.l['x'] == '/'",
        "execution.args.l[7] == '/'",
        "has(execution.args.path.x)",
        "lifetime.tokens_used + 9223372036854775807 > 0",
        "execution.args.huge == 1",
        "get(execution.args.n, 'a', 0) == 0",
        "get(execution.args, execution.args.n, 0) == 0",
        "execution.args.wide + execution.args.wide > 0",
    ],
)
def test_what_is_odd_is_left_to_the_engine(text: str) -> None:
    args = {
        "path": "/etc/x",
        "n": 3,
        "on": True,
        "large": 2**53 + 1,
        "half": 0.5,
        "l": ["x"],
        "huge": 2**70,
        "wide": 2**62,
    }
    assert outcomes(text, bindings(args))[0] is Unsure


@pytest.mark.parametrize(
    "text",
    [
        "lifetime.tokens_used > 9007199254740993",
        "lifetime.tokens_used * 2 > 4",
        "(1 < 2) == (2 < 3) == true",
        "get({'a': 1}, 'a', 0) > 1",
        "count(seen.labels, 'a', 1) > 1",
        "json([graph]) == ''",
        "execution.name == '\\x61'",
        "-lifetime.tokens_used < 0",
        "execution.args[execution.name] == 1",
        "execution.name in [execution.kind]",
        "{'a': true}.a",
        "has({'a': true}.a)",
    ],
)
def test_what_is_not_simple_has_no_closure(text: str) -> None:
    compile_expression(text, NAMES, want_bool=True)
    assert closure(parse(text), FIELDS) is None


def test_a_number_is_no_truth() -> None:
    for text in ("lifetime.tokens_used && true", "!execution.name"):
        assert closure(parse(text), FIELDS) is None


_texts = st.sampled_from(
    ["execution.name", "graph", "last.status", "capability.value", "execution.args.t", *map(repr, TEXTS)]
)
_numbers = st.sampled_from(
    ["lifetime.tokens_used", "lifetime.cost_usd", "seen.counts['a']", "execution.args.n", "1.5", *map(str, NUMBERS)]
)
_sums = st.builds(lambda a, sign, b: f"{a} {sign} {b}", _numbers, st.sampled_from("+-"), _numbers)
_values = _texts | _numbers | _sums | st.sampled_from(["execution.args.any", "true", "null"])
_signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
_atoms = st.one_of(
    st.builds(lambda a, sign, b: f"{a} {sign} {b}", _values, _signs, _values),
    st.builds(lambda a, sign, b: f"{a} {sign} {b}", _numbers, _signs, _numbers),
    st.builds(lambda a, sign, b: f"{a} {sign} {b}", _texts, _signs, _texts),
    st.builds(
        lambda a, b: f"{a} in {b}",
        _texts,
        st.sampled_from(["seen.labels", "['a', 'fs.read']", "execution.args", "execution.args.any", "seen.counts"]),
    ),
    st.builds(
        lambda a, name, b: f"{a}.{name}({b})", _texts, st.sampled_from(["startsWith", "endsWith", "contains"]), _texts
    ),
    st.builds(lambda a: f"has(execution.args.{a})", st.sampled_from(["t", "n", "any", "x"])),
    st.builds(
        lambda a, b, sign, c: f"get(execution.args, '{a}', {b}) {sign} {c}",
        st.sampled_from(["t", "n", "any.a", "any.b.a", "x"]),
        _values,
        _signs,
        _values,
    ),
    st.builds(lambda a, b, c, d: f"({a} > 1 ? {b} : {c}) == {d}", _numbers, _values, _values, _values),
    st.builds(lambda a, b: f"json(execution.args.{a}).contains({b})", st.sampled_from(["t", "n", "any"]), _texts),
    st.builds(lambda a: f"size({a}) > 1", st.sampled_from(["seen.labels", "graph", "execution.args.any"])),
    st.sampled_from(["true", "false", "execution.args.any"]),
)
conditions: SearchStrategy[str] = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.builds(lambda a, sign, b: f"({a}) {sign} ({b})", inner, st.sampled_from(["&&", "||"]), inner),
        st.builds(lambda a: f"!({a})", inner),
    ),
    max_leaves=6,
)
_any = st.recursive(
    st.none() | st.booleans() | st.sampled_from([*NUMBERS, 0.5, 2**53 + 1]) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
_args = st.fixed_dictionaries({}, optional={"t": st.sampled_from(TEXTS), "n": _any, "any": _any})


@settings(max_examples=500)
@given(
    conditions, _args, st.lists(st.sampled_from(TEXTS), max_size=3), st.sampled_from(NUMBERS), st.sampled_from(TEXTS)
)
def test_a_closure_says_what_the_engine_says(
    text: str, args: dict[str, object], seen: list[str], tokens: int, name: str
) -> None:
    try:
        quick, engine = outcomes(text, bindings(args, seen, tokens, name))
    except ExpressionError:
        return  # the checker knows that this can never be evaluated, and it does not load
    assert quick is Unsure or (type(quick), quick) == (type(engine), engine)
