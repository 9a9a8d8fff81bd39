"""The page in the Temporal UI: whatever a graph, a model or a tool says, it draws nothing of its own there."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from policies.plain_text import is_unsafe, plain
from tests.support.cards import run_card
from tests.support.simulator import Simulator
from workflows.shell.display import Display, fence

HOSTILE = {
    "image": "![pixel](https://evil.example/?leak)",
    "link": "[approve](https://evil.example)",
    "autolink": "<https://evil.example>",
    "bare address": "see https://evil.example/x and www.evil.example or ann@evil.example",
    "html": "<img src=x onerror=alert(1)><b>approved</b><!-- hidden",
    "table": "a | b | c\n|---|---|",
    "heading": "# p2 waits for you",
    "setext": "p2 waits for you\n===",
    "fence": "```\nescaped\n```\n~~~~~~\n````````\n# out",
    "code": "`` ` `` `",
    "list": "- a\n- b\n1. c",
    "quote": "> quoted",
    "rule": "---",
    "entity": "&lt;b&gt; &#x41;",
    "emphasis": "**approved** _yes_ ~~no~~",
    "reference": "[x]\n\n[x]: https://evil.example",
    "control": "\x1b[2J\x1b]0;title\x07\r\x00\x08",
    "bidi": "\u202eevil\u2066\u2069",
    "surrogate": "\ud800 lone",
    "invisible": "\u200b\u2060\ufeff\u3164",
    "pile": "z" + "\u0335" * 50,
    "rich": "[bold red]hot[/] [link=http://x]y[/link]",
    "long": "x" * 5000,
    "long fence": "`" * 3000,
    "many lines": "line\n" * 2000,
}
GRAPH: dict[str, object] = {
    "graph": "hostile",
    "version": "1.0.0",
    "capabilities": [{"tool": ["pure"]}],
    "start": "look",
    "nodes": {
        "look": {"kind": "tool", "tool": "pure", "with": {"x": 1}, "next": "ask", "on_failure": "pause"},
        "ask": {
            "kind": "human",
            "ask": "${input.text}",
            "show": "${input.text}",
            "outcomes": ["fine"],
            "routes": {"fine": "end"},
        },
    },
}
OURS = {
    "heading_open", "paragraph_open", "table_open", "thead_open", "tbody_open", "tr_open", "th_open", "td_open",
    "strong_open", "inline", "text", "code_inline", "fence", "softbreak",
}  # fmt: skip


def kinds(page: str) -> dict[str, list[Token]]:
    """What a renderer of Markdown with tables, strikethrough and addresses makes of a page."""
    found: dict[str, list[Token]] = {}
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(page)
    for token in [part for outer in tokens for part in (outer, *(outer.children or ()))]:
        if not token.type.endswith("_close"):
            found.setdefault(token.type, []).append(token)
    return found


def page_of(text: str, *, failing: bool) -> str:
    run = Simulator(GRAPH, run_card(), {"text": text})
    run.say("start")
    run.say(f"{'fail' if failing else 'ok'} look#1:1 {'ToolFailed ' + text if failing else '{}'}")
    return Display(run.engine).page()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("failing", [False, True])
def test_hostile_text_draws_nothing_on_the_page(text: str, failing: bool) -> None:
    page = page_of(text, failing=failing)
    found = kinds(page)
    assert set(found) <= OURS, set(found) - OURS
    assert len(found["heading_open"]) <= 1
    assert len(found["table_open"]) == 2
    assert all(len(row) < 4000 for row in page.split("\n"))
    assert not [character for character in page if is_unsafe(character) and character != "\n"]
    for token in found["text"]:
        assert "://" not in token.content
        assert "www." not in token.content


@given(st.text(alphabet="`~|<>[]()!#*_-=&:/\\ \n\r\t.@wx\x1b\u202e", max_size=60))
def test_no_text_draws_on_the_page(text: str) -> None:
    found = kinds(page_of(text, failing=False))
    assert set(found) <= OURS, set(found) - OURS


def test_the_question_stands_above_what_comes_from_outside() -> None:
    page = page_of("Ship it?", failing=False)
    lines = page.split("\n\n")
    assert lines[1].startswith("### p1 waits for you")
    assert lines[2] == "Ship it?"


def test_text_over_two_kilobytes_is_head_tail_size_and_digest() -> None:
    text = "h" * 3000 + "t" * 3000
    shown = fence(text)
    assert len(shown) < 2048
    assert "6,000 bytes in all" in shown
    assert hashlib.sha256(text.encode()).hexdigest() in shown
    assert shown.startswith("```\nhhh")
    assert shown.endswith("ttt\n```")


def test_a_long_question_is_shown_whole() -> None:
    ask = "Is this " + "really " * 100 + "fine?"
    assert plain(ask) in page_of(ask, failing=False)


@pytest.mark.parametrize(
    ("name", "kind"), [("image", "image"), ("link", "link_open"), ("html", "html_inline"), ("rule", "hr")]
)
def test_the_same_text_would_draw_without_care(name: str, kind: str) -> None:
    assert kind in kinds(HOSTILE[name])
