"""The scanner finds what it says it finds, tells nothing of it, and takes linear time whoever wrote the value."""

from __future__ import annotations

import time

import pytest

from policies.secrets import MAX_FINDINGS, Finding, kind_of, scan

ANTHROPIC = "sk-ant-api03-CANARYcanaryCANARY"
GITHUB = "ghp_" + "aB3" * 12
AWS = "AKIA" + "ABCD2345" * 2
SLACK = "xoxb-123456789012-abcdef"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"

FORMATS = {
    "anthropic key": ANTHROPIC,
    "github token": GITHUB,
    "aws key": AWS,
    "slack token": SLACK,
    "json web token": JWT,
    "private key": PEM,
}


@pytest.mark.parametrize(("kind", "value"), FORMATS.items())
@pytest.mark.parametrize("text", ["{}", "use {} please", "Bearer {}", '{{"key":"{}"}}', "line\n{}\nline"])
def test_known_formats_are_found_anywhere_in_a_text(kind: str, value: str, text: str) -> None:
    assert scan({"a": [{"b": text.format(value)}]}) == (Finding("a[0].b", kind),)


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "github_pat_" + "11ABCDEFG0" * 3,
        "gho_" + "a" * 36,
        "xoxp-1234567890",
        "jwt_" + JWT,
        "a." + JWT,
    ],
)
def test_every_spelling_of_a_format_is_found(value: str) -> None:
    assert kind_of(value) is not None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "task-ant-colonies-are-large",
        "an Anthropic key begins with sk-ant- and a github one with ghp_",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "AKIA is the prefix of a key id",
        "AKIA" + "A" * 40,
        "xoxo, with love",
        "eyJ.eyJ.eyJ",
        "version eyJhbGciOiJIUzI1NiJ9.only-two-parts",
        "www.example.org/a.b.c",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_text_that_only_resembles_a_secret_passes(value: str) -> None:
    assert scan({"text": value}) == ()


@pytest.mark.parametrize(
    "key", ["password", "secret", "token", "api_key", "apiKey", "API-KEY", "Api Key", "PASSWORD", "api.key", "_token"]
)
def test_a_literal_under_a_telling_name_is_found(key: str) -> None:
    (found,) = scan({"with": {key: "ninechars"}})
    assert found.kind == "literal secret"
    assert scan({"with": {key: "eight888"}}) == ()
    assert scan({"with": {key: 123456789}})[0].kind == "literal secret"
    assert scan({"with": {key: ["short", "much too long"]}})[0].path.endswith("[1]")


@pytest.mark.parametrize(
    "value",
    [
        "env:SERVICE_TOKEN",
        "keyring:detent/service-token",
        "${state.a_very_long_name}",
        "${input.x}${input.yyyyyyyy}",
        "Bearer ${state.tokens['}']}",
        "-${a}-${b}-",
        12345678,
        1.234567890123,
        True,
        None,
        {"type": "string", "description": "a long description of the token"},
    ],
)
def test_references_templates_and_schemas_pass(value: object) -> None:
    assert scan({"token": value}) == ()


@pytest.mark.parametrize(
    "value",
    ["env:NOT A NAME", "env:", "env:TOKEN and more", "keyring:a b", "hunter2hunter2${''}", "$${not.one}", "${unclosed"],
)
def test_what_only_resembles_a_reference_or_a_template_does_not_pass(value: str) -> None:
    assert scan({"token": value + "#########"})[0].kind == "literal secret"


def test_other_names_are_left_alone() -> None:
    usual = {
        "max_tokens": 123456789,
        "tokens": "123456789",
        "token_url": "https://example.org",
        "passwords": "many more",
    }
    assert scan(usual) == ()


def test_neither_path_nor_kind_tells_the_value() -> None:
    value = {ANTHROPIC: {"x": GITHUB}, "token": "hunter2hunter2", "bad\x1b[31mkey": JWT}
    found = scan(value, root="input")
    told = repr(found)
    for secret in (ANTHROPIC, GITHUB, "hunter2", JWT, "\x1b", "\\x1b"):
        assert secret not in told
    assert [one.path for one in found] == ["input.(key 1)", "input.(key 1).x", "input.token", "input.(key 3)"]


def test_allowed_paths_pass_with_what_is_below_them() -> None:
    value = {"nodes": {"a": {"token": "hunter2hunter2"}, "b": {"token": ["hunter2hunter2"]}, "ab": {"x": AWS}}}

    def left(*allow: str) -> list[str]:
        return [one.path for one in scan(value, root="graph", allow_paths=allow)]

    assert left() == ["graph.nodes.a.token", "graph.nodes.b.token[0]", "graph.nodes.ab.x"]
    assert left("graph.nodes.a") == ["graph.nodes.b.token[0]", "graph.nodes.ab.x"]
    assert left("graph.nodes.*.token") == ["graph.nodes.ab.x"]
    assert left("graph.nodes.b.token[*]", "graph.nodes.*.x") == ["graph.nodes.a.token"]
    assert left("graph") == []
    assert left("nodes", "graph.nodes.a.tok", "graph.*.token", "") == left()


def test_findings_and_paths_stay_short() -> None:
    assert len(scan([AWS] * 1000)) == MAX_FINDINGS
    deep: object = AWS
    for _ in range(5000):
        deep = {"a": deep}
    (found,) = scan(deep)
    assert len(found.path) < 80
    assert "…" in found.path


@pytest.mark.parametrize(
    "part",
    [
        "-----BEGIN ",
        "-----BEGIN A",
        "sk-ant-",
        "eyJ",
        "eyJ.",
        "eyJaaaaa.",
        "_eyJaaaaaaaa",
        "xox",
        "gh",
        "ghp_",
        "AKIA",
        "${",
        "${'",
        "${(",
        ".",
    ],
)
def test_hostile_text_takes_linear_time(part: str) -> None:
    def took(size: int) -> float:
        value = {"token": (part * size)[:size]}
        began = time.process_time()
        scan(value)
        return time.process_time() - began

    assert took(1_000_000) < 5.0, part
