"""Decision cases from the command line: several files at once, over the tools that are here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import ROOT, CommandLine, environ

CASES = Path("tests", "policy_cases")
OURS = """
- name: a tool that is here
  request: {tool: fs.write, args: {path: .git/config, text: x}}
  want: {verdict: ask, reasons: [protected.path], asks: [on_protected_path]}
"""
WRONG = """
- {name: rejected afterwards, request: {tool: fs.list, args: {path: .}}, after: {tokens_used: 5}, want: {verdict: deny}}
"""

POLICY = """
policy: p
version: 1
tenants: {default: {allow: [{tool: ["*"]}, {fs.read: ["**"]}]}}
guardrails:
  - {id: stop, scope: execution, when: "execution.name == 'fs.list'", then: abort_lifetime, message: No lists.}
"""


@pytest.fixture
def offline(tmp_path: Path) -> CommandLine:
    """`detent` at the root of the checkout, without a server."""
    (tmp_path / "workspace").mkdir()
    return CommandLine(environ("127.0.0.1:1", "none", tmp_path), ROOT)


def test_several_files_of_cases_run_at_once(offline: CommandLine, tmp_path: Path) -> None:
    ours = tmp_path / "ours.yaml"
    ours.write_text(OURS)
    files = [str(file) for file in sorted((ROOT / CASES).glob("*.yaml"))]
    found = offline.json("policy", "test", str(ours), *files)
    assert [row["name"] for row in found if not row["ok"]] == []
    assert found[0]["reasons"] == ["protected.path"]
    assert len(found) > 150


def test_one_case_that_disagrees_fails_them_all(offline: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(OURS)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    done = offline("policy", "test", str(tmp_path / "ours.yaml"), str(tmp_path / "wrong.yaml"))
    assert done.returncode == 5
    assert "✗ rejected afterwards  verdict: wanted `deny`, got `allow`" in done.stdout


def test_a_tool_that_is_not_here_is_named_with_its_place(offline: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("- {name: x, request: {tool: fs.wrote}, want: {verdict: deny}}\n")
    done = offline("policy", "test", str(tmp_path / "odd.yaml"))
    assert done.returncode == 7
    assert "odd.yaml:1:" in done.stderr
    assert "did you mean `fs.write`?" in done.stderr


def test_a_verdict_of_a_guardrail_is_explained(offline: CommandLine, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    words = ("policy", "explain", "fs.list", "--args", '{"path": "."}', "--policy", str(policy))
    rows = {row["rule"]: row for row in offline.json(*words)}
    assert rows["guardrail.stop"]["verdict"] == "abort_lifetime"
    assert rows["guardrail.stop"]["values"]["execution.name"] == "fs.list"
    assert "No lists." in offline(*words).stdout
