"""Answers from the command line: what fits is taken, everything else changes nothing."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from cli.rows import PauseRow
from tests.support.command_line import eventually
from worker.start_line import find_binary
from workflows.contracts.pause import Answer, AnswerReceipt
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    from tests.support.command_line import CommandLine

pytestmark = pytest.mark.server


@pytest.fixture
def waiting(cli: CommandLine) -> RunView:
    """A run that waits for a person."""
    return RunView.model_validate(cli.json("run", "ask.yaml", "--set", "what=a report", code=4))


@pytest.fixture
def risky(cli: CommandLine) -> RunView:
    """A run whose call policy asks about."""
    return RunView.model_validate(
        cli.json("run", "write.yaml", "--set", "path=out/a.txt", "--set", "text=hello", code=4)
    )


def _view(cli: CommandLine, run: str) -> RunView:
    return RunView.model_validate(cli.json("show", run))


def _completed(cli: CommandLine, run: str) -> RunView:
    eventually(lambda: _view(cli, run).phase == "completed")
    return _view(cli, run)


def test_an_answer_lets_the_run_go_on(cli: CommandLine, waiting: RunView) -> None:
    receipt = AnswerReceipt.model_validate(
        cli.json("answer", waiting.id, "p1", "accept", "--data", '{"why": "good"}', "--as", "ada")
    )
    assert (receipt.pause, receipt.outcome, receipt.node) == ("p1", "accept", "accept")
    closed = _completed(cli, waiting.id)
    said = closed.output["said"]
    assert (said["outcome"], said["payload"]) == ("accept", {"why": "good"})
    assert "ada" in said["by"]


def test_a_signal_is_as_good_as_an_update(cli: CommandLine, waiting: RunView) -> None:
    assert cli("answer", waiting.id, "reject", "--by", "signal").returncode == 0
    closed = _completed(cli, waiting.id)
    assert closed.output["said"]["outcome"] == "reject"


def test_a_detached_run_is_answered_by_a_signal_of_the_temporal_command(cli: CommandLine) -> None:
    assert cli("run", "ask.yaml", "--detach", "--key", "by-temporal").returncode == 0
    run = "default/ask/by-temporal"
    eventually(lambda: _view(cli, run).phase == "waiting")
    words = ["workflow", "signal", "--address", cli.environ["TEMPORAL_ADDRESS"], "-w", run, "--name", "answer"]
    payload = json.dumps({"v": 1, "pause": "p1", "outcome": "accept", "data": {}})
    subprocess.run([str(find_binary()), *words, "--input", payload], check=True, capture_output=True, timeout=30)
    assert eventually(lambda: _view(cli, run).phase == "completed")


def test_an_answer_given_ahead_needs_nobody(cli: CommandLine) -> None:
    done = cli("run", "ask.yaml", "--answer", 'accept=reject:{"why": "ahead"}', "--output", "json")
    assert done.returncode == 0, (done.stdout, done.stderr)
    said = json.loads(done.stdout)["output"]["said"]
    assert (said["outcome"], said["payload"]) == ("reject", {"why": "ahead"})
    assert "preset" in said["by"]


@pytest.mark.parametrize("words", [("--answer", "accept=maybe"), ("--answer", "accept=accept", "--detach")])
def test_an_answer_ahead_that_cannot_be_is_a_usage_error(cli: CommandLine, words: tuple[str, ...]) -> None:
    assert cli("run", "ask.yaml", *words).returncode == 2


def test_pending_shows_every_pause_with_the_command_that_answers_it(cli: CommandLine, waiting: RunView) -> None:
    rows = [PauseRow.model_validate(row) for row in cli.json("pending")]
    assert waiting.id in [row.run for row in rows]
    shown = cli("pending", waiting.id)
    assert f"detent answer {waiting.id} p1 accept|reject" in shown.stdout
    assert "a report" in shown.stdout
    cli("cancel", waiting.id)
    eventually(lambda: waiting.id not in [row["run"] for row in cli.json("pending")])


def test_a_dry_run_prints_the_bytes_and_sends_nothing(cli: CommandLine, waiting: RunView) -> None:
    done = cli("answer", waiting.id, "accept", "--dry-run", "--as", "ada")
    assert done.returncode == 0
    answer = Answer.model_validate_json(done.stdout)
    assert (answer.pause, answer.outcome, answer.by, answer.digest) == ("p1", "accept", "ada", waiting.pauses[0].digest)
    assert _view(cli, waiting.id).phase == "waiting"
    cli("cancel", waiting.id)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("answer", "p9", "accept"), 8, "`p1`"),
        (("answer", "p1", "approve"), 7, "`accept`, `reject`"),
        (("answer", "accept", "--data", '{"why": 1}'), 7, "does not fit"),
        (("answer", "accept", "--data", "{"), 7, "not JSON"),
        (("answer", "accept", "--data", '"' + "x" * 100_000 + '"'), 7, "does not fit"),
        (("answer", "accept", "--scope", "run"), 2, "goes with `approve`"),
        (("answer", "accept", "--key-file", "f"), 2, "say who with `--as ID`"),
        (("answer", "a", "b", "c"), 2, "too many words"),
        (("answer",), 2, "OUTCOME"),
        (("approve",), 2, "`accept`, `reject`"),
        (("deny", "p1"), 2, "`accept`, `reject`"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    cli: CommandLine, waiting: RunView, words: tuple[str, ...], code: int, said: str
) -> None:
    verb, *rest = words
    done = cli(verb, waiting.id, *rest)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    after = _view(cli, waiting.id)
    assert (after.phase, after.pauses, after.refusals) == ("waiting", waiting.pauses, ())
    cli("cancel", waiting.id)


def test_a_second_answer_is_refused(cli: CommandLine, waiting: RunView) -> None:
    assert cli("answer", waiting.id, "p1", "accept").returncode == 0
    eventually(lambda: _view(cli, waiting.id).phase == "completed")
    again = cli("answer", waiting.id, "p1", "reject")
    assert again.returncode == 8
    assert "closed" in again.stderr


def test_what_policy_asks_is_approved(cli: CommandLine, risky: RunView) -> None:
    pause = risky.pauses[0]
    assert (pause.trigger, pause.call and pause.call.name) == ("on_risky_tool", "fs.write")
    assert not (cli.directory / "workspace" / "out" / "a.txt").exists()
    assert cli("approve", risky.id).returncode == 0
    eventually(lambda: _view(cli, risky.id).phase == "completed")
    assert (cli.directory / "workspace" / "out" / "a.txt").read_text() == "hello"


def test_a_persons_no_ends_the_run_with_3(cli: CommandLine, risky: RunView) -> None:
    assert cli("deny", risky.id, "p1").returncode == 0
    assert eventually(lambda: _view(cli, risky.id).phase == "failed")
    assert cli("watch", risky.id).returncode == 3
