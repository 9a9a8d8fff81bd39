"""The scripted provider in a conversation: it asks for tools, sees their results, and sums up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.blobs import DirectoryBlobs
from activities.models.catalogue import load_catalogue
from activities.models.means import Means
from activities.models.replies import read_replies
from activities.tools.files import read
from policies.reading import Reader
from tests.support.conversations import user
from tests.support.model_calls import Attempt, Heard, attempt_with, means_of, output_of
from tests.support.turns import READ, agent_args, found
from workflows.contracts.calls import CallResult, ModelOutput
from workflows.contracts.conversation import Compact, Message, Part, ToolAnswer

REVIEW = """
replies:
  - when: "turn == 0 && prompt.contains('review') && tools == ['fs.read']"
    text: Let me look.
    tool_calls: [{name: fs.read, args: {path: a.py}}, {name: fs.read}]
  - {when: "compacting && system.startsWith('You condense')", text: "a.py was read."}
  - {when: "turn == 1 && last_tool.is_error && last_tool.text.contains('no such file')", text: It is not there.}
  - {when: "turn == 1 && last_tool.name == 'fs.read' && last_tool.text == 'whole' && messages == 3", text: Fine.}
  - {default: true, text: done}
"""


def scripted(root: Path, replies: str) -> Means:
    (root / "replies.yaml").write_text(replies)
    entry = "provider: scripted, script: replies.yaml, price: {input: 1, output: 5}"
    (root / "models.yaml").write_text(f"models: {{default: {{{entry}}}}}\n")
    catalogue = load_catalogue(root / "models.yaml", None, environ={})
    return means_of(catalogue, read, blobs=DirectoryBlobs(root / "blobs"))


async def turn(means: Means, *messages: Message, key: str, heard: Heard | None = None, **fields: Any) -> CallResult:
    args = agent_args(*messages, **{"model": "scripted", "toolset": (READ,), **fields})
    return await attempt_with(means, args, Attempt("scripted", key=key, run="t/g/1"), heard)


async def first_turn(means: Means, **fields: Any) -> ModelOutput:
    return output_of(await turn(means, user("Please review."), key="1" * 64, **fields))


async def test_script_asks_for_tools_and_sees_what_they_gave(tmp_path: Path) -> None:
    means = scripted(tmp_path, REVIEW)
    first = await first_turn(means)
    assert (first.text, first.stop_reason) == ("Let me look.", "tool_use")
    assert [(call.id, call.name, call.args) for call in first.tool_calls] == [
        ("call_11111111_1", "fs.read", {"path": "a.py"}),
        ("call_11111111_2", "fs.read", {}),
    ]
    assert await first_turn(means) == first
    ref = await means.transcripts.keep(b"whole", "t")
    told = user("", found("call_11111111_1"), found("call_11111111_2", Part(ref=ref)))
    last = output_of(await turn(means, told, key="2" * 64, transcript=first.transcript))
    assert (last.text, last.stop_reason, last.tool_calls) == ("Fine.", "end_turn", ())
    error = ToolAnswer(id="call_11111111_2", content=(Part(text="no such file"),), is_error=True)
    failed = output_of(await turn(means, user("", error), key="3" * 64, transcript=first.transcript))
    assert failed.text == "It is not there."


async def test_script_knows_a_summary_from_a_turn(tmp_path: Path) -> None:
    means = scripted(tmp_path, REVIEW)
    first = await first_turn(means)
    told = user("", found("call_11111111_1"), found("call_11111111_2"))
    second = output_of(await turn(means, told, key="2" * 64, transcript=first.transcript))
    fields: dict[str, Any] = {"transcript": second.transcript, "toolset": (), "compact": Compact(how="summary", keep=1)}
    assert output_of(await turn(means, key="4" * 64, **fields)).text == "a.py was read."


async def test_tokens_are_estimated_over_all_that_is_told(tmp_path: Path) -> None:
    means = scripted(tmp_path, REVIEW)
    result = await turn(means, user("Please review."), key="1" * 64, system="s" * 400)
    bare = await turn(means, user("Please review."), key="5" * 64, toolset=())
    assert result.usage is not None
    assert bare.usage is not None
    assert result.usage.input_tokens - bare.usage.input_tokens > 100 + len(read.description) // 4
    assert result.usage.output_tokens == -(
        -(len("Let me look.") + len('fs.read{"path":"a.py"}') + len("fs.read{}")) // 4
    )
    ref = await means.transcripts.keep(b"x" * 4000, "t")
    transcript = output_of(result).transcript
    told = user("", found("call_11111111_1", Part(ref=ref)), found("call_11111111_2"))
    after = await turn(means, told, key="6" * 64, transcript=transcript)
    assert after.usage is not None
    assert after.usage.input_tokens > result.usage.input_tokens + 1000


@pytest.mark.parametrize(
    ("max_tokens", "faults", "text"),
    [(100, [None, None], "Let me look."), (5, ["cut"], "Let me look."), (2, [], "Let me l")],
)
async def test_calls_over_max_tokens_are_cut_off_as_a_provider_would(
    tmp_path: Path, max_tokens: int, faults: list[str | None], text: str
) -> None:
    result = await turn(scripted(tmp_path, REVIEW), user("Please review."), key="1" * 64, max_tokens=max_tokens)
    output = output_of(result)
    assert output.text == text
    assert output.stop_reason == ("tool_use" if max_tokens == 100 else "max_tokens")
    assert [call.fault and call.fault.partition("arguments are ")[2][:3] for call in output.tool_calls] == faults
    assert result.usage is not None
    assert result.usage.output_tokens <= max_tokens


async def test_usage_as_written_cuts_nothing(tmp_path: Path) -> None:
    reply = (
        "{default: true, tool_calls: [{name: fs.read, args: {path: aaaaaaaaaaaaaaaaaaaa}}], usage: {output_tokens: 7}}"
    )
    result = await turn(scripted(tmp_path, f"replies: [{reply}]"), user("Review."), key="1" * 64, max_tokens=1)
    assert (output_of(result).tool_calls[0].fault, output_of(result).text) == (None, "")
    assert result.usage is not None
    assert (result.usage.input_tokens, result.usage.output_tokens) == (0, 7)


async def test_progress_names_the_tool_call_that_is_written(tmp_path: Path) -> None:
    heard = Heard()
    await turn(scripted(tmp_path, REVIEW), user("Please review."), key="1" * 64, heard=heard)
    assert heard.tools == ["fs.read", "fs.read"]
    assert heard.said[-1] == ("Let me look.", 12)


async def test_no_match_prints_the_last_result_and_the_tools(tmp_path: Path) -> None:
    means = scripted(tmp_path, "replies: [{when: 'turn == 9', text: x}]")
    with pytest.raises(ApplicationError) as caught:
        await turn(means, user("Review."), key="1" * 64)
    for part in ('tools: ["fs.read"]', "compacting: false", 'last_tool: {"name": ""'):
        assert part in caught.value.message


def test_arguments_that_are_not_json_are_a_mistake_of_the_script() -> None:
    reader = Reader()
    call = {"name": "fs.read", "args": {"size": float("nan")}}
    read_replies({"replies": [{"default": True, "tool_calls": [call]}]}, reader)
    assert [(problem.code, problem.path) for problem in reader.problems] == [
        ("wrong_value", "replies[0].tool_calls[0].args")
    ]
