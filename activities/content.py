"""A tool's output as the text that a model reads, kept so that history needs it only once."""

from __future__ import annotations

from activities.redaction import Redactor
from activities.transcripts import Transcripts
from policies.canonical import canonical
from workflows.contracts.conversation import INLINE_BYTES, MODEL_CHARS, Content

_CUT = "\n[cut here: {missing:,} of {whole:,} characters are missing; all of it is kept by reference]"


async def make_content(output: object, transcripts: Transcripts, tenant: str, redactor: Redactor) -> Content:
    """The output as text, at most `MODEL_CHARS` of it; what is longer than `INLINE_BYTES` is also kept as a blob.

    Text stays as it is, all else becomes canonical JSON. What is cut is kept whole. No value of a secret gets into the
    text, hence into the store, which outlives the call. Raises `BlobError`, and `NotCanonical` for what is no JSON.
    """
    whole = _clean(_text_of(redactor.value(output)), redactor)
    text = _shortened(whole)
    data = text.encode()
    return Content(
        text=text,
        ref=await transcripts.keep(data, tenant) if len(data) > INLINE_BYTES else None,
        whole=await transcripts.keep(whole.encode(), tenant) if text is not whole else None,
    )


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
