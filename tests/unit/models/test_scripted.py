"""The scripted provider: the same activity and accounting as any other, and the same answers every time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.models.call import call_model
from activities.models.catalogue import Catalogue, load_catalogue
from policies.errors import DocumentError
from tests.support.model_calls import Attempt, Heard, attempt_call, means_of, model_args, model_call, output_of
from workflows.contracts.calls import CallResult, Message, ModelArgs, Part

PRICE = ", price: {input: 1, output: 5}"
SCHEMA = {"type": "object", "required": ["findings"], "properties": {"findings": {"type": "array"}}}


def scripted(directory: Path, replies: str, extra: str = PRICE) -> Catalogue:
    (directory / "replies.yaml").write_text(replies)
    file = directory / "models.yaml"
    file.write_text(f"models: {{default: {{provider: scripted, script: replies.yaml{extra}}}}}\n")
    return load_catalogue(file, None, environ={})


def asked(prompt: str = "Review this.", **fields: object) -> ModelArgs:
    return model_args(prompt, model="scripted", **fields)


async def attempt(catalogue: Catalogue, args: ModelArgs, number: int = 1, key: str = "k", run: str = "r") -> CallResult:
    return await attempt_call(catalogue, args, Attempt("scripted", number, key, run))


async def text_of(catalogue: Catalogue, args: ModelArgs, number: int = 1, key: str = "k", run: str = "r") -> str:
    return output_of(await attempt(catalogue, args, number, key, run)).text


async def failure_of(catalogue: Catalogue, args: ModelArgs, number: int = 1, key: str = "k") -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await attempt(catalogue, args, number, key)
    return caught.value


async def test_first_reply_that_matches_answers(tmp_path: Path) -> None:
    catalogue = scripted(
        tmp_path,
        """
        replies:
          - {when: "turn == 0 && prompt.contains('review') && messages == 1 && size(tools) == 0", text: nothing}
          - {when: "system.startsWith('Be') && last_tool.name == ''", text: brief}
          - {when: "turn == 1", text: again}
          - {default: true, text: done}
        """,
    )
    turn = (Message(role="assistant", content=(Part(text="x"),)), Message(role="user", content=(Part(text="y"),)))
    assert await text_of(catalogue, asked("please review")) == "nothing"
    assert await text_of(catalogue, asked("hello", system="Be brief."), key="k2") == "brief"
    assert await text_of(catalogue, asked("hello"), key="k3") == "done"
    talked = asked().model_copy(update={"messages": (*asked().messages, *turn)})
    assert await text_of(catalogue, talked, key="k4") == "again"


async def test_structured_output_is_held_against_the_schema_as_any_other(tmp_path: Path) -> None:
    catalogue = scripted(
        tmp_path,
        """
        replies:
          - {when: "prompt == 'good'", output: {findings: [1]}, text: beside it}
          - {when: "prompt == 'text'", text: '{"findings": []}'}
          - {default: true, output: {other: 1}}
        """,
    )
    good = await attempt(catalogue, asked("good", output_schema=SCHEMA))
    assert output_of(good).output == {"findings": [1]}
    assert output_of(await attempt(catalogue, asked("text", output_schema=SCHEMA), key="k2")).output == {"findings": []}
    assert (await failure_of(catalogue, asked("bad", output_schema=SCHEMA), key="k3")).type == "ModelFailed"
    assert await text_of(catalogue, asked("good"), key="k4") == "beside it"


async def test_usage_is_as_written_or_estimated_from_bytes(tmp_path: Path) -> None:
    catalogue = scripted(
        tmp_path,
        """
        replies:
          - {when: "prompt == 'told'", text: x, usage: {input_tokens: 120, output_tokens: 40, cache_read_tokens: 8}}
          - {default: true, text: twelve bytes}
        """,
    )
    told = (await attempt(catalogue, asked("told"))).usage
    assert told is not None
    assert (told.tokens, told.cost_nano) == (168, 120 * 1000 + 40 * 5000 + 8 * 1000)
    first = (await attempt(catalogue, asked("é" * 10), key="k2")).usage
    again = (await attempt(catalogue, asked("é" * 10), key="k3")).usage
    assert first is not None
    assert again is not None
    assert (first.input_tokens, first.output_tokens) == (20 // 4 + 4, 3)
    assert first.cost_nano == again.cost_nano > 0


async def test_text_over_max_tokens_is_cut_where_the_tokens_end(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, f"replies: [{{default: true, text: {'é' * 100}}}]")
    result = await attempt(catalogue, asked(max_tokens=5))
    assert (output_of(result).text, output_of(result).stop_reason) == ("é" * 10, "max_tokens")
    assert result.usage is not None
    assert result.usage.output_tokens == 5


async def test_text_is_streamed(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, f"replies: [{{default: true, text: {'x' * 500}, delay: 40ms}}]")
    heard = Heard()
    await attempt_call(catalogue, asked(), Attempt("scripted"), heard)
    assert len(heard.said) > 3
    assert heard.said[-1] == ("x" * 400, 500)


ERRORS = """
replies:
  - {when: "prompt == 'busy'", error: {status: 529, retry_after: 1s, message: overloaded}, times: 2}
  - {default: true, text: done}
"""


async def test_errors_with_times_give_way_as_temporal_tries_again(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, ERRORS)
    for number in (1, 2):
        error = await failure_of(catalogue, asked("busy"), number)
        assert (error.type, error.non_retryable, error.details[0]["billed"]) == ("ModelFailed", False, "no")
        assert error.next_retry_delay is not None
        assert error.next_retry_delay.total_seconds() == 1
        assert "529: overloaded" in error.message
    assert await text_of(catalogue, asked("busy"), 3) == "done"


@pytest.mark.parametrize("restarted_before", [2, 3])
async def test_attempts_go_on_where_they_were_on_a_restarted_worker(tmp_path: Path, restarted_before: int) -> None:
    catalogue = scripted(tmp_path, ERRORS)
    for number in (1, 2, 3):
        if number == restarted_before:
            catalogue = scripted(tmp_path, ERRORS)
        if number < 3:
            assert (await failure_of(catalogue, asked("busy"), number)).type == "ModelFailed"
    assert await text_of(catalogue, asked("busy"), 3) == "done"


async def test_same_attempt_gets_the_same_reply(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, "replies: [{when: 'turn == 0', text: a, times: 1}, {default: true, text: b}]")
    assert [await text_of(catalogue, asked()) for _ in range(2)] == ["a", "a"]
    assert await text_of(catalogue, asked(), key="other") == "b"


async def test_runs_do_not_use_up_each_others_replies(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, "replies: [{when: 'turn == 0', text: a, times: 1}, {default: true, text: b}]")
    assert [await text_of(catalogue, asked(), key=run, run=run) for run in ("r1", "r2")] == ["a", "a"]


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "ModelFailed"), (401, "CredentialMissing"), (403, "CredentialMissing")]
)
async def test_other_statuses_end_the_call(tmp_path: Path, status: int, kind: str) -> None:
    catalogue = scripted(tmp_path, f"replies: [{{default: true, error: {{status: {status}}}}}]")
    error = await failure_of(catalogue, asked())
    assert (error.type, error.non_retryable) == (kind, True)


async def test_no_match_prints_what_was_asked(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, "replies: [{when: 'turn == 9', text: x}]")
    error = await failure_of(catalogue, asked("Where is it?" + "x" * 5000, system="Be brief."))
    assert (error.type, error.non_retryable) == ("ModelFailed", True)
    for part in ("turn: 0", "messages: 1", "tools: []", 'system: "Be brief."', 'prompt: "Where is it?'):
        assert part in error.message
    assert len(error.message) < 2500


async def test_condition_that_fails_ends_the_call_and_names_the_reply(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, "replies: [{when: 'last_tool.size > 1', text: x}, {default: true, text: y}]")
    error = await failure_of(catalogue, asked())
    assert (error.type, error.non_retryable) == ("ModelFailed", True)
    assert "replies[0].when" in error.message


async def test_journal_has_a_line_per_call_really_served(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, ERRORS, f"{PRICE}, journal: served.jsonl")
    await failure_of(catalogue, asked("busy"), 1)
    await failure_of(catalogue, asked("busy"), 2)
    result = await attempt(catalogue, asked("busy"), 3)
    lines = [json.loads(line) for line in (tmp_path / "served.jsonl").read_text().splitlines()]
    assert [(line["key"], line["attempt"], line["billed"]) for line in lines] == [
        ("k", 1, False),
        ("k", 2, False),
        ("k", 3, True),
    ]
    assert result.usage is not None
    assert lines[2]["usage"]["cost_nano"] == result.usage.cost_nano > 0
    assert [line["usage"]["tokens"] for line in lines[:2]] == [0, 0]


async def test_attempts_without_an_activity_count_as_the_first(tmp_path: Path) -> None:
    catalogue = scripted(tmp_path, ERRORS)
    result = await call_model(means_of(catalogue), "scripted", model_call(asked()), Heard())
    assert output_of(result).text == "done"


async def test_a_cut_answer_is_billed_and_not_given(tmp_path: Path) -> None:
    extra = f"{PRICE}, journal: served.jsonl"
    heard, catalogue = Heard(), scripted(tmp_path, "replies: [{default: true, text: abcdefgh, cut: true}]", extra)
    with pytest.raises(ApplicationError) as caught:
        await attempt_call(catalogue, asked(), Attempt("scripted"), heard)
    assert (caught.value.type, caught.value.non_retryable) == ("MaybeBilled", True)
    assert heard.said[-1] == ("abcd", 4)
    (line,) = (tmp_path / "served.jsonl").read_text().splitlines()
    assert json.loads(line)["billed"] is True


@pytest.mark.parametrize(
    "reply", ["{default: true, text: a, cut: 1}", "{default: true, error: {status: 529}, cut: true}"]
)
def test_only_an_answer_can_be_cut(tmp_path: Path, reply: str) -> None:
    with pytest.raises(DocumentError, match="cut: true"):
        scripted(tmp_path, f"replies: [{reply}]")
