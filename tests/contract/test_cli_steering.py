"""`detent steer` and `detent cancel-call`, by people who sign."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.signed import People, people_of
from tests.support.command_line import eventually, with_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server
SCRIPT = """
replies:
  - {when: "turn == 0 && prompt == 'write'", tool_calls: [{name: fs.write, args: {path: out/a.txt, text: a}}]}
  - {when: "turn == 0 && prompt == 'think'", delay: 60s, text: thought}
  - {when: "prompt.contains('shorter')", text: heard}
  - {default: true, text: not heard}
"""
AGENT: dict[str, Any] = {
    "graph": "steered",
    "version": "1.0.0",
    "input": {"type": "object", "properties": {"task": {"type": "string"}}},
    "state": {"said": {}},
    "capabilities": [{"tool": ["fs.write"]}, {"fs.write": ["out/**"]}, {"model": ["*"]}],
    "start": "work",
    "nodes": {
        "work": {
            "kind": "agent",
            "model": "default",
            "prompt": "${input.task}",
            "tools": ["fs.write"],
            "writes": {"said": "${result.text}"},
            "next": "end",
        }
    },
    "output": {"said": "${state.said}"},
}


@pytest.fixture(scope="module", name="people")
def make_people(temporal_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    found = people_of(temporal_server.address, "cli-steering", tmp_path_factory.mktemp("steering"))
    directory = found.cli.directory
    (directory / "steered.json").write_text(json.dumps(AGENT))
    (directory / "replies.yaml").write_text(SCRIPT)
    models = directory / "own-models.yaml"
    models.write_text("models: {default: {provider: scripted, script: replies.yaml}}")
    allow = [{"tool": ["*"]}, {"fs.write": ["out/**"]}, {"model": ["*"]}]
    policy = found.policy("policy.yaml", allow=allow)
    for _ in with_worker(found.cli, "--policy", policy, "--models", str(models)):
        yield found


def test_whoever_may_tells_an_agent_something(people: People) -> None:
    run = people.starts("steered.json", "--set", "task=write")["id"]
    bare = people.cli("steer", run, "shorter")
    assert (bare.returncode, "a signature is needed" in bare.stderr) == (8, True)
    guest = people.says("eve", "steer", run, "shorter")
    assert (guest.returncode, "not among those who may: role:operator" in guest.stderr) == (8, True)
    told = people.says("ada", "steer", run, "make it shorter", "--agent", "work")
    assert (told.returncode, told.stdout) == (0, f"{run} hears it (waiting)\n"), told.stderr
    assert people.says("ada", "approve", run).returncode == 0
    eventually(lambda: people.view(run)["phase"] == "completed")
    assert people.view(run)["output"] == {"said": "heard"}
    late = people.says("ada", "steer", run, "shorter")
    assert late.returncode == 8


def test_what_the_agent_has_not_begun_is_dropped_on_request(people: People) -> None:
    run = people.starts("steered.json", "--set", "task=write")["id"]
    told = people.says("ada", "steer", run, "shorter", "--interrupt", "--output", "json")
    assert json.loads(told.stdout)["id"] == run
    eventually(lambda: people.view(run)["phase"] == "completed")
    assert people.view(run)["output"] == {"said": "heard"}
    assert people.view(run)["pauses"] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("use ghp_" + "a" * 36, "a secret may not stand in the control"),
        ("x" * 9000, "`text`: "),
        (" ", "`text`: "),
        ("cafe\u0301", "is not in Unicode's form NFC"),
    ],
)
def test_what_no_run_would_take_is_not_sent(people: People, text: str, words: str) -> None:
    run = people.starts("steered.json", "--set", "task=write")["id"]
    done = people.says("ada", "steer", run, text)
    assert (done.returncode, words in done.stderr) == (7, True), done.stderr
    assert people.view(run)["refusals"] == []
    people.cli("cancel", run)


def test_a_call_is_given_up_by_its_id(people: People) -> None:
    run = people.starts("steered.json", "--set", "task=think", "--detach", code=0)["id"]
    eventually(lambda: people.view(run)["nodes"] != [])
    wrong = people.says("ada", "cancel-call", run, "work#1:7")
    assert (wrong.returncode, "in flight: `work#1:1` (default)" in wrong.stderr) == (8, True), wrong.stderr
    assert people.cli("cancel-call", run, "work#1:1").returncode == 8
    done = people.says("ada", "cancel-call", run, "work#1:1")
    assert (done.returncode, done.stdout.startswith(f"{run} gives up work#1:1 (")) == (0, True), done.stderr
    eventually(lambda: people.view(run)["phase"] == "waiting")
    assert "was cancelled by ada" in people.view(run)["pauses"][0]["error"]["message"]
    people.cli("cancel", run)
