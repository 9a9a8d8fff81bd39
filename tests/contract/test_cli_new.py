"""`detent new`: what it writes is taken by the other commands as it is, and nothing is written over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import CommandLine, environ

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path) -> CommandLine:
    """The command line in an empty directory, without a server."""
    (tmp_path / "workspace").mkdir()
    return CommandLine(environ("127.0.0.1:1", "new", tmp_path), tmp_path)


def test_what_it_writes_is_valid(here: CommandLine) -> None:
    assert here("new", "graph", "my-graph").stdout == "my-graph.yaml\n"
    assert here.json("new", "policy", "my-policy") == {"file": "my-policy.yaml"}
    assert here("new", "tool", "web.fetch").stdout == "tools/web_fetch.py\n"
    assert here("graph", "check", "my-graph.yaml").returncode == 0
    checked = here("policy", "check", "my-policy.yaml")
    assert (checked.returncode, "warning" in checked.stderr) == (0, False)
    shown = here("tools", "show", "web.fetch", "--tools", "tools", "--output", "json")
    assert json.loads(shown.stdout)["name"] == "web.fetch"


@pytest.mark.parametrize("what", ["graph", "policy", "tool"])
def test_nothing_is_written_over(here: CommandLine, what: str) -> None:
    assert here("new", what, "one").returncode == 0
    again = here("new", what, "one")
    assert again.returncode == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("what", "name"), [("graph", "../evil"), ("graph", "Upper"), ("policy", "a/b"), ("tool", "../x"), ("tool", "run.x")]
)
def test_a_name_is_a_name_and_no_path(here: CommandLine, what: str, name: str) -> None:
    done = here("new", what, name)
    assert done.returncode == 2
    assert "is no name of a" in done.stderr


def test_a_gap_to_write_a_tool_from_is_asked_of_the_server(here: CommandLine) -> None:
    assert here("new", "tool", "web.fetch", "--from-gap", "default/g/k").returncode == 6
    assert not (here.directory / "tools").exists()
