"""The research agent asks for a tool that is not there, waits, and goes on, as its README says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.test_examples import EXAMPLES, checkout
from tests.support.command_line import CommandLine, eventually
from worker.start_line import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.server
__all__ = ["checkout"]
RESEARCH = "examples/research"
RUN = "default/research/rain"
LIMIT_S = 60


def commands() -> list[list[str]]:
    """Every command of the README, in order."""
    text = (EXAMPLES / "research" / "README.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^    (?: *\S.*)$", text, re.MULTILINE)).replace("\\\n", " ")
    return [shlex.split(line) for line in blocks.splitlines()]


@pytest.fixture
def dev(checkout: CommandLine) -> Iterator[CommandLine]:
    """The command line while the README's `detent dev` runs, on free ports."""
    (checkout.directory / RESEARCH / "tools" / "table.py").unlink(missing_ok=True)
    first = commands()[0]
    ports = ("--port", str(free_port()), "--ui-port", str(free_port()))
    server = checkout.start(*first[1:], *ports, "--output", "json")
    try:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["address"]
        yield CommandLine({**checkout.environ, "TEMPORAL_ADDRESS": address}, checkout.directory)
    finally:
        server.terminate()
        server.communicate(timeout=LIMIT_S)


def follow(cli: CommandLine, words: list[str]) -> str:
    """Run a command of the README as a person would, and give what it prints."""
    if words[0] == "detent":
        process = cli.start(*words[1:])
        out, said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, (words, out, said)
        return out
    assert words[0] in {"cp", "cat"}, words
    return subprocess.run(words, cwd=cli.directory, check=True, capture_output=True, text=True).stdout


def show(cli: CommandLine) -> dict[str, Any]:
    view = cli.json("show", RUN)
    assert isinstance(view, dict)
    return view


def waits(cli: CommandLine) -> bool:
    return bool(show(cli)["phase"] == "waiting")


def test_the_story_of_its_readme_is_true(dev: CommandLine) -> None:
    told: dict[str, str] = {}
    for words in commands()[1:]:
        if words[:2] == ["detent", "pending"]:
            assert eventually(lambda: waits(dev))
        told[" ".join(words[:3])] = follow(dev, words)
        if words[:3] == ["detent", "gap", "show"]:
            assert "table.sum" in told["detent gap show"]
    assert "table.sum" in told["detent pending"]
    assert "64,100 litres" in told[f"cat {RESEARCH}/workspace/reports/cisterns.md"]
    view = show(dev)
    assert view["phase"] == "completed"
    assert "64,100 litres" in view["output"]["answer"]
    assert view["output"]["turns"] == 6


def test_nothing_that_was_done_before_is_done_again(dev: CommandLine) -> None:
    words = commands()
    follow(dev, words[1])
    assert eventually(lambda: waits(dev))
    before = show(dev)["usage"]["tool_calls"]
    assert not (dev.directory / RESEARCH / "workspace" / "reports").exists()
    for line in words[2:]:
        follow(dev, line)
    assert show(dev)["usage"]["tool_calls"] == before + 3


def test_without_the_tool_nothing_is_provided(dev: CommandLine) -> None:
    words = commands()
    follow(dev, words[1])
    assert eventually(lambda: waits(dev))
    (provide,) = [line for line in words if line[:2] == ["detent", "provide"]]
    process = dev.start(*provide[1:])
    process.communicate(timeout=LIMIT_S)
    assert process.returncode != 0
    assert waits(dev)
