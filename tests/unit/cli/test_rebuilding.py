"""What a history holds is made again, to the byte; what it does not hold is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from activities.blobs import DirectoryBlobs
from activities.content import make_content
from activities.redaction import Redactor
from activities.tools.media import Media
from activities.transcripts import Transcript, Transcripts
from cli.rebuilding import ANOTHER, ELSEWHERE, MEDIA, NEVER_HERE, NOT_FROM_HERE, rebuild
from tests.support.pictures import png
from tests.support.written_histories import history
from worker.connect import converter
from workflows.contracts.calls import CallResult, ModelArgs, ModelOutput
from workflows.contracts.conversation import Compact, Content, Message, Part, ToolAnswer, ToolUse
from workflows.contracts.keeping import kept_of

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "default"


@dataclass
class Talk:
    """A conversation as the activities keep it, with the calls that a history would have of it."""

    store: DirectoryBlobs
    said: Transcript = field(default_factory=Transcript)
    calls: list[tuple[dict[str, Any], dict[str, Any] | None]] = field(default_factory=list)

    async def turn(
        self, text: str, *new: Message, compact: Compact | None = None, tools: tuple[ToolUse, ...] = ()
    ) -> None:
        """A model call, kept as `activities.models.telling` keeps it."""
        first = self.said.ref is None
        args = ModelArgs(
            alias="default",
            model="m",
            max_tokens=100,
            agent=True,
            system="Be brief." if first else None,
            messages=new,
            transcript=self.said.ref,
            compact=compact,
        )
        output = ModelOutput(text=text, stop_reason="end_turn", tool_calls=tools)
        kept = kept_of(self.said.messages, args, output)
        transcripts = Transcripts(self.store)
        if kept.beginning:
            system = args.system or self.said.system
            self.said = await transcripts.begin(kept.messages, tenant=TENANT, system=system)
        else:
            self.said = await transcripts.append(self.said, kept.messages, tenant=TENANT, system=args.system)
        told = output.model_copy(update={"transcript": self.said.ref, "transcript_bytes": self.said.in_bytes})
        result = CallResult(output=told.model_dump(mode="json"))
        self.calls.append(({"args": args.model_dump(mode="json")}, result.model_dump(mode="json")))

    async def tool(self, output: object) -> Content:
        """A tool's call."""
        content = await make_content(output, Transcripts(self.store), TENANT, Redactor())
        self.calls.append(({"args": {}}, CallResult(content=content).model_dump(mode="json")))
        return content

    async def rounds(self, count: int) -> None:
        """Turns with a tool's long answer in each."""
        for number in range(count):
            content = await self.tool(f"{number} " * 400)
            answer = ToolAnswer(id=f"t{number}", content=(Part(ref=content.ref),))
            use = ToolUse(id=f"t{number + 1}", name="fs.read", args={"n": number, "half": 0.5})
            new = Message(role="user", results=(answer,) if number else (), content=(Part(text="go on"),))
            await self.turn(f"turn {number}", new, tools=(use,))


@pytest.fixture(name="talk")
def make_talk(tmp_path: Path) -> Talk:
    return Talk(DirectoryBlobs(tmp_path / "blobs"))


async def names(store: DirectoryBlobs) -> set[str]:
    return {found.name async for found in store.listing()}


async def test_a_conversation_is_made_again_over_compactions_and_histories(talk: Talk, tmp_path: Path) -> None:
    await talk.rounds(40)
    await talk.turn("what was before", compact=Compact(how="summary", keep=4))
    half = len(talk.calls)
    await talk.rounds(10)
    await talk.turn("shorter", Message(role="user", content=(Part(text="?"),)), compact=Compact(how="elide", keep=2))
    await talk.rounds(3)
    empty = DirectoryBlobs(tmp_path / "empty")
    found = await rebuild(empty, [history(talk.calls[:half]), history(talk.calls[half:])], TENANT)
    assert found.lost == {}
    assert set(found.restored) == await names(empty) == await names(talk.store)
    assert await Transcripts(empty).load(talk.said.ref, TENANT) == talk.said


async def test_what_an_earlier_history_held_is_taken_from_the_store_or_said_to_be_lost(talk: Talk) -> None:
    await talk.rounds(3)
    before, earlier = await names(talk.store), len(talk.calls)
    await talk.rounds(2)
    after = await names(talk.store) - before
    for name in after:
        (talk.store._root / name).unlink()
    found = await rebuild(talk.store, [history(talk.calls[earlier:])], TENANT)
    assert (set(found.restored), found.lost) == (after, {})
    segments = [
        digest for digest in talk.said.segments if f"tenants/{TENANT}/sha256/{digest[:2]}/{digest[2:]}" in before
    ]
    for digest in segments:
        (talk.store._root / f"tenants/{TENANT}/sha256/{digest[:2]}/{digest[2:]}").unlink()
    for name in after:
        (talk.store._root / name).unlink()
    found = await rebuild(talk.store, [history(talk.calls[earlier:])], TENANT)
    assert set(found.lost.values()) == {NOT_FROM_HERE}
    assert len(found.lost) == 2


async def test_what_no_history_ever_held_is_said(talk: Talk, tmp_path: Path) -> None:
    content = await talk.tool("x" * 70_000)
    assert content.whole is not None
    (stored,) = await converter(talk.store).encode(["y" * 100_000])
    empty = DirectoryBlobs(tmp_path / "empty")
    found = await rebuild(empty, [history(talk.calls, stored)], TENANT)
    assert len(found.restored) == 2  # the cut text, and the whole result: so large a one is a payload of its own
    assert sorted(found.lost.values()) == sorted([NEVER_HERE, ELSEWHERE])
    for restored in (1, 0):
        found = await rebuild(talk.store, [history(talk.calls, stored)], TENANT)
        assert (len(found.restored), found.lost) == (restored, {})


async def test_an_image_is_said_to_be_lost_and_the_conversation_around_it_is_made_again(
    talk: Talk, tmp_path: Path
) -> None:
    content = await talk.tool(Media(png(), "image/png"))
    use = ToolUse(id="t1", name="fs.view", args={"path": "a.png"})
    await talk.turn("I look", Message(role="user", content=(Part(text="look"),)), tools=(use,))
    shown = ToolAnswer(id="t1", content=(Part(text=content.text), Part(ref=content.ref, media=content.media)))
    await talk.turn("Black.", Message(role="user", results=(shown,)))
    empty = DirectoryBlobs(tmp_path / "empty")
    found = await rebuild(empty, [history(talk.calls)], TENANT)
    assert list(found.lost.values()) == [MEDIA.format(media="image/png")]
    assert await names(empty) == await names(talk.store) - found.lost.keys()
    assert await Transcripts(empty).load(talk.said.ref, TENANT) == talk.said
    assert (await rebuild(talk.store, [history(talk.calls)], TENANT)).lost == {}


async def test_a_history_that_gives_another_conversation_restores_nothing_wrong(talk: Talk, tmp_path: Path) -> None:
    await talk.rounds(2)
    given, result = talk.calls[-1]
    assert result is not None
    forged = [*talk.calls[:-1], (given, {**result, "output": {**result["output"], "text": "forged"}})]
    said = talk.calls[0][1]
    assert said is not None
    forged[0] = (talk.calls[0][0], {**said, "content": {**said["content"], "text": "forged"}})
    empty = DirectoryBlobs(tmp_path / "empty")
    found = await rebuild(empty, [history(forged)], TENANT)
    assert sorted(found.lost.values()) == [ANOTHER, ANOTHER]
    assert await names(empty) < await names(talk.store)


async def test_results_that_are_none_of_ours_are_passed_over(talk: Talk) -> None:
    odd: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
        ({"args": {"agent": True}}, {"output": "x"}),
        ({"args": {"agent": True, "alias": "a", "model": "m", "max_tokens": 1}}, {"output": 3}),
        (
            {"args": {"agent": True, "alias": "a", "model": "m", "max_tokens": 1}},
            {"output": {"text": "x", "stop_reason": "y"}},
        ),
        ({}, {"content": 3}),
        ({}, None),
    ]
    found = await rebuild(talk.store, [history(odd)], TENANT)
    assert (found.restored, found.lost) == ([], {})
