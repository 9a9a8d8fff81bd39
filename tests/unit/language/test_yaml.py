"""Documents: YAML 1.2 without surprises, JSON, and the place of everything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.errors import DocumentError, Problem
from workflows.language.yaml import MAX_BYTES, attach, load


def refusals(text: str | bytes) -> list[tuple[str, str, int | None, int | None]]:
    with pytest.raises(DocumentError) as caught:
        load(text, "doc.yaml")
    assert {problem.file for problem in caught.value.problems} == {"doc.yaml"}
    return [(problem.code, problem.path, problem.line, problem.column) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("1:20", "1:20"),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("+7", 7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.5E-1", -0.05),
        ("1.0", 1.0),
        ("~", None),
        ("", None),
        ("null", None),
        ("True", True),
        ("FALSE", False),
        ("'true'", "true"),
        ('"1"', "1"),
        ("nan", "nan"),
        ("=", "="),
        ("é😀", "é😀"),
    ],
)
def test_a_scalar_means_what_the_core_schema_says(text: str, value: object) -> None:
    found = load(f"- {text}\n").data
    assert isinstance(found, list)
    assert (found, type(found[0])) == ([value], type(value))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\na: 2", [("yaml_duplicate", "a", 2, 1)]),
        ("a: {b: 1, 'b': 2}", [("yaml_duplicate", "a.b", 1, 11)]),
        ("a: &x 1\nb: *x", [("yaml_anchor", "a", 1, 4), ("yaml_alias", "b", 2, 4)]),
        ("a: !!python/object:os.system x", [("yaml_tag", "a", 1, 4)]),
        ("a: !thing {b: 1}", [("yaml_tag", "a", 1, 4)]),
        ("- ! 1", [("yaml_tag", "[0]", 1, 3)]),
        ("a:\n  <<: {b: 1}", [("yaml_merge", "a", 2, 3)]),
        ("1: 2", [("yaml_key", "", 1, 1)]),
        ("? [a]\n: b", [("yaml_key", "", 1, 3)]),
        ("? !!str a\n: b", [("yaml_tag", "?", 1, 3)]),
        ("? *a\n: b", [("yaml_alias", "?", 1, 3)]),
        ("a: .inf", [("yaml_value", "a", 1, 4)]),
        ("a: .NaN", [("yaml_value", "a", 1, 4)]),
        ("a: 1e999", [("yaml_value", "a", 1, 4)]),
        ("a: 9223372036854775808", [("yaml_value", "a", 1, 4)]),
        ("a: " + "9" * 5000, [("yaml_value", "a", 1, 4)]),
        ('a: "\\ud800"', [("yaml_value", "a", 1, 4)]),
        ("- a\n---\n- b", [("yaml_documents", "", 2, 1)]),
        ("[" * 60 + "]" * 60, [("yaml_depth", "", 1, 49)]),
        ("a: b: c", [("yaml_syntax", "", 1, 5)]),
        ("[1, 2", [("yaml_syntax", "", 1, 6)]),
        ("\t- a", [("yaml_syntax", "", 1, 1)]),
        ('a: "\\UFFFFFFFF"', [("yaml_syntax", "", 1, 1)]),
        ("b: 1\na: \x01", [("yaml_syntax", "", 2, 1)]),
        ("%YAML 3.0\n---\na", [("yaml_syntax", "", 1, 1)]),
        (b"a: 1\nb: \xff", [("encoding", "", 2, 1)]),
        ("a: \ud800", [("encoding", "", 1, 1)]),
        ("#" * (MAX_BYTES + 1), [("too_large", "", 1, 1)]),
        ("#" + "é" * (MAX_BYTES // 2), [("too_large", "", 1, 1)]),
    ],
)
def test_it_refuses_with_line_and_column(text: str | bytes, found: list[tuple[str, str, int, int]]) -> None:
    assert refusals(text) == found


def test_it_stops_counting_problems_at_some_point() -> None:
    assert len(refusals("a: &x 1\n" * 100)) == 50


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "\\ud83d\\ude00", "b": [1, 2.5, true, null]}', {"a": "😀", "b": [1, 2.5, True, None]}),
        ('\t{"a":\t1}', {"a": 1}),
        ("[1, a]", [1, "a"]),
        ('"just a text"', "just a text"),
        ('{"a": NaN}', {"a": "NaN"}),
        ("{a: 1, b}", {"a": 1, "b": None}),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
        ("", None),
        ("# nothing", None),
    ],
)
def test_it_reads_json_and_yaml_alike(text: str | bytes, value: object) -> None:
    assert load(text).data == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": 1, "a": 2}', "yaml_duplicate"),
        ('{"a": 1e999}', "yaml_value"),
        ('{"a": 9223372036854775808}', "yaml_value"),
        ("[" * 100_000, "yaml_depth"),
        ('{"a": "\\ud800"}', "yaml_value"),
    ],
)
def test_json_is_held_to_the_same_rules(text: str, code: str) -> None:
    assert [refusal[0] for refusal in refusals(text)] == [code]


def test_it_knows_where_everything_stands() -> None:
    places = load("a:\n  - b: 1\n    c d: 2\n  - 3\n").places
    assert places.locate("a[0].b") == (2, 5)
    assert places.locate("a[0].c d") == (3, 5)
    assert places.locate("a[1]") == (4, 5)
    assert places.locate("a[1].missing[3].x") == (4, 5)
    assert places.locate("nowhere") == (1, 1)


def test_it_knows_where_everything_stands_in_json() -> None:
    places = load('{\n\t"a": [1,\n\t\t{"b": 2}]}').places
    assert places.locate("a[1].b") == (3, 4)


def test_json_that_yaml_does_not_take_has_no_places() -> None:
    loaded = load('{"a": "\x7f"}')
    assert loaded.data == {"a": "\x7f"}
    assert loaded.places.locate("a") == (None, None)


def test_it_attaches_places_to_problems() -> None:
    places = load("a:\n  b: 1\n").places
    found = attach([Problem("x", "no", "a.b"), Problem("y", "no", "z")], places, "f.yaml")
    assert [str(problem) for problem in found] == ["f.yaml:2:3: a.b: no", "f.yaml:1:1: z: no"]


@pytest.mark.parametrize(
    "text",
    ['"\\' * 100_000, "- " * 100_000, "? " * 100_000, "{a: " * 50_000, "[a," * 80_000, "'" * 249_999, "!" * 250_000],
    ids=["escapes", "sequences", "keys", "maps", "lists", "quotes", "tags"],
)
def test_it_refuses_hostile_text_at_once(text: str) -> None:
    assert refusals(text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON, st.sampled_from([None, 2]), st.booleans())
def test_it_reads_every_json_as_json_does(value: object, indent: int | None, ascii_only: bool) -> None:
    assert load(json.dumps(value, indent=indent, ensure_ascii=ascii_only)).data == value


PIECES = st.sampled_from(
    [
        *("a", "b: ", ": ", "- ", "? ", "\n", "  ", "[", "]", "{", "}", ",", "&x ", "*x", "!!str ", "|", ">", "'", '"'),
        *(
            "\\",
            "#",
            "%",
            "---",
            "...",
            "\t",
            "<<: ",
            "é",
            "\ud800",
            "\x00",
            "1e9",
            "0x",
            "\\ud83d",
            "\\U",
            "\u2028",
            "@",
        ),
    ]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=30).map("".join) | st.text() | st.binary())
def test_nothing_but_a_document_error_comes_out(text: str | bytes) -> None:
    try:
        load(text).places.locate("a[0].b")
    except DocumentError as error:
        assert all(problem.line and problem.column for problem in error.problems)  # noqa: PT017  the only error there may be
