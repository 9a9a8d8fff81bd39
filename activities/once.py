"""Effects that must not be repeated are claimed before they happen."""

from __future__ import annotations

from activities.claim_keys import effect_key
from activities.failures import tool_failed, uncertain
from activities.ports import BlobError, BlobStore
from workflows.contracts.calls import Call


async def claim_effect(blobs: BlobStore, call: Call, owner: str) -> None:
    """Claim the call's key for ever; `Uncertain` if anybody has it: the effect happened, or may yet.

    A reset, a second worker and a repeated attempt all come with the same key; only a person's `retry`
    raises the generation. Claim and effect are two steps, so a claim alone proves nothing about the effect.
    """
    try:
        first = await blobs.claim(effect_key(call.key, call.generation), owner)
    except BlobError as error:
        raise tool_failed(f"`{call.name}`: its effect could not be claimed: {error}", retryable=True) from None
    if not first:
        raise uncertain(f"`{call.name}`: an earlier attempt began this call, and nobody can tell how far it came")
