"""A repaired conversation is one that every provider takes, and one that needs no repair stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.conversations import CONVERSATIONS, assistant, flaws, orderly, result, user
from workflows.contracts.conversation import Message, Part, ToolAnswer
from workflows.contracts.repair import BEGUN_BEFORE, MISSING, is_whole, mend, pair, repair


def lost(name: str) -> ToolAnswer:
    return ToolAnswer(id=name, content=(Part(text=MISSING),), is_error=True)


@given(CONVERSATIONS)
def test_whatever_was_said_is_repaired_once_and_for_all(messages: list[Message]) -> None:
    repaired = repair(messages)
    assert flaws(repaired) == []
    assert repair(repaired) == repaired


@given(CONVERSATIONS)
def test_no_words_and_no_calls_are_lost(messages: list[Message]) -> None:
    repaired = repair(messages)

    def words(of: Sequence[Message]) -> list[Part]:
        return [part for message in of for part in message.content if part.ref or (part.text or "").strip()]

    said = [part for part in words(repaired) if part.text != BEGUN_BEFORE]
    assert said == words(messages)
    asked = [call.args for message in messages if message.role == "assistant" for call in message.tool_calls]
    assert [call.args for message in repaired for call in message.tool_calls] == asked


@given(st.one_of(CONVERSATIONS, orderly()))
def test_nothing_to_mend_is_seen_exactly_where_mending_changes_nothing(messages: Sequence[Message]) -> None:
    assert is_whole(messages) == (mend(messages) == tuple(messages))
    assert is_whole(mend(messages))


@given(orderly())
def test_orderly_conversation_stays_as_it_is(messages: tuple[Message, ...]) -> None:
    assert pair(messages, open_end=True) == messages
    closed = messages if not messages[-1].tool_calls else messages[:-1]
    assert repair(closed) == closed


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([user("a", result("x"))], [user("a")], id="orphan"),
        pytest.param(
            [user("a"), assistant(), user("b")],
            [Message(role="user", content=(Part(text="a"), Part(text="b")))],
            id="empty",
        ),
        pytest.param(
            [user("a"), assistant("", "x"), user("b"), user("", result("x"))],
            [user("a"), assistant("", "x"), user("b", result("x"))],
            id="result after other words",
        ),
        pytest.param(
            [user("a", result("x")), assistant("", "x")],
            [user("a"), assistant("", "x"), user("", result("x"))],
            id="result before its call",
        ),
        pytest.param(
            [user("a"), assistant("", "x", "y"), user("", result("y"), result("x"), result("x", "again"))],
            [user("a"), assistant("", "x", "y"), user("", result("x"), result("y"))],
            id="results out of order and repeated",
        ),
        pytest.param(
            [user("a"), assistant("", "x", "y"), user("", result("y"))],
            [user("a"), assistant("", "x", "y"), user("", lost("x"), result("y"))],
            id="missing",
        ),
        pytest.param(
            [user("a"), assistant("", "x")],
            [user("a"), assistant("", "x"), user("", lost("x"))],
            id="missing at the end",
        ),
        pytest.param([assistant("b")], [user(BEGUN_BEFORE), assistant("b")], id="the model began"),
        pytest.param(
            [user("a"), Message(role="assistant", raw=({"type": "thinking"},))], [user("a")], id="only thoughts"
        ),
    ],
)
def test_each_fault_is_mended(messages: list[Message], expected: list[Message]) -> None:
    assert repair(messages) == tuple(expected)


def test_results_go_to_the_call_that_they_were_given_for_where_ids_repeat() -> None:
    messages = [
        user("a"),
        assistant("", "x"),
        user("", result("x", "first"), result("x", "first again")),
        assistant("", "x"),
        user("b"),
    ]
    repaired = repair(messages)
    assert [answer.id for message in repaired for answer in message.results] == ["x", "x_2"]
    assert [message.results[0].content[0].text for message in repaired if message.results] == ["first", MISSING]


def test_two_calls_of_one_id_in_a_turn_have_their_results_in_order() -> None:
    messages = [user("a"), assistant("", "x", "x"), user("", result("x", "one"), result("x", "two"))]
    (_, asked, told) = repair(messages)
    assert [call.id for call in asked.tool_calls] == ["x", "x_2"]
    assert [(answer.id, answer.content[0].text) for answer in told.results] == [("x", "one"), ("x_2", "two")]


def test_result_before_two_calls_of_its_id_is_nobodys() -> None:
    repaired = repair([user("a", result("x")), assistant("", "x"), assistant("", "x")])
    assert [answer.content[0].text for message in repaired for answer in message.results] == [MISSING, MISSING]


def test_of_two_turns_in_a_row_the_thoughts_of_one_are_kept_whole() -> None:
    first, second = ({"type": "thinking", "n": 1},), ({"type": "thinking", "n": 2},)
    plain = Message(role="assistant", content=(Part(text="b"),))
    thought = plain.model_copy(update={"raw": first, "provider": "p"})
    later = plain.model_copy(update={"raw": second, "provider": "q"})
    assert [(said.raw, said.provider) for said in repair([user("a"), thought, later])[1:]] == [(second, "q")]
    assert [(said.raw, said.provider) for said in repair([user("a"), thought, plain])[1:]] == [(first, "p")]
