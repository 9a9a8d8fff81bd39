"""An agent's turns: the model is told the whole conversation, and what is new is kept as one segment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from activities.blobs import DirectoryBlobs
from activities.models.aliases import Catalogue
from activities.ports import BlobError
from activities.redaction import Redactor
from activities.tools.files import read
from activities.transcripts import Transcripts
from tests.support.conversations import assistant, flaws, user
from tests.support.turns import READ, found, says, talk, wants
from workflows.contracts.agent_tools import REQUEST_CAPABILITY, REQUEST_DIGEST
from workflows.contracts.conversation import Message, Part, Ref, ToolUse
from workflows.contracts.keeping import kept_of

SCHEMA = {"type": "object", "required": ["findings"], "properties": {"findings": {"type": "array"}}}
SECRET = "s3cret-value-of-a-reference"
THOUGHT: tuple[dict[str, Any], ...] = ({"type": "thinking", "thinking": "hm", "signature": "x"},)


async def test_conversation_goes_on_from_its_transcript(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("Let me look.", wants("c1"), raw=THOUGHT), says("Nothing to report."))
    first = await agent.turn(user("Review this."), system="Be brief.")
    assert (first.text, first.stop_reason, first.tool_calls) == ("Let me look.", "tool_use", (wants("c1"),))
    last = await agent.turn(user("", found("c1")))
    assert (last.text, last.stop_reason, last.tool_calls) == ("Nothing to report.", "end_turn", ())
    told = agent.provider.asked[1]
    asked = Message(
        role="assistant", content=(Part(text="Let me look."),), tool_calls=(wants("c1"),), raw=THOUGHT, provider="told"
    )
    assert told.conversation == (user("Review this."), asked, user("", found("c1")))
    assert told.system == "Be brief."
    kept = await agent.kept()
    assert (kept.system, kept.messages) == ("Be brief.", (*told.conversation, assistant("Nothing to report.")))
    assert last.transcript_bytes == kept.in_bytes > 0


async def test_a_turn_is_one_segment_that_its_history_makes_again(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("a", wants("c1")), says("b"))
    again = Transcripts(DirectoryBlobs(tmp_path / "rebuilt"))
    before = await again.load(None, "t")
    for number, message in enumerate((user("Review this."), user("", found("c1")))):
        system = None if number else "Be brief."
        output = await agent.turn(message, system=system)
        args = agent.provider.asked[number].args
        kept = kept_of(before.messages, args, output)
        assert not kept.beginning
        before = await again.append(before, kept.messages, tenant="t", system=args.system)
        assert before.ref == output.transcript
        assert len((await agent.kept()).segments) == number + 1


async def test_tools_are_offered_by_name_and_digest(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("done"))
    await agent.turn(user("Review this."), toolset=(READ, f"{REQUEST_CAPABILITY}@{REQUEST_DIGEST}"))
    (file, request) = agent.provider.asked[0].tools
    assert (file.name, request.name) == ("fs.read", "request_capability")
    assert file.description == read.description
    assert file.input_schema == {key: value for key, value in read.card.input_schema.items() if key != "description"}
    schema: dict[str, Any] = dict(request.input_schema)
    assert set(schema["required"]) == {"kind", "name", "reason"}
    assert "description" not in schema


@pytest.mark.parametrize(
    ("entry", "kind", "retryable", "words"),
    [
        ("fs.read@ffffffffffff", "ToolChanged", False, "`fs.read` is not what the run knows"),
        (f"{REQUEST_CAPABILITY}@ffffffffffff", "ToolChanged", False, "not what the run knows"),
        ("web.fetch@ffffffffffff", "Gap", True, "`web.fetch`, which it is to be offered, is not on this worker"),
    ],
)
async def test_tool_that_is_another_is_not_offered(
    tmp_path: Path, entry: str, kind: str, *, retryable: bool, words: str
) -> None:
    agent = talk(tmp_path, says("done"))
    error = await agent.failure(user("Review this."), toolset=(READ, entry))
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == (kind, not retryable, "no")
    assert error.details[0]["tool"] == entry.partition("@")[0]
    assert words in error.message
    assert agent.provider.asked == []


async def test_texts_and_media_behind_references_are_opened(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("a", wants("c1")), says("b"))
    text = await agent.means.transcripts.keep("long text é".encode(), "t")
    image = await agent.means.transcripts.keep(b"\x89PNG", "t")
    await agent.turn(Message(role="user", content=(Part(text="See."), Part(ref=image, media="image/png"))))
    await agent.turn(user("", found("c1", Part(ref=text))))
    told = agent.provider.asked[1]
    assert told.text_of(told.conversation[2].results[0].content[0]) == "long text é"
    assert told.data_of(told.conversation[0].content[1]) == b"\x89PNG"
    assert told.opened.keys() == {text.digest, image.digest}


async def test_what_is_no_text_is_not_told_as_one(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("a"))
    ref = await agent.means.transcripts.keep(b"\xff\xfe", "t")
    error = await agent.failure(Message(role="user", content=(Part(ref=ref),)))
    assert (error.type, error.details[0]) == ("BlobLost", {"billed": "no"})
    assert "not the text" in error.message


@pytest.mark.parametrize("lose", ["remove", "damage"])
async def test_lost_segment_fails_before_anything_is_billed(tmp_path: Path, lose: str) -> None:
    agent = talk(tmp_path, says("a", wants("c1")), says("b"))
    await agent.turn(user("Review this."))
    for file in (path for path in (tmp_path / "blobs").rglob("*") if path.is_file()):
        if lose == "remove":
            file.unlink()
        else:
            file.write_bytes(b"{}")
    fresh = replace(agent, means=replace(agent.means, transcripts=Transcripts(DirectoryBlobs(tmp_path / "blobs"))))
    error = await fresh.failure(user("", found("c1")))
    assert (error.type, error.non_retryable, error.details[0]) == ("BlobLost", True, {"billed": "no"})
    assert "detent blobs rebuild t/g/1" in error.message
    assert len(agent.provider.asked) == 1


class Believing(Transcripts):
    """Without the check of the tenant."""

    def _refuse_foreign(self, ref: Ref, owner: str, tenant: str) -> None:
        pass


@pytest.mark.parametrize("where", ["transcript", "part"])
@pytest.mark.parametrize("believes", [False, True])
async def test_content_of_another_tenant_is_refused(tmp_path: Path, where: str, *, believes: bool) -> None:
    agent = talk(tmp_path, says("a"), says("b"))
    await agent.turn(user("The secret of tenant t."))
    ref = agent.transcript if where == "transcript" else await agent.means.transcripts.keep(b"The secret", "t")
    kind = Believing if believes else Transcripts
    thief = replace(agent, means=replace(agent.means, transcripts=kind(DirectoryBlobs(tmp_path / "blobs"))))
    thief.transcript = ref if where == "transcript" else None
    message = user("Tell me.") if where == "transcript" else Message(role="user", content=(Part(ref=ref),))
    if believes:  # the attack itself works
        await thief.turn(message, run="u/g/1")
        told = agent.provider.asked[1]
        assert "The secret" in " ".join(told.text_of(part) for part in told.conversation[0].content)
        return
    error = await thief.failure(message, run="u/g/1")
    assert (error.type, error.non_retryable) == ("PolicyDenied", True)
    assert "is not to content of tenant `u`" in error.message
    assert len(agent.provider.asked) == 1


async def test_conversation_is_mended_before_it_is_told(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("a", wants("c1"), wants("c2")), says("b"))
    await agent.turn(user("Review this."))
    await agent.turn(user("", found("c2"), found("unknown")))
    assert flaws(agent.provider.asked[1].conversation) == []
    (kept,) = (message for message in (await agent.kept()).messages if message.results)
    assert [answer.id for answer in kept.results] == ["c2", "unknown"]  # as it came


@pytest.mark.parametrize("messages", [(), (user(" "),)])
async def test_nothing_is_asked_where_the_user_has_said_nothing(tmp_path: Path, messages: tuple[Message, ...]) -> None:
    agent = talk(tmp_path, says("a"), says("b"))
    error = await agent.failure(*messages)
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == ("ModelFailed", True, "no")
    await agent.turn(user("Review this."))
    assert "nothing is asked" in (await agent.failure(*messages)).message


async def test_ids_that_repeat_are_told_apart_from_the_start(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("", wants("call_0")), says("", wants("call_0")), says("done"))
    await agent.turn(user("Review this."))
    second = await agent.turn(user("", found("call_0")))
    assert [call.id for call in second.tool_calls] == ["call_0_2"]
    await agent.turn(user("", found("call_0_2")))
    assert agent.provider.asked[2].conversation == (await agent.kept()).messages[:-1]


async def test_arguments_that_no_history_can_hold_are_a_fault_of_the_call(tmp_path: Path) -> None:
    odd = ToolUse(id="c1", name="fs.read", args={"path": "\ud800"})
    agent = talk(tmp_path, says("", odd))
    (call,) = (await agent.turn(user("Review this."))).tool_calls
    assert call.args == {}
    assert call.fault is not None
    assert "cannot be kept as JSON" in call.fault


@pytest.mark.parametrize(
    ("text", "output", "fault"),
    [
        ('{"findings": [1]}', {"findings": [1]}, None),
        ("Nothing.", None, "the answer is not JSON"),
        ('{"other": 1}', None, "the answer does not match the schema"),
        ('{"findings": ["\\ud800"]}', None, "the answer cannot be kept as JSON"),
    ],
)
async def test_structured_answer_is_lenient(tmp_path: Path, text: str, output: object, fault: str | None) -> None:
    agent = talk(tmp_path, says("Let me look: {", wants("c1")), says(text))
    turn = await agent.turn(user("Review this."), output_schema=SCHEMA)
    assert (turn.output, turn.fault) == (None, None)  # a turn with calls is no answer yet
    last = await agent.turn(user("", found("c1")), output_schema=SCHEMA)
    assert last.output == output
    assert (last.fault or "").startswith(fault or "")
    assert (last.fault is None) == (fault is None)
    assert (await agent.kept()).messages[-1] == assistant(text)


async def test_secret_reaches_no_blob(tmp_path: Path) -> None:
    agent = talk(tmp_path, says(f"It is {SECRET}.", wants("c1", SECRET)), redactor=Redactor([SECRET]))
    output = await agent.turn(user(f"Say {SECRET}."), system=f"You know {SECRET}.")
    stored = b"".join(path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    assert b"[redacted]" in stored
    assert SECRET.encode() not in stored
    assert SECRET not in output.model_dump_json()
    thought = talk(tmp_path / "thought", says("a", raw=({"thinking": SECRET},)), redactor=Redactor([SECRET]))
    output = await thought.turn(user("Review this."))
    assert (output.content, output.provider) == ((), None)  # changed, its provider would refuse it
    careless = talk(tmp_path / "careless", says(f"It is {SECRET}."))
    await careless.turn(user("Say it."))
    stored = b"".join(path.read_bytes() for path in (tmp_path / "careless").rglob("*") if path.is_file())
    assert SECRET.encode() in stored


class Full(DirectoryBlobs):
    """A store that takes nothing."""

    async def put(self, data: bytes, tenant: str | None = None) -> str:
        raise BlobError(f"no space is left for {len(data)} bytes of {tenant}")


class Shut(DirectoryBlobs):
    """A store that nobody can read for now."""

    async def get(self, digest: str, tenant: str | None = None) -> bytes:
        raise BlobError(f"no answer about {digest} of {tenant}")


async def test_answer_that_cannot_be_kept_fails_and_was_billed(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("a"))
    agent.means = replace(agent.means, transcripts=Transcripts(Full(tmp_path)))
    error = await agent.failure(user("Review this."))
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == ("ModelFailed", True, "yes")
    assert error.details[0]["usage"]["output_tokens"] == 2
    assert "could not be kept: no space is left" in error.message


async def test_store_that_cannot_be_read_is_tried_again(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("a"), says("b"))
    await agent.turn(user("Review this."))
    agent.means = replace(agent.means, transcripts=Transcripts(Shut(tmp_path)))
    error = await agent.failure(user("More."))
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == ("ModelFailed", False, "no")


async def test_answer_over_the_limit_is_not_kept(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("", wants("c1", "x" * 1_100_000)))
    error = await agent.failure(user("Review this."))
    assert (error.type, error.details[0]["billed"]) == ("ResultTooLarge", "yes")
    assert not (tmp_path / "blobs").exists()


async def test_model_that_was_offered_no_tools_may_not_ask_for_one(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("", wants("c1")))
    error = await agent.failure(user("Review this."), agent=False, toolset=())
    assert (error.type, error.details[0]["billed"]) == ("ModelFailed", "yes")
    assert "it was offered none" in error.message


async def test_call_outside_a_conversation_may_refer_to_content(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("a"))
    ref = await agent.means.transcripts.keep(b"long text", "t")
    output = await agent.turn(Message(role="user", content=(Part(ref=ref),)), agent=False, toolset=())
    assert output.transcript is None
    assert agent.provider.asked[0].opened == {ref.digest: b"long text"}
    assert isinstance(agent.means.catalogue, Catalogue)
