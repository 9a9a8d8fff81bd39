"""What a command is given by its surroundings: streams, paths, variables, files that are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from activities.ports import BlobError
from cli.display import LineDisplay, LiveDisplay, display_for
from cli.errors import explain
from cli.exits import CommandError
from cli.payload import json_value, with_settings
from cli.replaying import read_history
from policies.errors import DocumentError
from tests.support.command_line import ROOT
from worker.compose import compose
from worker.connect import target
from worker.database_lock import DatabaseLock
from worker.settings import Flags, settings
from worker.start_line import ServerError

GRAPH = ROOT / "examples" / "code-review" / "graph.yaml"
STARTED = (
    '{"events": [{"eventId": "1", "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED", '
    '"workflowExecutionStartedEventAttributes": {"workflowType": {"name": "AgentLifetime"}}}]}'
)


def _shell(words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    line = f"{sys.executable} -m cli.main {words}"
    words_for_sh = ["sh", "-c", line]  # redirections are the matter
    everything = {**os.environ, **environ}
    return subprocess.run(words_for_sh, check=False, cwd=ROOT, env=everything, capture_output=True, text=True)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_reason_to_fail(closed: str) -> None:
    done = _shell(f"graph show {GRAPH} {closed}")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_terminal_cannot_write_is_escaped() -> None:
    done = _shell("policy test tests/policy_cases/budgets.yaml", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert r"\u2713 a call" in done.stdout


def test_a_full_disk_behind_stdout_is_said_in_words() -> None:
    done = _shell(f"graph show {GRAPH} > /dev/full")
    assert (done.returncode, done.stderr) == (1, "error: no space left on device\n")


@pytest.mark.parametrize("text", ["x=1e999", "x=\udc80", 'x={"a": "\udc80"}'])
def test_a_setting_without_a_canonical_form_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="not usable as JSON") as raised:
        with_settings({}, [text], {})
    assert raised.value.code == 7


@pytest.mark.parametrize("text", ["@/dev/zero", "@.", "[" * 100_000, "9" * 5000, '"\\ud800"', "1e999", "NaN"])
def test_json_that_cannot_be_used_is_exit_7(text: str) -> None:
    with pytest.raises(CommandError) as raised:
        json_value(text, "`--input`")
    assert raised.value.code == 7
    assert "codec" not in raised.value.message


@pytest.mark.parametrize(
    "text", [STARTED, STARTED.replace('"1"', '"2"'), '{"events": []}', "[]", "\x00", "[" * 100_000]
)
def test_a_history_that_cannot_be_replayed_is_refused_at_once(tmp_path: Path, text: str) -> None:
    (tmp_path / "history.json").write_text(text)
    with pytest.raises(CommandError) as raised:
        read_history(str(tmp_path / "history.json"))
    assert raised.value.code == 7


@pytest.mark.parametrize("name", ["DETENT_POLICY", "DETENT_MODELS", "DETENT_TOOLS", "DETENT_WORKSPACE", "DETENT_BLOBS"])
@pytest.mark.parametrize("value", ["loop", "~nobody-has-this-name/x"])
def test_a_path_that_leads_nowhere_is_a_problem_of_its_setting(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    path = value if value.startswith("~") else str(tmp_path / value)
    with pytest.raises(DocumentError, match="is no path"):
        settings(Flags(), {"HOME": str(tmp_path), "DETENT_CONFIG": os.devnull, name: path})


@pytest.mark.parametrize("value", ["a", "0", "-1", "49", "9" * 5000, "٣٣٣"])
def test_a_run_is_never_carried_over_after_nonsense(tmp_path: Path, value: str) -> None:
    environ = {"HOME": str(tmp_path), "DETENT_CARRY_AFTER_EVENTS": value}
    found = settings(Flags(workspace=tmp_path), environ)
    with pytest.raises(DocumentError, match="not a whole number from 50"):
        compose(found, "default", environ)


def test_an_address_that_is_a_url_is_said_to_be_one() -> None:
    with pytest.raises(DocumentError, match="write `host:port`"):
        target({"TEMPORAL_ADDRESS": "http://127.0.0.1:7233"})


@pytest.mark.parametrize(("terminal", "kind"), [("dumb", LineDisplay), ("xterm", LiveDisplay)])
def test_a_terminal_that_cannot_redraw_gets_lines(
    monkeypatch: pytest.MonkeyPatch, terminal: str, kind: type[object]
) -> None:
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(display_for(interactive=True), kind)
    assert isinstance(display_for(interactive=False), LineDisplay)


def test_a_store_that_is_full_is_no_bug_of_ours() -> None:
    found = explain(BlobError("no space left on device; free some space there"))
    assert (found.kind, found.code) == ("BlobError", 1)
    assert "--debug" not in found.message


def test_a_database_has_one_server(tmp_path: Path) -> None:
    first, second = DatabaseLock(tmp_path / "sub" / "x.db"), DatabaseLock(tmp_path / "sub" / "x.db")
    first.take()
    first.take()
    with pytest.raises(ServerError, match="another server"):
        second.take()
    first.drop()
    second.take()
    second.drop()


def test_a_database_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match="cannot be made"):
        DatabaseLock(tmp_path / "file" / "x.db").take()
