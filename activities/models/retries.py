"""Temporal's retries of a model call, let through only where the attempt before was certainly not billed.

What Temporal repeats nobody decided anew, so it must not cost anything. An attempt that knows that it was not
billed vouches for it before it lets itself be repeated; a repetition that nobody vouched for, whatever the error
was that led to it, ends the call as one that may have been billed, and a new call goes through the gate.
"""

from __future__ import annotations

from activities.claim_keys import begun_key, unbilled_key
from activities.models import failures
from activities.ports import BlobError, BlobStore
from workflows.contracts.calls import Call


async def vouch(blobs: BlobStore, call: Call, attempt: int) -> None:
    """Say of an attempt that it was not billed; `MaybeBilled` if that cannot be kept, for the next could not know."""
    try:
        await blobs.claim(_key(call, attempt), "not billed")
    except BlobError as error:
        raise failures.maybe_billed(call.name, f"it cannot be tried again: {error}") from None


async def require_vouched(blobs: BlobStore, call: Call, attempt: int) -> None:
    """Return if this is the first attempt, or the one before was not billed; else `MaybeBilled`."""
    if attempt == 1:
        return
    try:
        nobody_did = await blobs.claim(_key(call, attempt - 1), "asked")
    except BlobError as error:
        raise failures.maybe_billed(call.name, f"an earlier attempt may have been billed: {error}") from None
    if nobody_did:
        raise failures.maybe_billed(call.name, "an earlier attempt ended without saying whether it was billed")


async def begin(blobs: BlobStore, call: Call, run_id: str, attempt: int) -> None:
    """Take an attempt for ever, once in each execution of a run; `MaybeBilled` if it was made before.

    A seal proves that a call was the run's, and not that it is scheduled once: whoever can complete the run's
    workflow tasks may schedule the same sealed call again. A reset is another execution and calls anew.
    """
    try:
        first = await blobs.claim(begun_key(call.key, call.generation, run_id, attempt), "begun")
    except BlobError as error:
        raise failures.model_failed(call.name, f"it could not be told from a repetition: {error}") from None
    if not first:
        raise failures.maybe_billed(call.name, "this very attempt was made before: a call is made once")


def _key(call: Call, attempt: int) -> str:
    return unbilled_key(call.key, call.generation, attempt)
