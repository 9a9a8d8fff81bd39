"""What the README shows works: its graph, its policy, its tool, and every path and command it names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from cli.verbs import VERBS
from tests.contract.test_examples import checkout
from tests.support.command_line import CommandLine

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

__all__ = ["checkout"]


def blocks(kind: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def files(checkout: CommandLine) -> CommandLine:
    """The README's files, written down."""
    graph, _, policy, _ = blocks("yaml")
    at = checkout.directory
    (at / "graph.yaml").write_text(graph)
    (at / "policy.yaml").write_text(policy)
    (at / "tools").mkdir()
    (at / "tools" / "notes.py").write_text(blocks("python")[0])
    return checkout


def test_its_graph_is_valid(files: CommandLine) -> None:
    assert files.json("graph", "check", "graph.yaml") == []


def test_its_agent_is_valid(files: CommandLine) -> None:
    node = yaml.safe_load(blocks("yaml")[1])
    capabilities = [{"tool": node["research"]["tools"]}, {"fs.read": ["**"]}, {"model": ["default"]}]
    graph = {"graph": "a", "version": "1.0.0", "capabilities": capabilities, "start": "research", "nodes": node}
    (files.directory / "agent.yaml").write_text(json.dumps({**graph, "input": {"type": "object"}}))
    skills = str(ROOT / "examples" / "research" / "skills")
    assert files.json("graph", "check", "agent.yaml", "--skills", skills) == []


def test_its_policy_is_valid(files: CommandLine) -> None:
    assert files.json("policy", "check", "policy.yaml") == []


def test_its_models_file_is_valid(files: CommandLine) -> None:
    (files.directory / "models.yaml").write_text(blocks("yaml")[3])
    (files.directory / "replies.yaml").write_text("replies: [{default: true, text: ok}]\n")
    listed = files.json("models", "ls", "--models", "models.yaml")
    assert {entry["alias"] for entry in listed} == {"default", "script"}


def test_its_tool_asks_and_then_runs_once(files: CommandLine) -> None:
    node = {"kind": "tool", "tool": "notes.append", "with": {"path": "n.md", "line": "hi"}, "next": "end"}
    capabilities = [{"tool": ["notes.append"]}, {"fs.read": ["n.md"]}, {"fs.write": ["n.md"]}]
    graph = {"graph": "note", "version": "1.0.0", "capabilities": capabilities, "start": "a", "nodes": {"a": node}}
    (files.directory / "note.yaml").write_text(json.dumps(graph))
    text = (files.directory / "policy.yaml").read_text().replace('"text.*"]', '"text.*", "notes.*"]')
    text = text.replace('["out/**"]', '["**"]').replace("high: ask", "high: auto")
    (files.directory / "policy.yaml").write_text(text)
    words = ("run", "note.yaml", "--local", "--tools", "tools", "--policy", "policy.yaml", "--workspace", ".")
    process = files.start(*words, "--output", "json")
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, (out, said)
    assert (files.directory / "n.md").read_text() == "hi\n"


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"(?:`|^    |^\s+\$ )detent ([a-z]+)", README, re.MULTILINE))
    assert named
    assert named <= {verb.name for verb in VERBS}


def test_every_file_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
