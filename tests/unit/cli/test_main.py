"""The command itself: its verbs, its options, its errors."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cli.main import VERSION, detent, load
from cli.verbs import LATER, VERBS, Verb

if TYPE_CHECKING:
    from click.testing import Result


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(detent, arguments)


def test_the_version_loads_nothing_heavy() -> None:
    code = "import sys, cli.main\nprint(sorted({'temporalio', 'pydantic', 'rich', 'yaml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_printed() -> None:
    result = _run("--version")
    assert (result.exit_code, result.stdout) == (0, f"detent {VERSION}\n")


def test_help_lists_every_verb_without_loading_one() -> None:
    result = _run("--help")
    assert result.exit_code == 0
    for verb in VERBS:
        assert f"  {verb.name} " in result.stdout


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_table_says_what_the_command_says(verb: Verb) -> None:
    name = verb.name
    command = load(name)
    assert command.name == name
    assert (command.help or "").split("\n")[0] == verb.help


@pytest.mark.parametrize("name", sorted(LATER))
def test_a_verb_of_the_design_says_that_it_is_not_there_yet(name: str) -> None:
    result = _run(name, "whatever")
    assert result.exit_code == 2
    assert f"`detent {name}` is not there yet" in result.stderr


@pytest.mark.parametrize(("group", "name"), [("graph", "diff"), ("graph", "fmt")])
def test_a_sub_command_of_the_design_says_so_too(group: str, name: str) -> None:
    result = _run(group, name)
    assert result.exit_code == 2
    assert f"{group} {name}` is not there yet" in result.stderr


def test_a_typing_mistake_gets_a_suggestion() -> None:
    result = _run("shwo")
    assert result.exit_code == 2
    assert "'show'" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [("--output", "json", "shwo"), ("shwo", "--output=json")])
def test_a_usage_error_is_json_where_json_was_asked_for(arguments: tuple[str, ...]) -> None:
    result = _run(*arguments)
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert error["type"] == "Usage"
    assert error["problems"] == []


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_output_and_debug_work_after_every_verb(verb: Verb) -> None:
    command = load(verb.name)
    names = {option for parameter in command.params for option in parameter.opts}
    assert {"--output", "--debug"} <= names


def test_no_arguments_print_the_help_and_are_a_usage_error() -> None:
    result = _run()
    assert result.exit_code == 2
    assert "Commands:" in result.output


def test_the_process_ends_with_the_code_and_all_of_its_output() -> None:
    done = subprocess.run([sys.executable, "-m", "cli.main", "fork"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "not there yet" in done.stderr


def test_an_unexpected_error_is_one_line_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.main.load", _broken)
    result = _run("ls")
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert "`--debug`" in result.stderr


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.main.load", _broken)
    result = _run("--debug", "ls")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def _broken(_: str) -> None:
    raise RuntimeError("it broke")
