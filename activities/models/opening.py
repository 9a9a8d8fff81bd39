"""Reading what a model call refers to: the transcript it goes on from, and the content behind references."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from temporalio.exceptions import ApplicationError

from activities.failures import failure, policy_denied
from activities.losses import is_lost, lost
from activities.models import failures
from activities.ports import BlobDamaged, BlobError, BlobForeign
from activities.transcripts import Transcript, Transcripts
from workflows.contracts.conversation import Message, Part, Ref
from workflows.contracts.failures import FailureType

AT_ONCE = 16
"""So many references are read at the same time."""


async def load(transcripts: Transcripts, ref: Ref | None, tenant: str, alias: str) -> Transcript:
    """The conversation that a call goes on from. Fails as `open_parts` does."""
    try:
        return await transcripts.load(ref, tenant)
    except BlobError as error:
        raise unreadable(alias, error) from None


async def open_parts(
    transcripts: Transcripts, messages: Sequence[Message], tenant: str, alias: str, *, media: bool = True
) -> dict[str, bytes]:
    """What the references in the messages lead to, by digest; without `media` only those to text.

    Fails before anything is billed: `BlobLost` for what is missing, damaged or no text, `PolicyDenied` for another
    tenant's, `ModelFailed` (tried again) where the store cannot be read.
    """
    wanted = {part.ref.digest: part for part in _parts(messages) if part.ref is not None and (media or not part.media)}
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(part: Part) -> bytes:
        async with gate:
            return await _open(transcripts, part, tenant, alias)

    held = [digest for digest, part in wanted.items() if transcripts.holds(part, tenant)]
    found = {digest: await _open(transcripts, wanted.pop(digest), tenant, alias) for digest in held}
    contents = await asyncio.gather(*(read(part) for part in wanted.values()))
    return found | dict(zip(wanted, contents, strict=True))


def unreadable(alias: str, error: BlobError) -> ApplicationError:
    """What a conversation consists of cannot be read; nothing was asked, so nothing was billed."""
    if isinstance(error, BlobForeign):
        return policy_denied("edge.reference", f"model `{alias}`: {error}")
    if is_lost(error):
        return failure(FailureType.BLOB_LOST, f"model `{alias}`: {lost(error)}", details={"billed": "no"})
    return failures.not_sent(alias, f"its conversation cannot be read: {error}")


async def _open(transcripts: Transcripts, part: Part, tenant: str, alias: str) -> bytes:
    assert part.ref is not None, "only references are opened"
    try:
        data = await transcripts.open(part, tenant)
    except BlobError as error:
        raise unreadable(alias, error) from None
    if part.media is None:
        _require_text(data, part.ref, alias)
    return data


def _require_text(data: bytes, ref: Ref, alias: str) -> None:
    if data.isascii():
        return
    try:
        data.decode()
    except UnicodeDecodeError:
        raise unreadable(alias, BlobDamaged(f"blob `{ref.digest}` is not the text that it is said to be")) from None


def _parts(messages: Iterable[Message]) -> Iterable[Part]:
    for message in messages:
        yield from message.content
        for result in message.results:
            yield from result.content
