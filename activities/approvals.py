"""Standing approvals and what revokes them: signed answers that hold for a whole tenant, in the blob store."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from typing import TYPE_CHECKING

from pydantic import ValidationError

from activities.failures import tool_failed
from activities.permits import Scene, flaw_of_answers, starter_of
from activities.ports import BlobError, BlobStore
from policies.canonical import NotCanonical, canonical
from policies.coverage import calls_of
from workflows.contracts.calls import Call, Permit
from workflows.engine.digest import pause_digest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from temporalio import activity

    from policies.tenant import TenantPolicy
    from workflows.contracts.run import RunCard, StarterCard

log = logging.getLogger(__name__)

TENANT = "tenant"


async def scene_of(blobs: BlobStore, call: Call, info: activity.Info) -> Scene:
    """Where and when a call is made. What is revoked matters only to a call that brings evidence.

    An answer is consumed when its call is made and covers all attempts at it, so what is tried again is judged by
    the time when it was made.
    """
    workflow_id = info.workflow_id or ""
    first = info.attempt == 1
    now_ms = _now_ms() if first else round(info.scheduled_time.timestamp() * 1000)
    if call.permit is None and not call.grants:
        return Scene(info.namespace, workflow_id, now_ms)
    try:
        revoked = await read_revoked(blobs, workflow_id.partition("/")[0])
    except BlobError as error:
        raise tool_failed(f"`{call.name}`: what is revoked cannot be read: {error}", retryable=True) from None
    return Scene(info.namespace, workflow_id, now_ms, revoked)


async def keep_approval(blobs: BlobStore, call: Call, where: Scene) -> None:
    """Keep an approval of scope `tenant` for later runs, once the edge has believed it, in the run that asked."""
    permit = call.permit
    if permit is None or permit.scope != TENANT or permit.asked.get("workflow_id") != where.workflow_id:
        return
    data = canonical(permit.model_dump(mode="json"))
    try:
        await blobs.record(f"approvals/{where.workflow_id.partition('/')[0]}", permit.digest, data)
    except BlobError as error:
        raise tool_failed(f"`{call.name}`: its approval could not be kept: {error}", retryable=True) from None


def standing(blobs: BlobStore, namespace: str) -> Callable[[TenantPolicy, RunCard], Awaitable[tuple[Permit, ...]]]:
    """What `run.admit` asks for the approvals that a new run begins with."""

    async def read(policy: TenantPolicy, card: RunCard) -> tuple[Permit, ...]:
        found = await read_approvals(blobs, policy, namespace=namespace, now_ms=_now_ms(), starter=card.starter)
        return tuple(permit for permit in found if _names(permit) & (card.tools.keys() | card.models.keys()))

    return read


async def read_approvals(
    blobs: BlobStore, policy: TenantPolicy, *, namespace: str, now_ms: int, starter: StarterCard | None = None
) -> tuple[Permit, ...]:
    """The approvals that hold for a run of the tenant that begins now. Whoever may not answer for its own run does not.

    What does not hold any more is left out, not deleted: policies and clocks are put right again.
    """
    if not policy.approvals.tenant:
        return ()
    scene = Scene(namespace, f"{policy.name}/", now_ms, await read_revoked(blobs, policy.name))
    kept = await kept_approvals(blobs, policy.name)
    return tuple(permit for permit in kept if flaw_of_standing(permit, policy, scene, starter) is None)


def flaw_of_standing(
    permit: Permit, policy: TenantPolicy, scene: Scene, starter: StarterCard | None = None
) -> str | None:
    """Why an approval does not stand for a tenant's run that this person started; null when it does."""
    if permit.scope != TENANT:
        return "it was given for one run"
    if permit.asked.get("namespace") != scene.namespace:
        return "it was given in another namespace"
    if str(permit.asked.get("workflow_id")).partition("/")[0] != policy.name:
        return "it was given for another tenant"
    flaw = flaw_of_answers(permit, policy, scene, starter_of(permit.asked))
    if flaw is not None or starter is None:
        return flaw
    return flaw_of_answers(permit, policy, scene, (starter.id, starter.assurance))


async def kept_approvals(blobs: BlobStore, tenant: str) -> tuple[Permit, ...]:
    """Every approval that was ever kept for the tenant, whether it holds or not."""
    records = await blobs.records(f"approvals/{tenant}")
    return tuple(permit for key, data in records.items() if (permit := _read(key, data)) is not None)


async def read_revoked(blobs: BlobStore, tenant: str) -> tuple[str, ...]:
    """What was revoked beside the policy: digests of approvals, ids of people, public keys; sorted."""
    records = await blobs.records(f"revoked/{tenant}")
    return tuple(sorted({_revocation(key, data) for key, data in records.items()}))


async def revoke(blobs: BlobStore, tenant: str, what: str, *, by: str, at: str) -> None:
    """Revoke an approval (digest or its first 16 digits), a person's id or a public key; can only ever deny."""
    key = hashlib.sha256(what.encode()).hexdigest()
    data = canonical({"v": 1, "what": what, "by": by, "at": at})
    await blobs.record(f"revoked/{tenant}", key, data)


def _now_ms() -> int:
    return round(time.time() * 1000)


def _names(permit: Permit) -> set[str]:
    """What was asked about."""
    return {str(call.get("name")) for call in calls_of(permit.asked)}


def _read(key: str, data: bytes) -> Permit | None:
    """The approval in a record; null, with a line in the log, for what is none: its signatures decide, not its name."""
    try:
        permit = Permit.model_validate_json(data)
        if pause_digest(permit.asked) == permit.digest == key:
            return permit
    except (ValidationError, NotCanonical):
        pass
    log.warning("approval `%s` in the blob store is damaged: it is not used", key[:16])
    return None


def _revocation(key: str, data: bytes) -> str:
    """What a record revokes. Whoever damages one must not bring back what it revoked."""
    try:
        what = json.loads(data)["what"]
    except (ValueError, KeyError, TypeError):
        what = None
    if not isinstance(what, str) or hashlib.sha256(what.encode()).hexdigest() != key:
        raise BlobError(f"revocation `{key[:16]}` is damaged: revoke it again, or restore the file from a backup")
    return what
