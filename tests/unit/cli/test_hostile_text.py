"""Whatever is rendered at a terminal, text from outside draws nothing there: every renderer, one table of texts."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner
from rich.text import Text

from cli.changes import changes
from cli.context import Session
from cli.display import LineDisplay, LiveDisplay
from cli.exits import CommandError, Exit
from cli.main import detent
from cli.render.pause import pause_lines
from cli.render.problems import error_lines
from cli.render.run import run_view
from cli.render.screen import show
from cli.render.tables import print_table
from policies.errors import Problem
from policies.plain_text import is_unsafe
from tests.unit.cli.pauses import AT, node, pause, view
from workflows.contracts.failures import ErrorInfo
from workflows.contracts.pause import AskedCall, Refusal
from workflows.contracts.run import RunView

Printed: TypeAlias = Callable[[Callable[[], object]], str]
TEXTS = {
    "colours": "\x1b[31mred\x1b[0m",
    "screen": "\x1b[2J\x1b[H\x1bc",
    "title": "\x1b]0;owned\x07",
    "hyperlink": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "c1": "\x9b31m\x9d0;x\x9c\x85",
    "overwrite": "denied\rapproved\x08\x08\x0b\x0c",
    "bidi": "\u202egnihtyreve\u2066\u2069\u200f\u061c",
    "invisible": "a\u200b\u2060\ufeff\U000e0041\u3164b",
    "pile": "z" + "\u0335" * 60,
    "surrogate": "\ud800x\udfff",
    "separators": "a\u2028b\u2029c",
    "rich": "[bold red]x[/] [link=http://evil.example]y[/link] [/] :warning: \\[x]",
    "fence": "```\nout\n``````\n# x",
    "forged": "fine\n◆ p2 at `pay` asks\n  answer  detent approve",
    "long": "x" * 9000,
}
STYLE = re.compile(r"\x1b\[[0-9;]*[mKGAHJ]|\x1b\[\?25[lh]|\x1b\[[0-9]*[ABCD]|\r")
"""What rich itself sends to a terminal: styles, and moving up over its own live tree."""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def printed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Printed:
    """Runs something, and gives what it printed to both streams."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")

    def run(act: Callable[[], object]) -> str:
        out, err = (Terminal() if request.param else io.StringIO() for _ in range(2))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            act()
        return out.getvalue() + err.getvalue()

    return run


def assert_plain(said: str) -> None:
    assert said
    left = [character for character in STYLE.sub("", said) if is_unsafe(character) and character not in "\n\t"]
    assert not left, sorted(set(left))
    assert "\u0335" * 4 not in said
    assert "owned\x07" not in said


def asked(text: str) -> AskedCall:
    return AskedCall(
        name=text,
        tool_digest=text,
        args={text: text},
        args_digest="d" * 64,
        args_bytes=10,
        capabilities=(text,),
        effect="once",
        risk="high",
    )


def hostile_view(text: str) -> RunView:
    return view(
        phase="failed",
        id=text,
        graph=text,
        version=text,
        output={text: text, "list": [text], "deep": {"a": {text: text}}},
        error=ErrorInfo(type=text, message=text, node=text),
        nodes=(node("a#1", summary=text), node("b#1", "failed", summary=text)),
        pauses=(pause(ask=text, show=text, node=text, outcomes=(text, "x"), call=asked(text), answerers=(text,)),),
        refusals=(Refusal(pause=text, outcome=text, by=text, reason=text, at=text),),
        warnings=(text,),
        state={text: text},
    )


each_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


@each_text
@pytest.mark.parametrize("full", [False, True])
def test_a_run(printed: Printed, text: str, full: bool) -> None:
    assert_plain(printed(lambda: show(run_view(hostile_view(text), full=full))))


@each_text
def test_a_run_while_it_goes_on(printed: Printed, text: str) -> None:
    before = view(nodes=(node("a#1", "running"),))

    def follow() -> None:
        for display in (LineDisplay(), LiveDisplay()):
            display.update(before)
            for change in changes(before, hostile_view(text), AT):
                display.tell(change.model_copy(update={"call": text, "text": text, "attempt": 2}))
            display.update(hostile_view(text))
            display.close()

    assert_plain(printed(follow))


@each_text
def test_a_pause_has_its_facts_above_what_comes_from_outside(printed: Printed, text: str) -> None:
    lines = pause_lines(pause(ask=text, show=text, call=asked(text)), text)
    assert_plain(printed(lambda: show(*lines)))
    words = [line.plain for line in lines]
    first_fence = next(index for index, word in enumerate(words) if set(word) == {"`"})
    assert any("digest" in word for word in words[:first_fence])
    assert words[0].startswith("◆ p1 at `accept`")
    forged = [word for word in words[first_fence:] if word.startswith("◆ p2")]
    bars = [index for index, word in enumerate(words) if word and set(word) == {"`"}]
    assert not forged or bars[0] < words.index(forged[0]) < bars[-1]


@each_text
def test_tables_errors_and_notes(printed: Printed, text: str) -> None:
    problem = Problem("code", text, text, text, file=text)

    def say() -> None:
        print_table(["a", "b"], [(text, 1), (Text("x"), text)])
        for line in error_lines(CommandError("Kind", text, Exit.INVALID, (problem,))):
            Session().note(line)
        Session().note(text)
        Session().answer(text)
        Session().print_json({text: [text]})

    assert_plain(printed(say))


@each_text
def test_documents_and_words_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETENT_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    written = json.dumps(text)
    (tmp_path / "g.yaml").write_text(
        f"graph: {written}\nversion: {written}\nstart: {written}\nnodes: {{{written}: 1}}\n"
    )
    (tmp_path / "p.yaml").write_text(f"policy: {written}\nversion: 1\ntenants: {{{written}: {{allow: [{written}]}}}}\n")
    request = {"kind": "tool", "name": text, "needs": [{"tool": text}]}
    cases = [{"name": text, "request": request, "want": {"verdict": "allow"}}]
    (tmp_path / "c.yaml").write_text(json.dumps({"cases": cases}))
    safe = text.encode("utf-8", "replace").decode().replace("\0", "")
    for words in (
        ("graph", "check", "g.yaml"),
        ("graph", "show", "g.yaml"),
        ("policy", "check", "p.yaml"),
        ("policy", "test", "c.yaml"),
        ("policy", "explain", safe, "--args", written),
        ("policy", "explain", "fs.read", "--args", json.dumps({"path": text})),
        ("run", "g.yaml", "--set", f"a={safe}", "--answer", f"{safe}=x"),
        ("show", safe),
        (safe, safe),
        ("ls", "--phase", safe),
    ):
        result = CliRunner().invoke(detent, words)
        assert not isinstance(result.exception, UnicodeError), words
        assert_plain(result.stdout + result.stderr)


def test_the_same_text_would_draw_without_care(printed: Printed) -> None:
    said = printed(lambda: print(TEXTS["bidi"], TEXTS["pile"]))  # noqa: T201 - the attack itself
    with pytest.raises(AssertionError):
        assert_plain(said)
