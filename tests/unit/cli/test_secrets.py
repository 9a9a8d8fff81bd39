"""Secrets are refused before anything is sent: path and kind are told, never the value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cli.answering import make_answer
from cli.exits import CommandError, Exit
from cli.main import detent
from tests.unit.cli.pauses import pause

if TYPE_CHECKING:
    from click.testing import Result

CANARY = "sk-ant-api03-canaryCANARY7f3a"
LITERAL = "hunter2hunter2"
GRAPH = """\
graph: g
version: 1.0.0
capabilities: [{tool: ["fs.read"]}, {fs.read: ["**"]}]
start: ask
nodes:
  ask: {kind: human, ask: "Well?", outcomes: [yes_ok], routes: {yes_ok: end}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a graph, and no server anywhere: what gets as far as asking for one exits 6."""
    monkeypatch.chdir(tmp_path)
    for name in ("DETENT_POLICY", "DETENT_CONFIG", "TEMPORAL_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DETENT_CONFIG", "/dev/null")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    (tmp_path / "g.yaml").write_text(GRAPH, encoding="utf-8")
    return tmp_path


def detents(*words: str) -> Result:
    return CliRunner().invoke(detent, words)


def refused(result: Result, path: str, kind: str) -> None:
    told = result.stdout + result.stderr
    assert result.exit_code == Exit.INVALID, told
    assert path in told
    assert kind in told
    assert CANARY not in told
    assert LITERAL not in told


@pytest.mark.parametrize(
    ("words", "path", "kind"),
    [
        (["--input", json.dumps({"a": [f"use {CANARY}"]})], "input.a[0]", "anthropic key"),
        (["--set", f"token={LITERAL}"], "input.token", "literal secret"),
        (["--set", f"a={CANARY}"], "input.a", "anthropic key"),
        (["--answer", "ask=yes_ok:" + json.dumps({"password": LITERAL})], "answer.password", "literal secret"),
        (["--input", json.dumps({CANARY: 1})], "input.(key 1)", "anthropic key"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.usefixtures("here")
def test_a_run_is_not_started_with_a_secret(words: list[str], path: str, kind: str, form: str) -> None:
    refused(detents("run", "g.yaml", *words, "--output", form), path, kind)


@pytest.mark.usefixtures("here")
def test_a_run_with_references_goes_on_to_the_server() -> None:
    given = json.dumps({"token": "env:SERVICE_TOKEN", "secret": "${state.x}", "password": "short"})
    assert detents("run", "g.yaml", "--input", given).exit_code == Exit.UNREACHABLE


@pytest.mark.parametrize("verb", [("graph", "check"), ("run",)])
def test_a_graph_with_a_secret_is_refused_at_its_line(here: Path, verb: tuple[str, ...]) -> None:
    (here / "g.yaml").write_text(GRAPH.replace("Well?", f"Is {CANARY} yours?"), encoding="utf-8")
    refused(detents(*verb, "g.yaml"), "g.yaml:6:", "anthropic key")


def test_the_type_of_the_error_is_its_own(here: Path) -> None:
    (here / "g.yaml").write_text(GRAPH.replace("Well?", CANARY), encoding="utf-8")
    error = json.loads(detents("run", "g.yaml", "--output", "json").stdout)["error"]
    assert (error["type"], error["problems"][0]["code"]) == ("SecretFound", "secret")


def test_the_operator_may_exempt_a_path(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "policy.yaml").write_text(
        "policy: p\nversion: 1\ntenants: {default: {}}\nsecrets: {allow_paths: [input.token]}\n", encoding="utf-8"
    )
    monkeypatch.setenv("DETENT_POLICY", str(here / "policy.yaml"))
    assert detents("run", "g.yaml", "--set", f"token={LITERAL}").exit_code == Exit.UNREACHABLE
    refused(detents("run", "g.yaml", "--set", f"secret={LITERAL}"), "input.secret", "literal secret")


@pytest.mark.usefixtures("here")
def test_an_answer_with_a_secret_is_not_sent() -> None:
    with pytest.raises(CommandError) as caught:
        make_answer(pause(), "accept", {"token": LITERAL}, "ann")
    assert (caught.value.kind, caught.value.code) == ("SecretFound", Exit.INVALID)
    assert LITERAL not in f"{caught.value} {caught.value.problems}"
