"""A conversation with more images than a request has room for goes on, with the latest of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.models.room import MEDIA_BYTES, MEDIA_COUNT, within_room
from tests.support.conversations import user
from tests.support.pictures import png
from tests.support.turns import found, says, talk, wants
from workflows.contracts.compaction import note_of
from workflows.contracts.conversation import Message, Part, Ref, ToolAnswer

MIB = 1024 * 1024


def shown(number: int, size_bytes: int, media: str = "image/png") -> ToolAnswer:
    """The result of a call that gave an image."""
    digest = f"{number:064x}"
    ref = Ref(uri=f"blob:t/{digest}", digest=digest, size_bytes=size_bytes)
    return ToolAnswer(id=f"c{number}", content=(Part(text=f"`{number}.png`"), Part(ref=ref, media=media)))


def left_of(*sizes: int) -> list[bool]:
    """Which of the images, two to a message, are still shown."""
    answers = [shown(number, size) for number, size in enumerate(sizes)]
    asked = Message(role="assistant", content=(Part(text="More."),))
    pairs = [Message(role="user", results=tuple(answers[at : at + 2])) for at in range(0, len(answers), 2)]
    talked = [message for pair in pairs for message in (pair, asked)]
    told = within_room(talked)
    assert [message.content for message in told] == [message.content for message in talked]
    results = [result for message in told for result in message.results]
    for before, after in zip(answers, results, strict=True):
        assert after.content[0] == before.content[0]
        assert after.content[1] in {before.content[1], note_of(before.content[1])}
    return [result.content[1].media is not None for result in results]


@pytest.mark.parametrize(
    ("sizes", "left"),
    [
        ((), []),
        ((5 * MIB, 20 * MIB), [False, True]),
        ((20 * MIB, 1 * MIB), [True, True]),
        ((1, 20 * MIB, 1, 1 * MIB), [False, False, True, True]),
        ((MEDIA_BYTES, 1), [False, True]),
        ((1,) * MEDIA_COUNT, [True] * MEDIA_COUNT),
        ((1,) * (MEDIA_COUNT + 3), [False] * 3 + [True] * MEDIA_COUNT),
    ],
)
def test_the_latest_images_stay_and_the_others_become_notes(sizes: tuple[int, ...], left: list[bool]) -> None:
    assert left_of(*sizes) == left


def test_text_by_reference_takes_no_room() -> None:
    text = shown(1, 40 * MIB, "text/csv")
    messages = (Message(role="user", results=(text,)),)
    assert within_room(messages) == messages


async def test_a_turn_is_told_with_room_and_kept_as_it_came(tmp_path: Path) -> None:
    uses = [wants(f"c{number}") for number in range(MEDIA_COUNT + 1)]
    agent = talk(tmp_path, says("a", *uses), says("b"))
    await agent.turn(user("Review this."))
    ref = await agent.means.transcripts.keep(png(), "t")
    await agent.turn(user("", *(found(use.id, Part(ref=ref, media="image/png")) for use in uses)))
    told = [result.content[0] for message in agent.provider.asked[1].conversation for result in message.results]
    assert [part.media for part in told] == [None, *["image/png"] * MEDIA_COUNT]
    assert "kept as blob:t/" in (told[0].text or "")
    kept = [result.content[0].media for message in (await agent.kept()).messages for result in message.results]
    assert kept == ["image/png"] * (MEDIA_COUNT + 1)
