"""What a compaction leaves of a conversation: the beginning, what was denied, what is open, the last messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.conversations import CONVERSATIONS, DIGEST, assistant, flaws, kept, orderly, result, user
from workflows.contracts.calls import ModelArgs, ModelOutput
from workflows.contracts.compaction import SUMMARY_HEADING, _size, cut, elided, summarised
from workflows.contracts.conversation import Compact, Message, Part, ToolAnswer
from workflows.contracts.keeping import Kept, kept_of
from workflows.contracts.repair import pair, repair

TALK = (
    user("begin"),
    assistant("", "a"),
    user("", result("a", "no", denied=True)),
    assistant("", "b", "c"),
    user("", result("b"), result("c", "no", denied=True)),
    assistant("", "d"),
    user("", result("d")),
    assistant("", "e"),
)
TOLD = user(f"{SUMMARY_HEADING}\n\nso far")


@pytest.mark.parametrize(
    ("keep", "tail"), [(0, TALK[7:]), (1, TALK[7:]), (2, TALK[5:]), (3, TALK[5:]), (4, TALK[3:]), (5, TALK[3:])]
)
def test_no_call_is_parted_from_its_result_and_open_ones_stay(keep: int, tail: tuple[Message, ...]) -> None:
    assert cut(TALK, keep).kept == tail


@pytest.mark.parametrize(("size", "stay"), [(0, 10), (3, 10), (40, 3)])
def test_as_many_stay_as_are_to_unless_they_are_over_half(size: int, stay: int) -> None:
    short = [user("x" * 10) if at % 2 else assistant("x" * 10) for at in range(30)]
    long = [user("x" * 10 * size) if at % 2 else assistant("x" * 10 * size) for at in range(6)]
    assert len(cut([*short, *long], 10).kept) == (stay if size else 10)


def test_new_beginning_has_the_task_the_summary_the_denials_and_the_tail() -> None:
    assert summarised(TALK, "so far", 1) == (
        user("begin"),
        TOLD,
        assistant("", "a"),
        user("", result("a", "no", denied=True)),
        assistant("", "c"),
        user("", result("c", "no", denied=True)),
        assistant("", "e"),
    )


def test_next_summary_takes_the_place_of_the_last() -> None:
    once = summarised(TALK, "so far", 0)
    more = (*once, user("", result("e")), assistant("done"))
    again = summarised(more, "further", 1)
    texts = [part.text for message in again for part in message.content]
    assert texts == ["begin", f"{SUMMARY_HEADING}\n\nfurther", "done"]
    assert again[2:6] == once[2:6]


@pytest.mark.parametrize("keep", [9, 8, 7])
def test_nothing_is_old_where_all_is_to_stay(keep: int) -> None:
    assert cut(TALK[:2], keep).older == ()
    assert cut((), keep).kept == ()


def test_conversation_that_the_model_began_has_no_first_message() -> None:
    parts = cut((assistant("a"), user("b"), assistant("c")), 1)
    assert (parts.first, parts.older, parts.kept) == (None, (assistant("a"), user("b")), (assistant("c"),))
    assert summarised((assistant("a"), user("b"), assistant("c")), "so far", 1) == (TOLD, assistant("c"))
    assert elided((assistant("a"), user("b")), 0) == (assistant("a"), user("b"))


def denied_of(messages: Sequence[Message]) -> list[ToolAnswer]:
    return [answer for message in messages for answer in message.results if answer.denied]


@given(CONVERSATIONS, st.integers(0, 9))
def test_whatever_was_said_a_new_beginning_is_in_order_and_forgets_no_denial(
    messages: list[Message], keep: int
) -> None:
    whole = pair(messages, open_end=True)
    parts = cut(messages, keep)
    assert (*(() if parts.first is None else (parts.first,)), *parts.older, *parts.kept) == whole
    assert sum(map(_size, parts.kept[1:])) <= sum(map(_size, whole)) / 2
    for beginning in (summarised(messages, "so far", keep), elided(messages, keep)):
        assert pair(beginning, open_end=True) == beginning
        assert flaws(repair(beginning)) == []
        assert denied_of(beginning) == denied_of(whole)


@given(orderly(), st.integers(0, 9))
def test_eliding_takes_results_from_the_oldest_on_until_half_is_gone(messages: tuple[Message, ...], keep: int) -> None:
    short = elided(messages, keep)
    older = len(messages) - len(cut(messages, keep).kept)
    old = [answer for message in messages[:older] for answer in message.results]
    long = [answer.id for answer in old if answer.content[0].ref is not None and not answer.denied]
    now = {answer.id: answer.content[0] for message in short for answer in message.results}
    gone = [name for name in long if now[name].ref is None]
    assert gone == long[: len(gone)]
    assert all(DIGEST in (now[name].text or "") for name in gone)
    assert gone == long or sum(map(_size, short)) <= sum(map(_size, messages)) / 2
    noted = {name: Part(text="") for name in gone}
    assert _with(short, noted) == _with(messages, noted)


def _with(messages: Sequence[Message], parts: Mapping[str, Part]) -> list[Message]:
    """The messages with other contents of some results."""
    return [
        message.model_copy(
            update={
                "results": tuple(
                    answer.model_copy(update={"content": (parts.get(answer.id, answer.content[0]),)})
                    for answer in message.results
                )
            }
        )
        for message in messages
    ]


def test_only_as_much_is_elided_as_is_needed() -> None:
    answers = [ToolAnswer(id=name, content=(kept(4000),), denied=name == "b") for name in "abcde"]
    talk = (user("begin"), assistant("", *"abcde"), user("", *answers), assistant("end"))
    told = elided(talk, 1)[2].results
    assert [answer.content == (kept(4000),) for answer in told] == [False, True, False, False, True]
    assert told[0].content[0].text == f"[left out to save room: 4000 bytes of text, kept as blob:t/{DIGEST}]"
    recent = (user("x" * 50_000), *talk[1:])
    assert elided(recent, 3) == recent


def test_short_results_and_those_without_a_reference_stay() -> None:
    answers = (ToolAnswer(id="a", content=(kept(10), Part(text="x" * 600))), result("b"))
    talk = (user("begin"), assistant("", "a", "b"), user("", *answers), assistant("end"))
    assert elided(talk, 0) == talk


def test_call_leaves_what_it_was_told_and_answered_or_a_new_beginning() -> None:
    def args(**fields: object) -> ModelArgs:
        return ModelArgs.model_validate({"alias": "a", "model": "m", "max_tokens": 1, "agent": True, **fields})

    output = ModelOutput(text="done", stop_reason="end_turn")
    news = (user("", result("e")),)
    summary, elide = (Compact(how=how, keep=1) for how in ("summary", "elide"))
    assert kept_of(TALK, args(messages=news), output) == Kept((*news, assistant("done")), beginning=False)
    said = kept_of(TALK, args(compact=summary), ModelOutput(text="so far", stop_reason="end_turn"))
    assert said == Kept(summarised(TALK, "so far", 1), beginning=True)
    shorter = kept_of(TALK, args(messages=news, compact=elide), output)
    assert shorter == Kept((*elided(TALK, 1), *news, assistant("done")), beginning=True)
