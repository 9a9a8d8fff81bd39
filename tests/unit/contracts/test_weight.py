"""What content counts for, where it is measured and where it is reserved for."""

from __future__ import annotations

import pytest

from workflows.contracts.compaction import elided, note_of
from workflows.contracts.conversation import MEDIA_TOKENS, Message, Part, Ref, ToolAnswer, ToolUse, weight_of

DIGEST = "ab" * 32


def at(size_bytes: int, media: str | None = None) -> Part:
    return Part(ref=Ref(uri=f"blob:t/{DIGEST}", digest=DIGEST, size_bytes=size_bytes), media=media)


@pytest.mark.parametrize(
    ("part", "weight"),
    [
        (Part(text="é"), 2),
        (Part(text="\ud800"), 3),
        (Part(), 0),
        (at(70_000), 70_000),
        (at(70_000, "text/csv"), 70_000),
        (at(3_000_000, "image/png"), MEDIA_TOKENS),
        (at(1, "image/webp"), MEDIA_TOKENS),
        (at(1, "application/pdf"), MEDIA_TOKENS),
        (at(70_000, "application/pdf"), 70_000),
    ],
)
def test_an_image_counts_for_a_constant_and_all_else_for_its_bytes(part: Part, weight: int) -> None:
    assert weight_of(part) == weight


def test_a_compaction_weighs_images_and_not_their_bytes() -> None:
    image = at(3_000_000, "image/png")
    talk = [Message(role="user", content=(Part(text="begin"),))]
    for number in range(4):
        shown = (Part(text="`a.png`"), image) if number == 0 else (at(4_000),)
        talk.append(Message(role="assistant", tool_calls=(ToolUse(id=f"c{number}", name="x"),)))
        talk.append(Message(role="user", results=(ToolAnswer(id=f"c{number}", content=shown),)))
    shorter = [result.content for message in elided(talk, 1) for result in message.results]
    assert shorter[0] == (Part(text="`a.png`"), note_of(image))
    assert "3000000 bytes of image/png, kept as blob:t/" in (note_of(image).text or "")
    assert shorter[1][0].ref is None, "of 17,000 the image is 5,000: half is reached with the next one"
    assert shorter[2:] == [(at(4_000),), (at(4_000),)]


def test_a_short_text_stays_and_a_small_image_does_not() -> None:
    assert note_of(at(10)) == at(10)
    assert note_of(at(10, "image/png")).ref is None
