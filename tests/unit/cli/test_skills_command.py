"""`detent skills`, and graphs that are checked against the skills that are here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml
from click.testing import CliRunner

from cli.commands.graph import graph
from cli.commands.skills import skills
from tests.support.skill_files import write_skill

if TYPE_CHECKING:
    from pathlib import Path

    import click
    import pytest
    from click.testing import Result

GRAPH = {
    "graph": "skilled",
    "version": "1.0.0",
    "capabilities": [{"model": ["*"]}],
    "start": "work",
    "nodes": {"work": {"kind": "agent", "model": "default", "prompt": "go", "skills": ["cite"], "next": "end"}},
}


def run(command: click.Command, *words: str) -> Result:
    names = ["-h", "--help"]  # as `detent` has them; click keeps what a command was first asked with
    return CliRunner().invoke(command, words, standalone_mode=False, help_option_names=names)


def test_skills_are_listed_with_what_they_say_of_themselves(tmp_path: Path) -> None:
    write_skill(tmp_path, "cite", "version: 2", more="m")
    found = run(skills, "ls", "--skills", str(tmp_path), "--output", "json")
    (row,) = json.loads(found.stdout)
    assert (row["name"], row["description"]) == ("cite", "Does cite.")
    assert row["files"]["references/more.md"] == 1
    assert len(row["digest"]) == 64
    assert "`version` means nothing here" in found.stderr
    assert row["digest"][:12] in run(skills, "ls", "--skills", str(tmp_path)).stdout


def test_a_skill_is_shown_whole_and_fenced(tmp_path: Path) -> None:
    write_skill(tmp_path, "cite", "allowed-tools: fs.read", body="[bold]a[/bold]\n```\n\x1b[2J")
    shown = run(skills, "show", "cite", "--skills", str(tmp_path)).stdout
    assert "\ndescription " in shown, "a long label keeps its distance"
    assert "````\n[bold]a[/bold]\n```\n\\x1b[2J\n````" in shown
    assert "\x1b" not in shown
    data = json.loads(run(skills, "show", "cite", "--skills", str(tmp_path), "--output", "json").stdout)
    assert data["allowed_tools"] == ["fs.read"]
    assert data["instructions"].startswith("[bold]")


def test_a_skill_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert "no skill `none` here" in str(run(skills, "show", "none", "--skills", str(tmp_path)).exception)


def test_a_skill_that_is_not_sound_is_told_with_its_place(tmp_path: Path) -> None:
    write_skill(tmp_path, "cite", "license: 3")
    found = run(skills, "ls", "--skills", str(tmp_path))
    assert "cite/SKILL.md:4:1: license: `3` is not text" in str(found.exception)


def test_a_graph_is_checked_against_the_skills_that_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_CONFIG", str(tmp_path / "none"))
    file = tmp_path / "graph.yaml"
    file.write_text(yaml.safe_dump(GRAPH))
    script = tmp_path / "models.yaml"
    script.write_text("models: {default: {provider: scripted, script: s.yaml}}")
    (tmp_path / "s.yaml").write_text("replies: [{default: true, text: done}]")
    shelf = tmp_path / "skills"
    write_skill(shelf, "sight")
    found = run(graph, "check", str(file), "--models", str(script), "--skills", str(shelf))
    assert "skill `cite` is not among the skills of this worker" in found.stdout
    write_skill(shelf, "cite")
    found = run(graph, "check", str(file), "--models", str(script), "--skills", str(shelf))
    assert found.stdout.startswith("ok  skilled@1.0.0")
    assert "agent of default with skill cite" in run(graph, "show", str(file)).stdout
