"""What a run lacks on the command line: which gap is meant, and that its words cannot draw on a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from cli.answering import make_answer
from cli.exits import CommandError, Exit
from cli.gaps import choose_gap, gaps_of
from cli.render.pause import gap_lines, pause_lines
from tests.unit.cli.pauses import pause
from workflows.contracts.pause import GapView, PauseView

RUN = "default/g/k"


def lacking(name: str = "web.fetch", kind: str = "tool", **fields: Any) -> PauseView:
    gap = GapView(
        key=f"{kind}:{name}:", kind=kind, name=name, reason=fields.pop("reason", "to look"), source="load", asker="a#1"
    ).model_copy(update=fields)
    return pause(f"p-{kind}-{name}", trigger="on_gap", outcomes=("provide", "decline"), gap=gap)


def test_a_gap_is_found_by_its_name_and_one_of_two_by_its_kind() -> None:
    pauses = (pause(), lacking(), lacking("grand", "model"), lacking("grand", "credential"))
    assert len(gaps_of(pauses)) == 3
    assert choose_gap(pauses, "web.fetch", RUN)[1].kind == "tool"
    assert choose_gap(pauses, "credential:grand", RUN)[1].kind == "credential"
    assert choose_gap(pauses, "model:grand:", RUN)[1].kind == "model"


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("nothing", Exit.UNKNOWN, "does not lack `nothing`; it lacks `web.fetch`, `grand`, `grand`"),
        ("grand", Exit.USAGE, "say `model:grand` or `credential:grand`"),
    ],
)
def test_what_is_not_lacking_or_is_twice_is_said(name: str, code: Exit, words: str) -> None:
    pauses = (lacking(), lacking("grand", "model"), lacking("grand", "credential"))
    with pytest.raises(CommandError) as caught:
        choose_gap(pauses, name, RUN)
    assert caught.value.code == code
    assert words in caught.value.message


def test_each_provide_is_another_answer_so_that_a_worker_looks_again() -> None:
    first, second = (make_answer(lacking(), "provide", None, "ada") for _ in range(2))
    assert first.nonce != second.nonce
    assert make_answer(lacking(), "decline", None, "ada").nonce is None


def test_words_of_others_cannot_draw_on_a_terminal() -> None:
    hostile = lacking(
        "x\x1b[2J",
        reason="\x1b]0;owned\x07",
        diff="\u202egnp",
        failed="```\x1b[31m",
        example={"a": "\x9b2J"},
        probing=True,
    )
    assert hostile.gap is not None
    shown = "\n".join(text.plain for text in (*pause_lines(hostile, RUN), *gap_lines(hostile.gap, RUN)))
    assert not any(character in shown for character in "\x1b\x07\u202e\x9b")
    assert "a worker looks for it" in shown
