"""A tool's output as a model reads it: cut with a note, kept by reference, without secrets."""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING

import pytest
from temporalio.exceptions import ApplicationError

from activities.blobs import DirectoryBlobs
from activities.content import make_content
from activities.redaction import REDACTED, Redactor
from activities.tools.declare import Effect, Risk, Tool, ToolContext, tool
from activities.transcripts import Transcripts
from policies.canonical import canonical
from tests.support.calls import attempt, call, card_digest, reach
from workflows.contracts.calls import CallResult
from workflows.contracts.conversation import MODEL_CHARS, Content, Part, Ref
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "sk-live-0123456789abcdef"
SPELLINGS = (SECRET, base64.b64encode(f"user:{SECRET}".encode()).decode(), SECRET.encode().hex())


@pytest.fixture(name="blobs")
def make_blobs(tmp_path: Path) -> DirectoryBlobs:
    return DirectoryBlobs(tmp_path / "blobs")


async def content_of(output: object, blobs: DirectoryBlobs, *secrets: str) -> Content:
    return await make_content(output, Transcripts(blobs), "acme", Redactor(secrets))


async def opened(blobs: DirectoryBlobs, ref: Ref | None) -> str:
    assert ref is not None
    return (await Transcripts(blobs).open(Part(ref=ref), "acme")).decode()


async def everything(blobs: DirectoryBlobs) -> bytes:
    found = [one.name async for one in blobs.listing()]
    return b"".join((blobs._root / name).read_bytes() for name in found)


async def test_short_text_is_given_as_it_is_and_nothing_is_kept(blobs: DirectoryBlobs) -> None:
    assert await content_of("x" * 512, blobs) == Content(text="x" * 512)
    assert await everything(blobs) == b""


async def test_longer_text_is_kept_as_the_very_text(blobs: DirectoryBlobs) -> None:
    for text in ("x" * 513, "é" * 257, "x" * MODEL_CHARS):
        content = await content_of(text, blobs)
        assert (content.text, content.whole) == (text, None)
        assert await opened(blobs, content.ref) == text
        assert content.ref is not None
        assert content.ref.uri == f"blob:acme/{content.ref.digest}"


async def test_what_is_no_text_is_canonical_json(blobs: DirectoryBlobs) -> None:
    output = {"b": [1, 2.5, None, True], "a": "é"}
    assert (await content_of(output, blobs)).text == canonical(output).decode() == '{"a":"é","b":[1,2.5,null,true]}'
    assert (await content_of(None, blobs)).text == "null"


@pytest.mark.parametrize("chars", [MODEL_CHARS + 1, 123_456])
async def test_too_long_a_text_is_cut_with_a_note_and_kept_whole(blobs: DirectoryBlobs, chars: int) -> None:
    whole = "".join(chr(97 + number % 26) for number in range(chars))
    content = await content_of(whole, blobs)
    kept, _, note = content.text.partition("\n")
    assert len(content.text) <= MODEL_CHARS
    assert whole.startswith(kept)
    assert (
        note == f"[cut here: {chars - len(kept):,} of {chars:,} characters are missing; all of it is kept by reference]"
    )
    assert await opened(blobs, content.whole) == whole
    assert await opened(blobs, content.ref) == content.text


async def test_half_a_character_does_not_part_the_text_from_its_blob(blobs: DirectoryBlobs) -> None:
    content = await content_of("\ud800" + "x" * 600, blobs)
    assert await opened(blobs, content.ref) == content.text == "?" + "x" * 600


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_secret_never_reaches_the_text_or_a_blob(blobs: DirectoryBlobs, spelling: str) -> None:
    for output in (
        f"{'x' * 600} {spelling}",
        {"env": [spelling], "pad": "x" * 600},
        "y" * (MODEL_CHARS + 9) + spelling,
    ):
        careless = await content_of(output, blobs)
        assert spelling in careless.text or careless.whole is not None
    assert spelling.encode() in await everything(blobs)  # without the redactor it would be there
    clean = DirectoryBlobs(blobs._root.parent / "clean")
    for output in (
        f"{'x' * 600} {spelling}",
        {"env": [spelling], "pad": "x" * 600},
        "y" * (MODEL_CHARS + 9) + spelling,
    ):
        content = await content_of(output, clean, SECRET)
        assert spelling not in content.text
        assert REDACTED in await opened(clean, content.whole or content.ref)
    assert spelling.encode() not in await everything(clean)


async def test_secret_across_the_cut_leaves_no_part_of_itself(blobs: DirectoryBlobs) -> None:
    for before in range(MODEL_CHARS - 130, MODEL_CHARS + 3, 7):
        content = await content_of("y" * before + SECRET + "z" * 500, blobs, SECRET)
        assert "sk-l" not in content.text


def saying(effect: Effect, text: str) -> Tool:
    @tool("text.say", effect=effect, risk=Risk.LOW, timeout="5s")
    async def say(context: ToolContext) -> str:
        """Say it."""
        return text

    return say


async def test_call_for_a_model_gives_content_and_another_its_output(tmp_path: Path) -> None:
    parts = reach(tmp_path, saying(Effect.READ, f"{'x' * 600} {SECRET}"))
    parts = dataclasses.replace(parts, redactor=Redactor([SECRET]))
    asked = call("text.say", {}, card_digest(parts, "text.say"))
    assert (await attempt(parts, asked))["output"] == f"{'x' * 600} {REDACTED}"
    result = CallResult.model_validate(await attempt(parts, {**asked, "content": True}))
    assert result.output is None
    assert result.content is not None
    assert result.content.text == f"{'x' * 600} {REDACTED}"
    assert result.content.ref is not None
    stored = await parts.blobs.get(result.content.ref.digest, "default")
    assert stored.decode() == result.content.text


@pytest.mark.parametrize(
    ("effect", "kind", "final"),
    [(Effect.READ, FailureType.TOOL_FAILED, False), (Effect.ONCE, FailureType.UNCERTAIN, True)],
)
async def test_result_that_cannot_be_kept_is_read_again_but_no_effect_is_repeated(
    tmp_path: Path, effect: Effect, kind: FailureType, final: object
) -> None:
    parts = reach(tmp_path, saying(effect, "x" * 600))
    (tmp_path / "blobs" / "tenants").mkdir(parents=True)
    (tmp_path / "blobs" / "tenants" / "default").touch()
    asked = call("text.say", {}, card_digest(parts, "text.say"), content=True)
    with pytest.raises(ApplicationError, match="what it gave could not be kept: blob store") as caught:
        await attempt(parts, asked)
    assert (caught.value.type, caught.value.non_retryable) == (kind, final)
