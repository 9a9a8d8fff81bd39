"""Sets of capabilities never have more than they were given, and documents and tools name them exactly."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.capability import (
    MAX_KNOWN,
    MAX_PAIRS,
    Capability,
    CapabilitySet,
    covers,
    parse_capabilities,
    resolve_needs,
)
from policies.grants import KINDS
from tests.unit.policies.test_globs import PIECES

NAMES = ("a", "aa", "az", "za", "z", "a/a", "a/z", "z/a", "a/a/a", "z/z/z", "**", "*", "a/**", "*/*", "**/a")

paths = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("/".join)
capabilities = st.builds(Capability, st.sampled_from(["fs.read", "fs.write", "tool"]), paths)
sets = st.lists(capabilities, max_size=5).map(lambda grants: CapabilitySet(tuple(grants)))
names = st.builds(Capability, st.sampled_from(["fs.read", "fs.write", "tool"]), st.sampled_from(NAMES))


@dataclass(frozen=True)
class Needed:
    """A need as a tool's card declares it."""

    kind: str
    arg: str | None = None
    value: str | None = None


def caps(*texts: str) -> CapabilitySet:
    return CapabilitySet(tuple(Capability(*text.split(":", 1)) for text in texts))


@given(sets, sets, names)
def test_a_child_never_has_more_than_its_parent(parent: CapabilitySet, child: CapabilitySet, name: Capability) -> None:
    both = parent.attenuate(child)
    assert not both.covers(name) or (parent.covers(name) and child.covers(name))


@given(sets, sets)
def test_narrowing_again_changes_nothing_and_order_does_not_matter(one: CapabilitySet, other: CapabilitySet) -> None:
    both = one.attenuate(other)
    assert both.attenuate(other) == both.attenuate(both)
    assert {str(grant) for grant in other.attenuate(one).grants} >= {
        str(grant) for grant in both.grants if grant not in one.grants or grant in other.grants
    }


@given(sets)
def test_a_set_keeps_all_of_itself(one: CapabilitySet) -> None:
    assert all(one.attenuate(one).covers(grant) for grant in one.grants)


def test_what_would_take_too_long_to_compare_is_kept_only_where_both_name_it() -> None:
    parent = caps(*(f"fs.read:a{number}/**" for number in range(MAX_PAIRS // 16)))
    child = caps("fs.read:a7/**", *(f"fs.read:a{number}/b/*" for number in range(16)))
    assert parent.attenuate(child) == caps("fs.read:a7/**")
    assert len(parent.attenuate(CapabilitySet(child.grants[:16])).grants) == 16


def test_narrowing_keeps_the_narrower_of_two_grants() -> None:
    parent = caps("fs.read:reports/**", "tool:fs.read", "tool:fs.write")
    child = caps("fs.read:**", "fs.write:**", "tool:fs.*", "fs.read:src/*")
    assert parent.attenuate(child) == caps("fs.read:reports/**", "tool:fs.read", "tool:fs.write")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_nothing_crosses_kinds(kind: str, other: str) -> None:
    assert covers(Capability(kind, "abc"), Capability(other, "abc")) is (kind == other)


@pytest.mark.parametrize(
    ("grant", "request_", "expected"),
    [
        ("tool:fs.*", "tool:fs.read", True),
        ("tool:fs.*", "tool:fsx", False),
        ("tool:*", "tool:github/search", False),
        ("mcp:github/*", "mcp:github/search", True),
        ("mcp:github/*", "mcp:gitlab/search", False),
        ("model:*", "model:default", True),
        ("spawn:review@*", "spawn:review@1.0.0", True),
        ("fs.read:**", "fs.read:../x", False),
        ("fs.read:**", "fs.read:/etc/passwd", False),
        ("fs.read:../**", "fs.read:../x", False),
        ("disk:x", "disk:x", False),
    ],
)
def test_names_and_paths_are_covered_by_their_patterns(grant: str, request_: str, expected: bool) -> None:
    (one,), (other,) = caps(grant).grants, caps(request_).grants
    assert covers(one, other) is expected
    assert caps(grant).covers(other) is expected


@pytest.mark.parametrize(
    ("denial", "request_", "expected"),
    [
        ("fs.read:**/.env", "fs.read:a/.env", True),
        ("fs.read:**/.env", "fs.read:a/.envrc", False),
        ("fs.read:**/.env", "fs.write:a/.env", False),
        ("fs.read:secret/**", "fs.read:secret/**/*.key", True),
        ("fs.read:secret/**", "fs.read:**/*.key", False),
        ("fs.read:secret/*", "fs.read:secret/**", True),
        ("fs.read:*.env", "fs.read:**", False),
        ("fs.read:**", "fs.read:../x", False),
        ("net:.evil.org", "net:a.evil.org", True),
        ("fs.read:../**", "fs.read:a", False),
        ("shell:rm **", "shell:rm -rf x", True),
    ],
)
def test_a_denial_takes_what_is_wholly_within_it(denial: str, request_: str, expected: bool) -> None:
    """A file may be called `**`; denied as a file, it must not pass as a pattern too wide for the denial."""
    assert caps(denial).forbids(caps(request_).grants[0]) is expected


@given(capabilities, capabilities)
def test_a_denial_takes_all_that_it_would_grant(denial: Capability, request: Capability) -> None:
    assert CapabilitySet((denial,)).forbids(request) or not covers(denial, request)


@given(st.lists(capabilities, max_size=6))
def test_a_document_reads_back_as_the_same_grants(grants: list[Capability]) -> None:
    written = CapabilitySet(tuple(grants))
    assert parse_capabilities(written.to_document(), "allow") == (written, [])


def test_a_secret_is_written_with_the_hosts_it_may_go_to() -> None:
    entry = {"env": [{"name": "KEY", "hosts": ["a.org", ".b.org"]}, {"name": "BARE"}, "PLAIN"]}
    read, problems = parse_capabilities([entry], "allow")
    assert not problems
    assert read == caps("env:KEY@a.org", "env:KEY@.b.org", "env:BARE", "env:PLAIN")
    assert parse_capabilities(read.to_document(), "allow") == (read, [])


@pytest.mark.parametrize(
    ("data", "code", "path", "words"),
    [
        ("x", "wrong_type", "allow", "`x` is not a list"),
        ([7], "wrong_type", "allow[0]", "`7` is not a mapping"),
        ([{"fs.raed": ["**"]}], "unknown_key", "allow[0].fs.raed", "did you mean `fs.read`?"),
        ([{"fs.read": "**"}], "wrong_type", "allow[0].fs.read", "is not a list"),
        ([{"fs.read": [1]}], "wrong_type", "allow[0].fs.read[0]", "a fs.read pattern is text"),
        ([{"tool": ["a"]}, {"fs.read": ["/etc/**"]}], "bad_pattern", "allow[1].fs.read[0]", "it is absolute"),
        ([{"net": ["*"]}], "bad_pattern", "allow[0].net[0]", "not a host name"),
        ([{"env": [3]}], "wrong_type", "allow[0].env[0]", "not a mapping"),
        ([{"env": [{"hosts": ["a.org"]}]}], "wrong_type", "allow[0].env[0]", "the `name`"),
        ([{"env": [{"name": "A@b.org"}]}], "wrong_type", "allow[0].env[0].name", "the `name`"),
        ([{"env": [{"name": "A", "hosts": ["*"]}]}], "bad_pattern", "allow[0].env[0].hosts[0]", "host name"),
        ([{"fs.read": ["a"] * 257}], "too_many", "allow", "256"),
        ([{1: ["**"]}], "wrong_type", "allow[0].1", "the key `1` is not text"),
    ],
)
def test_what_is_no_capability_is_named_with_its_place(data: object, code: str, path: str, words: str) -> None:
    _, problems = parse_capabilities(data, "allow")
    assert [(problem.code, problem.path) for problem in problems] == [(code, path)]
    assert words in str(problems[0])


@pytest.mark.parametrize(
    ("need", "args", "expected"),
    [
        (Needed("fs.read", arg="path"), {"path": "a//b"}, ["fs.read:a/b"]),
        (Needed("fs.read", arg="path"), {"path": "./a/"}, ["fs.read:a"]),
        (Needed("fs.read", arg="path"), {"path": "."}, ["fs.read:."]),
        (Needed("fs.read", arg="path"), {"path": "../x"}, ["fs.read:../x"]),
        (Needed("fs.read", arg="paths"), {"paths": ["a", "./b"]}, ["fs.read:a", "fs.read:b"]),
        (Needed("fs.read", arg="path"), {}, ["fs.read:"]),
        (Needed("fs.read", arg="path"), {"path": None}, ["fs.read:"]),
        (Needed("fs.read", arg="path"), {"path": ["a", 3]}, ["fs.read:"]),
        (Needed("fs.write", value="out/**"), {"path": "x"}, ["fs.write:out/**"]),
        (Needed("shell", arg="argv"), {"argv": ["echo", "*", "a b"]}, ['shell:echo "*" "a b"']),
        (Needed("net", arg="host"), {"host": "a.org"}, ["net:a.org"]),
        (Needed("net"), {}, ["net:"]),
    ],
)
def test_needs_are_named_by_the_arguments(need: Needed, args: dict[str, object], expected: list[str]) -> None:
    assert [str(found) for found in resolve_needs([need], args)] == expected


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "", "a\0b", "a\u202eb"])
def test_a_path_that_leads_elsewhere_is_covered_by_nothing(path: str) -> None:
    everything = caps(*(f"{kind}:**" for kind in KINDS))
    (need,) = resolve_needs([Needed("fs.read", arg="path")], {"path": path})
    assert need.pattern == path
    assert not everything.covers(need)


def test_a_set_that_has_answered_too_much_forgets_and_still_answers_right() -> None:
    granted = CapabilitySet((Capability("fs.read", "src/**"),))
    for place in range(MAX_KNOWN + 2):
        assert granted.covers(Capability("fs.read", f"src/{place}"))
        assert not granted.covers(Capability("fs.read", f"out/{place}"))
