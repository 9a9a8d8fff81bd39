"""Hostile expressions: the table of the security notes, in the column of our subset, and rows of our own."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from policies.expressions import ExpressionError, compile_expression

BIG = ["x"] * 9_999
SCOPE: dict[str, object] = {
    "big": BIG,
    "text": "a" * 1024 * 1024,
    "m": {"a": 1, "b": {"c": 2}},
    "n": 7,
    "d": 1.5,
    "t": True,
    "s": "abc",
    "none": None,
    "nan": float("nan"),
    "inf": float("inf"),
    "huge": 2**63,
    "half": "\ud800",
    "deep": None,
    "bytes": b"x",
    "keys": {1: 2},
    "state": {"l": [1, 2, 3], "a": "x"},
    "input": {"path": "src"},
}
for _ in range(80):
    SCOPE["deep"] = [SCOPE["deep"]]

REFUSED_AT_ONCE: dict[str, tuple[str, str]] = {
    "X01 parentheses": ("(" * 1000 + "1" + ")" * 1000, "nested"),
    "X01b parentheses over the length": ("(" * 5000 + "1" + ")" * 5000, "at most 2048"),
    "X02 exclamation marks": ("!" * 2000 + "true", "nested"),
    "X03 brackets": ("[" * 1000 + "]" * 1000, "nested"),
    "X03b indexes": ("m" + "[m" * 500 + "]" * 500, "nested"),
    "X05 choices": ("true?1:" * 290 + "1", "nested"),
    "X06 ands": ("true && " * 20_000 + "true", "at most 2048"),
    "X07 map": ("big.map(a, big.map(b, a))", "not a function"),
    "X09 doubling": ("['x'].map(v, v + v)[0]", "not a function"),
    "X13 filter": ("big.filter(x, x > 0)", "not a function"),
    "X13b exists": ("big.exists(x, x == 1)", "not a function"),
    "X13c all": ("big.all(x, x == 1)", "not a function"),
    "X13d exists_one": ("big.exists_one(x, x == 1)", "not a function"),
    "X15 matches": ("s.matches('(a+)+$')", "not a function"),
    "X15b matches as a function": ("matches(s, '(a+)+$')", "not a function"),
    "X18 long literal": ("'" + "a" * 5_000_000 + "'", "at most 2048"),
    "X19 long number": ("1" * 2000, "64 bits"),
    "X19c one more than 64 bits": ("n > 9223372036854775808", "64 bits"),
    "X19b large double": ("1e999", "64 bits"),
    "X21 half a surrogate pair": ("'\\ud800'", "invalid"),
    "X25 undeclared": ("nothing > 1", "not known"),
    "X25b clock": ("now()", "not a function"),
    "X25c timestamp": ("timestamp('2020-01-01T00:00:00Z')", "not a function"),
    "X25d types": ("type(n)", "not a function"),
    "X25e a type's name": ("int", "not known"),
    "X25f conversions": ("string(n)", "not a function"),
    "X25g dyn": ("dyn(n) == 1", "not a function"),
    "X25h bind": ("cel.bind(x, 1, x)", "not a function"),
    "X25i optional": ("m.?a", "field name is missing"),
    "X25j message": ("google.protobuf.Int32Value{value: 1}", "does not belong"),
    "X25k our own guard": ("_number(1)", "not a function"),
    "X25l a variable of ours": ("d0", "not known"),
    "X33 a key twice": ("{'a': 1, 'a': 2}", "twice"),
    "X33b a key that is no text": ("{1: 2}", "quoted"),
    "X33c a computed key": ("{s: 2}", "quoted"),
    "X38 a homoglyph": ("ѕ == 'abc'", "not part of the language"),
    "X38b bidi in a text": ("s == 'a\u202eb'", "cannot be seen"),
    "X38c a zero byte": ("s == 'a\x00'", "cannot be seen"),
    "X38d bidi outside": ("s \u202e== 'a'", "U+202E"),
    "unsigned": ("1u == 1u", "not a number"),
    "bytes": ("b'x' == b'x'", "does not belong"),
    "comment": ("n // > 1\n", "value is missing"),
    "backticks": ("m.`a`", "not part of the language"),
    "text plus text": ("'a' + 'b'", "does not take"),
    "dynamic text plus text": ("s + 'b'", "does not take"),
    "list plus list": ("[1] + [2]", "does not take"),
    "text plus computed text": ("n + json(s)", "a text"),
    "a bool in arithmetic": ("n + has(m.a)", "a bool"),
    "a list in arithmetic": ("n + [n]", "a list"),
    "a negated bool in arithmetic": ("n + !t", "a bool"),
    "int and double": ("1 + 1.0", "does not take"),
    "int equal to double": ("1 == 1.0", "does not take"),
    "double modulo": ("5.0 % 2.0", "does not take"),
    "branches of two types": ("true ? 1 : 'a'", "does not take"),
    "state whole": ("'a' in state", "whole"),
    "state whole alone": ("state", "whole"),
    "input whole in a function": ("size(input)", "whole"),
    "state by a computed name": ("state[s]", "whole"),
    "reserved word": ("while", "word of the language"),
    "keyword as a field": ("m.in", "field name is missing"),
    "wrong count": ("size(1, 2)", "takes 1"),
    "has without a field": ("has(m)", "has()"),
    "has with an index": ("has(m['a'])", "has()"),
    "has with two": ("has(m.a, m.b)", "has()"),
    "contains as a function": ("contains(s, 'a')", "not a function"),
    "nothing": ("", "value is missing"),
    "texts doubled": ("+".join(["s"] * 400), "nested"),
    "space": (" \n", "value is missing"),
    "an operator too much": ("1 + + ", "value is missing"),
    "something after the end": ("1 2", "does not belong"),
    "an open text": ("'abc", "not closed"),
    "an open list": ("[1, 2", "missing before the end"),
    "an open map": ("{'a': 1", "missing before the end"),
    "a map without a colon": ("{'a' 1}", "missing before"),
    "an open call": ("size(s", "missing before the end"),
    "an open group": ("(1", "missing before the end"),
    "an open index": ("m['a'", "missing before the end"),
    "a choice without its end": ("t ? 1", "missing before the end"),
    "a stray sign": ("=", "not part"),
    "a stray bracket": (")", "value is missing"),
    "a number with letters": ("12abc", "not a number"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED_AT_ONCE.values(), ids=REFUSED_AT_ONCE)
def test_it_does_not_compile(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, frozenset(SCOPE), want_bool=False)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 500


NO_VALUE: dict[str, tuple[str, str]] = {
    "X22 half a surrogate pair": ("half == 'a'", "surrogate"),
    "X23 division by zero": ("1 / 0 > 0", "divide by zero"),
    "X27 an int beyond 64 bits": ("huge > 1", "64 bits"),
    "X30 NaN": ("nan > 1.0 || nan <= 1.0", "not finite"),
    "X30b infinity": ("inf > 1.0", "not finite"),
    "X30c 0.0 / 0.0": ("0.0 / 0.0 > 1.0", "not finite"),
    "X30d 1.0 / 0.0": ("1.0 / (d - d) > 1.0", "not finite"),
    "X30e overflow to infinity and back": ("1e308 * 10.0 / 1e308 < 2.0", "not finite"),
    "X33 a key twice, once in disguise": ("{'\\x61': n > 1, 'a': 2}", "duplicate key"),
    "X35 overflow": ("9223372036854775807 + 1", "overflow"),
    "X35b overflow below": ("-9223372036854775808 - 1", "overflow"),
    "X35c overflow of a product": ("n * 9223372036854775807", "overflow"),
    "texts added at run time": ("s + s", "does not take"),
    "lists added at run time": ("big + big", "does not take"),
    "texts added thirty times": ("+".join(["text"] * 28), "does not take"),
    "lists added after a number": ("big + big + 1", "does not take"),
    "a comparison of kinds": ("s < n", "does not take"),
    "a bool as a number": ("t + 1", "does not take"),
    "a number as a bool": ("n && t", "does not take"),
    "a number as a condition": ("n ? 1 : 2", "`?:`"),
    "too deep": ("[deep] == [1]", "deep"),
    "no JSON": ("bytes == s", "not JSON"),
    "keys that are no texts": ("keys == m", "as a key"),
    "a step into nothing": ("m.x > 1", "there is no `x`"),
    "a step into a number": ("n.x > 1", "in an int"),
    "an element that is not there": ("big[10000] == 'x'", "no element"),
    "an index below zero": ("state.l[-1] == 1", "index"),
    "a field of a value": ("(n > 1 ? m : s).zz == 1", "key not found"),
    "has in a list": ("has(state.l.x)", "not in a map"),
    "a list of over 10,000": ("big == [1] || [big, big] == many", "no value here"),
    "json too large": ("json([text, text])", "over"),
    "json multiplied": ("json([" + ",".join(["text"] * 250) + "])", "over"),
    "join too large": ("join(big, text)", "over"),
    "join multiplied": ("join([" + ",".join(["text"] * 250) + "], '')", "over"),
    "json of NaN": ("json(nan)", "canonical"),
    "json of what is too deep": ("json(deep)", "canonical"),
    "size of a number": ("size(n)", "size()"),
    "get in a list": ("get(state.l, 'a', 1)", "map or null"),
    "count in a map": ("count(m, 'a', 1)", "list is needed"),
    "join of a map": ("join(m, ',')", "list is needed"),
    "join by a number": ("join(big, n)", "second argument"),
    "get by a number": ("get(m, n, 1)", "second argument"),
    "get by a computed number": ("get(m, n > 1 ? n : n, 1)", "second argument"),
    "json of a computed nothing": ("json(m[s])", "key not found"),
}


@pytest.mark.parametrize(("text", "reason"), NO_VALUE.values(), ids=NO_VALUE)
def test_it_has_no_value(text: str, reason: str) -> None:
    program = compile_expression(text, want_bool=False)
    with pytest.raises(ExpressionError) as caught:
        program.evaluate(SCOPE)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["X23 division by zero", "X30 NaN", "a comparison of kinds", "a step into nothing"])
def test_an_error_is_never_true(name: str) -> None:
    program = compile_expression(NO_VALUE[name][0], want_bool=True)
    with pytest.raises(ExpressionError):
        program.evaluate(SCOPE)


@pytest.mark.parametrize(
    "text", ["1 + 2", "'true'", "[true]", "{'a': true}", "size(s)", "json(t)", "null", "count(big, 'a', 1) + 1"]
)
def test_what_is_never_a_bool_does_not_compile_as_a_condition(text: str) -> None:
    with pytest.raises(ExpressionError, match="never true or false"):
        compile_expression(text, want_bool=True)


@pytest.mark.parametrize("text", ["n", "s", "none", "m", "get(m, 'a', 1)", "n > 1 ? n : n", "m.a"])
def test_what_turns_out_not_to_be_a_bool_is_an_error(text: str) -> None:
    program = compile_expression(text, want_bool=True)
    with pytest.raises(ExpressionError, match="where true or false is needed"):
        program.evaluate(SCOPE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s < n", "`s < n`: `<` does not take (string, int64)"),
        ("m[s] > 1", "`m[s] > 1`: key not found in map"),
        ("s", "`s`: a text where true or false is needed"),
        ("s.x", "`s.x`: there is no `x` in a text"),
    ],
)
def test_an_error_is_told_in_words_without_the_values(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, want_bool=True).evaluate({"s": "secret", "n": 1, "m": {}})
    assert str(caught.value) == message


def test_a_list_of_over_ten_thousand_items_is_refused_only_where_it_is_looked_into() -> None:
    scope = {"many": ["x"] * 10_001}
    assert compile_expression("size(many) > 1", want_bool=True).evaluate(scope) is True
    for text in ("'x' in many", "many == [1]", "count(many, 'a', 1) == 0", "join(many, '') == ''"):
        with pytest.raises(ExpressionError, match="over 10000 items"):
            compile_expression(text, want_bool=True).evaluate(scope)


def test_a_text_is_measured_in_bytes() -> None:
    program = compile_expression("s == 'a'", want_bool=True)
    assert program.evaluate({"s": "a" * 1024 * 1024}) is False
    for text in ("a" * (1024 * 1024 + 1), "é" * (1024 * 512 + 1)):
        with pytest.raises(ExpressionError, match="over 1048576 bytes"):
            program.evaluate({"s": text})


def test_more_values_than_there_are_variables_are_refused() -> None:
    assert compile_expression("||".join(f"v{n}" for n in range(256)), want_bool=True).paths
    with pytest.raises(ExpressionError, match="more than 256"):
        compile_expression("||".join(f"v{n}" for n in range(257)), want_bool=True)


def test_it_takes_no_time_to_refuse() -> None:
    before = time.process_time()
    for text, _ in (*REFUSED_AT_ONCE.values(), *NO_VALUE.values()):
        with pytest.raises(ExpressionError):
            compile_expression(text, want_bool=False).evaluate(SCOPE)
    assert time.process_time() - before < 20  # seconds; full CEL hangs or takes gigabytes on several of these


WORDS = st.sampled_from(
    [
        *(
            "m",
            "n",
            "d",
            "t",
            "s",
            "none",
            "big",
            "state.l",
            "state.a",
            "input.path",
            "nothing",
            "1",
            "2.5",
            "'a'",
            '"b"',
        ),
        *(
            "true",
            "null",
            "+",
            "-",
            "*",
            "/",
            "%",
            "==",
            "!=",
            "<",
            "<=",
            "&&",
            "||",
            "!",
            "?",
            ":",
            "(",
            ")",
            "[",
            "]",
        ),
        *(
            "{",
            "}",
            ",",
            ".",
            "in",
            "size(",
            "json(",
            "get(",
            "count(",
            "join(",
            "has(",
            ".a",
            ".size()",
            "r'",
            "\\",
            "'",
        ),
        *("1u", "0x1", "9223372036854775807", "é", "\u202e", "//", "state", "half", "nan", "huge", "deep"),
    ]
)


@settings(max_examples=600)
@given(text=st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=40), want_bool=st.booleans())
@example(text="1 - -9223372036854775808", want_bool=False)
@example(text="{'\\x61': 1, 'a': 2}", want_bool=False)
def test_nothing_but_an_expression_error_comes_out(text: str, want_bool: bool) -> None:
    try:
        value = compile_expression(text, want_bool=want_bool).evaluate(SCOPE)
    except ExpressionError:
        return
    assert not want_bool or type(value) is bool
