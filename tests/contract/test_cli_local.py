"""Commands that bring their own server: what they print, and that nothing of them stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, CommandLine, environ
from worker.start_line import free_port
from workflows.contracts.run import RunView

pytestmark = pytest.mark.server
GRAPHS = Path(__file__).parent / "graphs"
EXAMPLES = ROOT / "examples"


@pytest.fixture
def alone(tmp_path: Path) -> CommandLine:
    """`detent` where no server answers."""
    (tmp_path / "workspace").mkdir()
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    return CommandLine({**environ("127.0.0.1:1", "alone", tmp_path), "TMPDIR": str(scratch)}, tmp_path)


def _ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def _left_behind(directory: Path) -> list[str]:
    """Processes that were started for a command in this directory: their environment or command line names it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in told and entry.name != str(os.getpid()):
            found.append(told[-200:].decode(errors="replace"))
    return found


def test_a_local_run_brings_everything_and_leaves_nothing(alone: CommandLine, tmp_path: Path) -> None:
    words = ["run", str(GRAPHS / "ask.yaml"), "--local", "--answer", "accept=accept", "--output", "json"]
    code, out, err = _ended(alone.start(*words))
    assert code == 0, err
    assert RunView.model_validate_json(out).phase == "completed"
    assert _left_behind(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


WRITES = """
graph: own
version: 1.0.0
capabilities: [{tool: ["fs.write"]}, {fs.write: ["**"]}]
start: act
nodes: {act: {kind: tool, tool: fs.write, with: {path: "${input.path}", text: x}, next: end}}
"""


@pytest.mark.parametrize(("path", "code"), [("own.yaml", 3), ("other.yaml", 0)])
def test_a_run_does_not_write_the_graph_that_it_was_started_from(alone: CommandLine, path: str, code: int) -> None:
    """It is pinned, but a later run would begin with what was written."""
    workspace = alone.directory / "workspace"
    (workspace / "own.yaml").write_text(WRITES, encoding="utf-8")
    words = ["run", str(workspace / "own.yaml"), "--local", "--set", f"path={path}", "--output", "json"]
    ended, out, err = _ended(alone.start(*words))
    assert ended == code, err
    assert ("one of the worker's own files" in out) is (code == 3)
    assert (workspace / "own.yaml").read_text(encoding="utf-8") == WRITES


def test_a_local_run_that_nobody_can_answer_is_ended(alone: CommandLine, tmp_path: Path) -> None:
    code, out, err = _ended(alone.start("run", str(GRAPHS / "ask.yaml"), "--local", "--output", "json"))
    assert code == 4, err
    assert RunView.model_validate_json(out).phase == "waiting"
    assert "cancelled" in err
    assert _left_behind(tmp_path) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_local_run_leaves_nothing(alone: CommandLine, tmp_path: Path, sent: signal.Signals) -> None:
    graph = tmp_path / "slow.yaml"
    graph.write_text("graph: slow\nversion: 1.0.0\nstart: nap\nnodes:\n  nap: {kind: wait, for: 1h, next: end}\n")
    running = alone.start("run", str(graph), "--local")
    assert running.stderr is not None
    for text in running.stderr:
        if text.startswith("started"):
            break
    time.sleep(0.5)
    running.send_signal(sent)
    code, _, err = _ended(running)
    assert code == 130, err
    assert "default/slow/" in err
    assert _left_behind(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_worker_that_cannot_start_gives_its_own_reason_and_code(alone: CommandLine, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("policy: x\nversion: 1\ntenants: {default: {nonsense: 1}}\n")
    code, _, err = _ended(alone.start("run", str(GRAPHS / "ask.yaml"), "--local", "--policy", str(policy)))
    assert code == 7, err
    assert "nonsense" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        ("--local", "--detach"),
        ("--policy", "p.yaml"),
        ("--workspace", "."),
        ("--db", "x.db"),
        ("--key", "a/b"),
        ("--tenant", ""),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(alone: CommandLine, words: tuple[str, ...]) -> None:
    done = alone("run", str(GRAPHS / "ask.yaml"), *words)
    assert done.returncode == 2, done.stderr


def test_the_demo_completes_and_says_where_to_look(alone: CommandLine, tmp_path: Path) -> None:
    code, out, err = _ended(alone.start("demo", "--output", "json"))
    assert code == 0, err
    view = RunView.model_validate_json(out)
    assert view.phase == "completed"
    completed, report, ui, again = err.splitlines()[-4:]
    assert completed == f"completed {view.id}"
    assert Path(report.removeprefix("report ")).read_text().startswith("# Review")
    assert ui.startswith("ui http://127.0.0.1:")
    assert view.run_id in ui
    assert again == "again: detent dev --db .detent/demo.db"
    assert (tmp_path / ".detent" / "demo.db").exists()
    assert _left_behind(tmp_path) == []


def test_dev_prints_one_line_when_ready_and_keeps_runs_in_its_file(alone: CommandLine, tmp_path: Path) -> None:
    code, out, err = _ended(alone.start("demo", "--output", "json"))
    assert code == 0, err
    run = RunView.model_validate_json(out)
    dev = alone.start(
        "dev", "--db", ".detent/demo.db", "--port", str(free_port()), "--ui-port", str(free_port()), "--output", "json"
    )
    assert dev.stdout is not None
    ready = json.loads(dev.stdout.readline())
    try:
        assert set(ready) == {"address", "ui", "namespace", "task_queue", "pid", "worker_pid", "server_pid"}
        client = CommandLine({**alone.environ, "TEMPORAL_ADDRESS": ready["address"]}, tmp_path)
        shown = client.json("show", run.id)
        assert shown.pop("history")["runs"] == 1
        assert shown.pop("blobs")["missing"] == 0
        assert shown == json.loads(out)
        rows = [row for row in client.json("doctor") if not row["ok"]]
        assert rows == []
    finally:
        dev.send_signal(signal.SIGINT)
        code, rest, err = _ended(dev)
    assert (code, rest) == (0, ""), err
    assert _left_behind(tmp_path) == []


def test_the_coding_agent_runs_unattended(alone: CommandLine) -> None:
    example = EXAMPLES / "coding-agent"
    words = [
        "--policy",
        str(example / "policy.yaml"),
        "--models",
        str(example / "models.yaml"),
        "--set",
        "task=helpers",
    ]
    people = ["--answer", 'clarify=go:{"answer": "Python"}', "--answer", "accept=accept"]
    code, out, err = _ended(
        alone.start("run", str(example / "graph.yaml"), "--local", *words, *people, "--output", "json")
    )
    assert code == 0, err
    assert RunView.model_validate_json(out).phase == "completed"
