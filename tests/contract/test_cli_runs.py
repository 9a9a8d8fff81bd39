"""Runs from the command line: started, followed, listed, controlled, shown when closed."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from typing import TYPE_CHECKING

import pytest

from cli.rows import RunRow
from tests.support.command_line import CommandLine, eventually
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    from temporalio.client import Client

pytestmark = pytest.mark.server


def _view(cli: CommandLine, run: str) -> RunView:
    return RunView.model_validate(cli.json("show", run))


def _asked(cli: CommandLine, *words: str) -> RunView:
    """A run that waits for a person."""
    done = cli("run", "ask.yaml", *words, "--output", "json")
    assert done.returncode == 4, (done.stdout, done.stderr)
    return RunView.model_validate_json(done.stdout)


def test_a_run_is_followed_to_its_end(cli: CommandLine) -> None:
    done = cli("run", "find.yaml", "--set", "pattern=*.py")
    assert done.returncode == 0, done.stderr
    assert "completed" in done.stdout
    assert "a.py" in done.stdout
    assert "✓ list#1" in done.stderr


def test_with_json_stdout_is_one_run_view(cli: CommandLine) -> None:
    view = RunView.model_validate(cli.json("run", "find.yaml", "--input", '{"pattern": "*.py"}'))
    assert view.phase == "completed"
    assert view.output == {"files": ["a.py"]}
    assert view.usage.tool_calls == 1


def test_a_detached_run_is_left_to_its_worker(cli: CommandLine) -> None:
    done = cli("run", "find.yaml", "--set", "pattern=*.py", "--detach", "--key", "detached")
    assert (done.returncode, done.stdout) == (0, "default/find/detached\n")
    assert eventually(lambda: _view(cli, "default/find/detached").phase == "completed")


def test_a_run_that_nobody_can_answer_is_left_open(cli: CommandLine) -> None:
    view = _asked(cli)
    assert view.phase == "waiting"
    assert _view(cli, view.id).phase == "waiting"
    assert cli("cancel", view.id).returncode == 0


def test_the_same_key_graph_and_input_are_the_same_run(cli: CommandLine) -> None:
    first = _asked(cli, "--set", "what=x", "--key", "same")
    again = _asked(cli, "--set", "what=x", "--key", "same")
    assert (again.id, again.run_id) == (first.id, first.run_id)
    assert cli("answer", first.id, "accept").returncode == 0
    closed = cli.json("run", "ask.yaml", "--set", "what=x", "--key", "same")
    assert (closed["phase"], closed["run_id"]) == ("completed", first.run_id)


@pytest.mark.parametrize("change", ["input", "graph"])
def test_a_key_is_not_used_twice_for_different_things(cli: CommandLine, change: str) -> None:
    view = _asked(cli, "--set", "what=x", "--key", f"taken-{change}")
    other = cli.directory / "ask2.yaml"
    other.write_text((cli.directory / "ask.yaml").read_text().replace("Ship it?", "Really?"))
    words = ["ask.yaml", "--set", "what=y"] if change == "input" else [str(other), "--set", "what=x"]
    done = cli("run", *words, "--key", f"taken-{change}")
    assert done.returncode == 2
    assert change in done.stderr
    assert view.id in done.stderr
    cli("cancel", view.id)


def test_lists_find_runs_by_graph_and_phase(cli: CommandLine) -> None:
    view = _asked(cli)
    found = eventually(
        lambda: [row for row in cli.json("ls", "--graph", "ask", "--phase", "waiting") if row["id"] == view.id]
    )
    row = RunRow.model_validate(found[0])
    assert (row.graph, row.tenant, row.phase, row.pending) == ("ask", "default", "waiting", 1)
    assert view.id not in [row["id"] for row in cli.json("ls", "--phase", "completed")]
    assert cli.json("ls", "--graph", "o'clock") == []
    cli("cancel", view.id)


def test_a_cancelled_run_is_shown_as_such(cli: CommandLine) -> None:
    view = _asked(cli)
    assert cli("cancel", view.id).returncode == 0
    eventually(lambda: _view(cli, view.id).phase == "cancelled")
    closed = _view(cli, view.id)
    assert [node.node for node in closed.nodes] == ["accept"]
    assert cli("watch", view.id).returncode == 5
    assert cli("cancel", view.id).returncode == 8


async def test_a_terminated_run_is_shown_as_aborted(cli: CommandLine, temporal_client: Client) -> None:
    view = await asyncio.to_thread(_asked, cli)
    await temporal_client.get_workflow_handle(view.id).terminate("by the operator")
    await asyncio.to_thread(_look_at_terminated, cli, view)


def _look_at_terminated(cli: CommandLine, view: RunView) -> None:
    closed = _view(cli, view.id)
    assert closed.phase == "aborted"
    assert closed.error is not None
    assert closed.error.type == "Terminated"
    assert (closed.graph, closed.tenant) == ("ask", "default")
    eventually(lambda: view.id in [row["id"] for row in cli.json("ls", "--phase", "aborted")])
    assert cli("run", "ask.yaml", "--key", view.id.rpartition("/")[2]).returncode == 5


def test_a_failed_run_keeps_its_view_and_gives_its_code(cli: CommandLine) -> None:
    done = cli("run", "write.yaml", "--set", "path=elsewhere/x", "--set", "text=x", "--output", "json")
    assert done.returncode == 3, (done.stdout, done.stderr)
    view = RunView.model_validate_json(done.stdout)
    assert (view.phase, view.error and view.error.type) == ("failed", "PolicyDenied")
    assert _view(cli, view.id) == view


def test_a_held_run_goes_on_when_it_is_resumed(cli: CommandLine) -> None:
    view = _asked(cli)
    held = cli.json("pause", view.id, "--reason", "lunch")
    assert held["phase"] == "paused"
    assert cli.json("resume", view.id)["phase"] == "waiting"
    cli("cancel", view.id)


def test_watch_tells_each_change_as_a_line_of_json(cli: CommandLine) -> None:
    view = _asked(cli)
    watching = cli.start("watch", view.id, "--output", "json")
    assert watching.stdout is not None
    before = list(itertools.islice(watching.stdout, 3))
    assert cli("answer", view.id, "accept").returncode == 0
    out, err = watching.communicate(timeout=30)
    assert watching.returncode == 0, err
    told = [json.loads(text) for text in [*before, *out.splitlines()]]
    assert [line["kind"] for line in told] == ["phase", "started", "asked", "ended", "lifted", "phase"]
    assert {"at", "kind", "activation"} <= set(told[1])
    assert told[-1]["phase"] == "completed"


def test_ctrl_c_leaves_the_run_to_its_worker(cli: CommandLine) -> None:
    view = _asked(cli, "--key", "interrupted")
    watching = cli.start("watch", view.id)
    assert watching.stderr is not None
    assert any("◆ p1" in text for text in watching.stderr)
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=30)
    assert watching.returncode == 130
    assert "the run goes on" in err
    assert _view(cli, view.id).phase == "waiting"
    cli("cancel", view.id)


@pytest.mark.parametrize(
    "verb", ["show", "watch", "answer", "approve", "pause", "resume", "cancel", "history", "pending"]
)
def test_an_unknown_run_is_said_to_be_unknown(cli: CommandLine, verb: str) -> None:
    words = [verb, "default/ask/nobody", *(["accept"] if verb == "answer" else [])]
    done = cli(*words)
    assert done.returncode == 8, done.stderr
    assert "default/ask/nobody" in done.stderr
    assert done.stdout == ""


async def test_a_workflow_that_is_no_run_is_refused(cli: CommandLine, temporal_client: Client, task_queue: str) -> None:
    await temporal_client.start_workflow("Other", id=f"other-{task_queue}", task_queue=task_queue)
    done = await asyncio.to_thread(cli, "show", f"other-{task_queue}")
    assert done.returncode == 8
    assert "`Other`" in done.stderr


def test_no_server_is_exit_6(cli: CommandLine) -> None:
    nowhere = CommandLine({**cli.environ, "TEMPORAL_ADDRESS": "127.0.0.1:1"}, cli.directory)
    error = nowhere.json("ls", code=6)["error"]
    assert error["type"] == "Unreachable"
    assert "detent dev" in error["message"]


def test_no_worker_is_exit_6_and_nothing_was_started(cli: CommandLine) -> None:
    idle = CommandLine({**cli.environ, "DETENT_TASK_QUEUE": "nobody-polls"}, cli.directory)
    done = idle("run", "ask.yaml", "--key", "idle")
    assert done.returncode == 6
    assert "`nobody-polls`" in done.stderr
    assert cli("show", "default/ask/idle").returncode == 8


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nowhere.yaml",), 7, "nowhere.yaml"),
        (("find.yaml",), 7, "pattern"),
        (("find.yaml", "--set", "pattern"), 2, "key=value"),
        (("find.yaml", "--input", "{"), 7, "not JSON"),
        (("find.yaml", "--input", "@nowhere.json"), 7, "nowhere.json"),
        (("find.yaml", "--input", "[]", "--set", "a=1"), 2, "JSON object"),
        (("find.yaml", "--set", "pattern=" + "x" * 1_100_000), 7, "over the limit"),
        (("find.yaml", "--set", "pattern=*", "--tenant", "acme"), 3, "acme"),
        (("other-tool.yaml",), 7, "no.such"),
        (("broken.yaml",), 7, "broken.yaml:3"),
    ],
)
def test_what_cannot_run_is_refused_with_its_code(
    cli: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    ask = (cli.directory / "find.yaml").read_text()
    (cli.directory / "other-tool.yaml").write_text(
        "graph: other\nversion: 1.0.0\ncapabilities: [{tool: [no.such]}]\nstart: a\n"
        "nodes:\n  a: {kind: tool, tool: no.such, next: end}\n"
    )
    (cli.directory / "broken.yaml").write_text(ask.replace("input:", "imput:"))
    done = cli("run", *words)
    assert done.returncode == code, (done.stdout[-500:], done.stderr[-500:])
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
