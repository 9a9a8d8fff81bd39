"""A tool's output as a model is shown it, kept so that history needs it only once."""

from __future__ import annotations

import asyncio

from activities.redaction import Redactor
from activities.tools.media import Media
from activities.transcripts import Transcripts
from policies.canonical import canonical
from workflows.contracts.conversation import INLINE_BYTES, MODEL_CHARS, Content

_CUT = "\n[cut here: {missing:,} of {whole:,} characters are missing; all of it is kept by reference]"


class Unshowable(Exception):
    """What a tool gave must not be shown to a model; the words say why."""


async def make_content(output: object, transcripts: Transcripts, tenant: str, redactor: Redactor) -> Content:
    """The output as text, at most `MODEL_CHARS` of it; what is longer than `INLINE_BYTES` is also kept as a blob.

    Text stays as it is, all else becomes canonical JSON. What is cut is kept whole. No value of a secret gets into the
    text, hence into the store, which outlives the call. An image or a document is kept as it is, with a text that says
    what it is. Raises `BlobError`, `NotCanonical` for what is no JSON, and `Unshowable` for a document with a secret.
    """
    if isinstance(output, Media):
        return await _media_content(output, transcripts, tenant, redactor)
    whole = _clean(_text_of(redactor.value(output)), redactor)
    text = _shortened(whole)
    data = text.encode()
    return Content(
        text=text,
        ref=await transcripts.keep(data, tenant) if len(data) > INLINE_BYTES else None,
        whole=await transcripts.keep(whole.encode(), tenant) if text is not whole else None,
    )


async def _media_content(given: Media, transcripts: Transcripts, tenant: str, redactor: Redactor) -> Content:
    """What is said of an image or a document, and the reference to it."""
    if await asyncio.to_thread(redactor.finds_in, given.data):
        words = f"what it gave holds the value of a secret, which cannot be taken out of {given.media}"
        raise Unshowable(f"{words}; it was not kept")
    ref = await transcripts.keep(given.data, tenant)
    return Content(text=_clean(given.said, redactor), ref=ref, media=given.media)


def _text_of(output: object) -> str:
    return output if isinstance(output, str) else canonical(output).decode()


def _clean(text: str, redactor: Redactor) -> str:
    """Without secrets, and without half characters, which have no UTF-8: the blob must hold the very text."""
    return redactor.text(text).encode("utf-8", "replace").decode()


def _shortened(whole: str) -> str:
    """The beginning, with a note that says how much is missing; the whole where it is short enough."""
    if len(whole) <= MODEL_CHARS:
        return whole
    longest = _CUT.format(missing=len(whole), whole=len(whole))
    kept = MODEL_CHARS - len(longest)
    return whole[:kept] + _CUT.format(missing=len(whole) - kept, whole=len(whole))
