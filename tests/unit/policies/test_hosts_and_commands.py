"""Hosts, secrets and commands are covered by exactly what names them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.argv import format_argv, parse_argv
from policies.capability import Capability, CapabilitySet, covers
from policies.domains import parse_domain, parse_secret
from policies.globs import BadPatternError

words = st.lists(st.text(max_size=6), min_size=1, max_size=5)
tokens = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=3)
commands = [[x] for x in "abz"] + [[x, y] for x in "abz" for y in "abz"]
commands += [[x, y, z] for x in "abz" for y in "abz" for z in "abz"]


@pytest.mark.parametrize(
    ("grant", "request_", "expected"),
    [
        ("api.example.org", "api.example.org", True),
        ("API.example.org", "api.EXAMPLE.org", True),
        ("api.example.org", "x.api.example.org", False),
        (".example.org", "example.org", True),
        (".example.org", "a.b.example.org", True),
        (".example.org", "badexample.org", False),
        (".example.org", ".a.example.org", True),
        ("example.org", ".example.org", False),
        ("a.example.org", ".example.org", False),
        ("127.0.0.1", "127.0.0.1", True),
        (".0.0.1", "127.0.0.1", False),
        ("*", "example.org", False),
        (".example.org", "example.org.", False),
        (".example.org", "http://a.example.org", False),
        (".example.org", "a..example.org", False),
        (".example.org", "é.example.org", False),
    ],
)
def test_a_host_is_covered_by_its_domain(grant: str, request_: str, expected: bool) -> None:
    assert covers(Capability("net", grant), Capability("net", request_)) is expected


@pytest.mark.parametrize("text", ["", ".", "-a.org", "a" * 64, "a." * 127 + "abc", ".10.0.0.1"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(BadPatternError):
        parse_domain(text)


@pytest.mark.parametrize(
    ("grant", "request_", "expected"),
    [
        ("KEY@api.example.org", "KEY@api.example.org", True),
        ("KEY@.example.org", "KEY@a.example.org", True),
        ("KEY@api.example.org", "KEY@evil.org", False),
        ("KEY@api.example.org", "OTHER@api.example.org", False),
        ("KEY@api.example.org", "KEY", False),
        ("KEY", "KEY@api.example.org", False),
        ("KEY", "KEY", True),
    ],
)
def test_a_secret_goes_only_where_it_may(grant: str, request_: str, expected: bool) -> None:
    assert covers(Capability("env", grant), Capability("env", request_)) is expected


def test_a_denied_secret_goes_nowhere_at_all() -> None:
    deny = CapabilitySet((Capability("env", "KEY"),))
    assert deny.forbids(Capability("env", "KEY@api.example.org"))
    assert not deny.forbids(Capability("env", "OTHER@api.example.org"))


@pytest.mark.parametrize("text", ["", "1KEY", "KE-Y", "KEY@", "@a.org", "KEY@*"])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(BadPatternError):
        parse_secret(text)


@pytest.mark.parametrize(
    ("grant", "request_", "expected"),
    [
        ("git status", "git status", True),
        ("git status", "git status --short", False),
        ("git diff **", "git diff", True),
        ("git diff **", "git diff -- a b", True),
        ("git diff **", "git", False),
        ("git diff **", "git diffx", False),
        ("git *", "git push", True),
        ("git *", "git push -f", False),
        ("git *", "git **", False),
        ("git **", "git diff **", True),
        ("git diff **", "git **", False),
        ("git a", "git *", False),
        ("**", "rm -rf x", True),
        ('echo "a b"', 'echo "a b"', True),
        ('echo "a b"', "echo a b", False),
        ('echo "*"', "echo x", False),
        ("echo *", 'echo "*"', True),
        ("git  status", "git status", False),
    ],
)
def test_a_command_is_covered_word_by_word(grant: str, request_: str, expected: bool) -> None:
    assert covers(Capability("shell", grant), Capability("shell", request_)) is expected


@pytest.mark.parametrize(
    "text", ["", " a", "a ", "a  b", "a** b", "** a", "rm*", '"a', '"a"b', r'"\q"', r'"\ud800"', 'a "b" ']
)
def test_what_is_no_command_is_refused(text: str) -> None:
    with pytest.raises(BadPatternError):
        parse_argv(text)


@given(words)
def test_a_command_line_reads_back_as_the_same_words(command: list[str]) -> None:
    parsed = parse_argv(format_argv(command))
    assert parsed.words == tuple(command)
    assert not parsed.rest


@given(tokens, st.booleans(), tokens, st.booleans())
def test_command_patterns_contain_what_all_their_commands_are_in(
    grant: list[str], grant_rest: bool, request: list[str], request_rest: bool
) -> None:
    one = parse_argv(" ".join([*grant, "**"] if grant_rest else grant))
    other = parse_argv(" ".join([*request, "**"] if request_rest else request))
    matched = [command for command in map(format_argv, commands) if other.covers(parse_argv(command))]
    if one.covers(other):
        assert all(one.covers(parse_argv(command)) for command in matched)
    elif not (request_rest and len(request) == 3):  # longer commands would be needed to see it
        assert any(not one.covers(parse_argv(command)) for command in matched)
