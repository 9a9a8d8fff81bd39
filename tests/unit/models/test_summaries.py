"""Conversations that have grown too long: a summary stands for the older part, or notes for its results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from activities.blobs import DirectoryBlobs
from activities.models.provider import Reply
from activities.models.summary import SHOWN_CHARS, SYSTEM, summary_request
from activities.transcripts import Transcripts
from tests.support.conversations import assistant, flaws, user
from tests.support.turns import READ, Talk, found, says, talk, wants
from workflows.contracts.compaction import SUMMARY_HEADING
from workflows.contracts.conversation import Compact, Message, Part, ToolUse
from workflows.contracts.repair import repair

SUMMARY: dict[str, Any] = {"compact": Compact(how="summary", keep=2), "toolset": ()}
ELIDE: dict[str, Any] = {"compact": Compact(how="elide", keep=2)}
TOLD = f"{SUMMARY_HEADING}\n\nfs.read found nothing."


async def long_talk(root: Path, *more: Reply, size: int = 2000) -> Talk:
    """Four turns: one call denied, three answered with long texts, the last call still open."""
    agent = talk(root, *(says(f"look {n}", wants(f"c{n}")) for n in range(4)), *more)
    await agent.turn(user("Review this."), system="Be brief.")
    for n in range(3):
        ref = await agent.means.transcripts.keep(f"{n}".encode() * size, "t")
        await agent.turn(user("", found(f"c{n}", Part(ref=ref), denied=n == 0)))
    return agent


async def test_summary_takes_the_place_of_the_older_part(tmp_path: Path) -> None:
    agent = await long_talk(tmp_path, says("fs.read found nothing."), says("done"))
    output = await agent.turn(**SUMMARY, transcript=agent.transcript)
    assert (output.text, output.tool_calls) == ("fs.read found nothing.", ())
    kept = await agent.kept()
    assert kept.system == "Be brief."
    assert len(kept.segments) == 1
    texts = [part.text for message in kept.messages for part in message.content]
    assert texts == ["Review this.", TOLD, "look 2", "look 3"]
    assert [answer.id for message in kept.messages for answer in message.results] == ["c0", "c2"]
    await agent.turn(user("", found("c3")))
    told = agent.provider.asked[-1]
    assert flaws(told.conversation) == []
    assert told.system == "Be brief."
    assert [part.text for part in told.conversation[0].content] == ["Review this.", TOLD]
    assert output.transcript_bytes == kept.in_bytes


async def test_summary_is_asked_for_apart_from_the_conversation(tmp_path: Path) -> None:
    agent = await long_talk(tmp_path, says("short"), size=6)
    await agent.turn(**SUMMARY)
    ask = agent.provider.asked[-1]
    (request,) = ask.conversation
    text = request.content[0].text or ""
    assert (ask.compacting, ask.system, ask.tools, ask.opened) == (True, SYSTEM, (), {})
    assert "at most 50 words" in text
    for shown in ("[denial of fs.read]\n000000", "[result of fs.read]\n111111", '[assistant calls fs.read]\n{"path"'):
        assert shown in text
    for stays in ("Review this.", "222222", "look 3"):
        assert stays not in text


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (says(" \n"), "the summary is empty"),
        (says("It is", stop="max_tokens"), "the summary is not whole (stop reason `max_tokens`)"),
        (says("I will not.", stop="refusal"), "the summary is not whole (stop reason `refusal`)"),
        (says("", wants("c9")), "it was offered none"),
    ],
)
async def test_summary_that_is_none_fails_and_was_billed(tmp_path: Path, reply: Reply, words: str) -> None:
    agent = await long_talk(tmp_path, reply)
    before = agent.transcript
    error = await agent.failure(**SUMMARY)
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == ("ModelFailed", True, "yes")
    assert words in error.message
    assert agent.transcript == before


async def test_nothing_is_summed_up_where_nothing_is_old(tmp_path: Path) -> None:
    agent = talk(tmp_path, says("a"))
    await agent.turn(user("Review this."))
    error = await agent.failure(**SUMMARY)
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == ("ModelFailed", True, "no")


async def test_lost_content_of_the_older_part_fails_the_summary(tmp_path: Path) -> None:
    agent = await long_talk(tmp_path, says("short"))
    for file in (path for path in (tmp_path / "blobs").rglob("*") if path.is_file() and path.stat().st_size == 2000):
        file.unlink()
    # A worker that remembers nothing of it.
    agent.means = replace(agent.means, transcripts=Transcripts(DirectoryBlobs(tmp_path / "blobs")))
    assert (await agent.failure(**SUMMARY)).type == "BlobLost"


async def test_results_give_way_to_references_on_the_way_of_a_turn(tmp_path: Path) -> None:
    agent = await long_talk(tmp_path, says("done"))
    output = await agent.turn(user("", found("c3")), **ELIDE)
    told = agent.provider.asked[-1]
    kept = await agent.kept()
    texts = [part.text for message in kept.messages for answer in message.results for part in answer.content]
    assert texts[0] is None  # denied, so it stays
    assert (texts[1] or "").startswith("[left out to save room: 2000 bytes of text, kept as blob:t/")
    assert texts[2:] == [None, "found"]
    assert kept.messages[-1] == assistant("done")
    assert told.conversation == kept.messages[:-1] == repair(kept.messages)[:-1]
    assert len(told.opened) == 2
    assert (output.text, kept.system, len(kept.segments)) == ("done", "Be brief.", 1)
    assert told.tools[0].name == READ.partition("@")[0]


def test_fence_is_longer_than_any_in_the_material_and_long_pieces_are_cut() -> None:
    image = Part.model_validate({"ref": {"uri": "u", "digest": "d", "size_bytes": 9}, "media": "image/png"})
    older = [
        user("````\nnot the end\n````"),
        Message(role="assistant", tool_calls=(ToolUse(id="c1", name="fs.read", args={"path": "é"}),)),
        Message(role="user", results=(found("c1", Part(text="x" * SHOWN_CHARS + "y" * SHOWN_CHARS), image),)),
    ]
    text = summary_request(older, lambda part: part.text or "", 1000).content[0].text or ""
    assert text.count("`````") == 2
    assert text.endswith("`````")
    assert '{"path": "é"}' in text
    assert f"x\n({SHOWN_CHARS} characters are left out)\ny" in text
    assert "(image/png, 9 bytes)" in text
