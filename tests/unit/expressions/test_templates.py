"""Templates: types that stay, texts that are put together, and nothing parsed twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.canonical import canonical
from workflows.language.expressions import ExpressionError, compile_condition, compile_template

SCOPE: dict[str, object] = {"state": {"a": {"b": [1, 2]}, "t": "hi", "big": "x" * 1024 * 1024}, "n": 7, "e": "${n}"}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$", "$"),
        ("a $ b { c }", "a $ b { c }"),
        ("${n}", 7),
        (" ${n}", " 7"),
        ("${n}${n}", "77"),
        ("${state.a.b}", [1, 2]),
        ("${ state.t }", "hi"),
        ("x ${state.a} ${state.t}.", 'x {"b":[1,2]} hi.'),
        ("${true} ${null} ${1.0} ${2.5}", "true null 1 2.5"),
        ("$${n}", "${n}"),
        ("$$${n}", "$${n}"),
        ("a $${b} ${n} $${", "a ${b} 7 ${"),
        ("${'}'}", "}"),
        ("${'a}' == \"}\" ? {'x': '}'}.x : '{'}!", "{!"),
        ("${{'a': [n]}}", {"a": [7]}),
        ("${json({'a': {'b': n}})}", '{"a":{"b":7}}'),
        ("${e}", "${n}"),
        ("${e} ${e}", "${n} ${n}"),
        ({"a": ["${n}", {"b": "x${n}"}], "c": 1}, {"a": [7, {"b": "x7"}], "c": 1}),
        (["$${x}", "y"], ["${x}", "y"]),
        ({"k": "$${x}"}, {"k": "${x}"}),
        (None, None),
        (5, 5),
        ([], []),
        ({"${n}": 1}, {"${n}": 1}),
    ],
)
def test_it_renders(template: object, value: object) -> None:
    assert compile_template(template).render(SCOPE) == value


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("${n", "closes the expression is missing"),
        ("a ${'}", "closes the expression is missing"),
        ("${it's}", "closes the expression is missing"),
        ("${" + " " * 3000 + "n}", "closes the expression is missing"),
        ("${}", "value is missing"),
        ({"a": ["${1 +}"]}, "value is missing"),
        ("${state}", "whole"),
    ],
)
def test_it_refuses(template: object, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason):
        compile_template(template)


@pytest.mark.parametrize("template", ["plain", {"a": [1, {"b": "c"}]}, [1, "x"], 3, None])
def test_a_constant_renders_to_itself(template: object) -> None:
    compiled = compile_template(template)
    assert compiled.is_constant
    assert compiled.render({}) is template
    assert not compiled.is_single


def test_it_knows_what_it_reads_and_what_it_is() -> None:
    compiled = compile_template({"a": "${state.t} ${n}", "b": ["${state.a.b}", "${n}"]})
    assert [str(path) for path in compiled.paths] == ["n", "state.a.b", "state.t"]
    assert not compiled.is_constant
    assert not compiled.is_single
    assert compile_template("${n}").is_single
    assert not compile_template("${n} ").is_single
    assert repr(compile_template("${n}")) == "Template('${n}')"


def test_a_path_alone_is_the_very_value_however_large() -> None:
    state = SCOPE["state"]
    assert isinstance(state, dict)
    assert compile_template("${state.big}").render(SCOPE) is state["big"]
    with pytest.raises(ExpressionError, match="over 1048576 bytes"):
        compile_template("${state.big}!").render(SCOPE)


@pytest.mark.parametrize("template", ["${missing}", "x ${missing}", {"a": "${state.missing}"}, "${state.t + n}"])
def test_a_value_that_is_not_there_is_an_error(template: object) -> None:
    with pytest.raises(ExpressionError):
        compile_template(template).render(SCOPE)


@pytest.mark.parametrize("value", [float("nan"), "\ud800", b"x"])
def test_text_is_made_only_of_what_has_a_form(value: object) -> None:
    with pytest.raises(ExpressionError):
        compile_template("x ${v}").render({"v": value})


def test_a_condition_is_a_bool_or_an_error() -> None:
    condition = compile_condition("n > 5 && state.t == 'hi'")
    assert condition.holds(SCOPE) is True
    assert condition.holds({**SCOPE, "n": 1}) is False
    assert [str(path) for path in condition.paths] == ["n", "state.t"]
    assert repr(condition) == "Condition(\"n > 5 && state.t == 'hi'\")"
    with pytest.raises(ExpressionError, match="an int where true or false is needed"):
        compile_condition("n").holds(SCOPE)


class View(Mapping[str, object]):
    """A state that is no dict, as the engine's is."""

    def __getitem__(self, channel: str) -> object:
        return {"note": [1], "map": {"k": 2}}[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(("note", "map"))

    def __len__(self) -> int:
        return 2


def test_the_state_may_be_any_mapping() -> None:
    scope = {"state": View()}
    template = compile_template("${state.note} ${has(state.map.k)} ${has(state.other)} ${json(state)}")
    assert template.render(scope) == '[1] true false {"map":{"k":2},"note":[1]}'
    with pytest.raises(ExpressionError, match="there is no `other`"):
        compile_template("${state.other}").render(scope)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_values_stand_in_text_as_they_are_or_as_canonical_json(value: object) -> None:
    scope = {"v": value}
    assert compile_template("${v}").render(scope) is value
    shown = value if isinstance(value, str) else canonical(value).decode()
    assert compile_template("<${v}>").render(scope) == f"<{shown}>"


@given(
    st.lists(st.sampled_from(["${", "}", "$", "{", "'", '"', "n", " ", "$${", "\\", "[", ")", "é"]), max_size=20).map(
        "".join
    )
)
def test_nothing_but_an_expression_error_comes_out(text: str) -> None:
    try:
        compile_template([text]).render(SCOPE)
    except ExpressionError as error:
        assert str(error)  # noqa: PT017  the only error there may be
