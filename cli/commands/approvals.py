"""`detent approvals`: what was approved for all runs of a tenant."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from activities.approvals import flaw_of_standing, kept_approvals, read_revoked, revoke
from activities.blobs_places import open_blobs
from activities.permits import Scene
from cli.context import Session, global_options, pass_session
from cli.exits import unknown, usage
from cli.groups import SubGroup
from cli.identity import claimed_id
from cli.options import WorkerOptions, worker_options
from cli.render.tables import print_table
from cli.render.text import line
from policies.coverage import calls_of
from worker.connect import target
from worker.operator_files import load_policy
from worker.settings import blobs_place, settings
from workflows.engine.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from activities.ports import BlobStore
    from policies.tenant import TenantPolicy
    from workflows.contracts.calls import Permit

HEADS = ("approval", "calls", "by", "until", "holds")
SHORT = 16

_tenant = click.option("--tenant", metavar="T", default="default", show_default=True, help="Whose approvals.")


@click.group(cls=SubGroup)
@global_options
def approvals() -> None:
    """What was approved for all runs of a tenant."""


@approvals.command()
@_tenant
@worker_options
@global_options
@pass_session
def ls(session: Session, tenant: str, worker: WorkerOptions) -> None:
    """List them, and say of each whether it holds under the policy here."""
    found = settings(worker.flags(), os.environ)
    policy = load_policy(found.policy).tenant(tenant)
    if policy is None:
        raise unknown(f"the policy here has no tenant `{line(tenant, 100)}`")
    rows = asyncio.run(_rows(open_blobs(found.blobs), policy))
    if session.as_json:
        session.print_json(rows)
    else:
        print_table(HEADS, [_cells(row) for row in rows], ("bold",))


@approvals.command(name="revoke")
@click.argument("what", metavar="WHAT")
@_tenant
@click.option("--as", "identity", metavar="ID", help="Who revokes it (default: the login's name).")
@global_options
@pass_session
def revoke_(session: Session, what: str, tenant: str, identity: str | None) -> None:
    """Revoke an approval (its digest, or the first 16 digits), a person's id, or a public key.

    Workers with this blob store believe it from then on. Others need it in `revoked:` of their policy.
    """
    if not what or what != line(what, 200):
        raise usage("name an approval's digest, a person's id or a public key")
    at = rfc3339(round(time.time() * 1000))
    blobs = open_blobs(blobs_place(os.environ))
    asyncio.run(revoke(blobs, tenant, what, by=claimed_id(identity), at=at))
    if session.as_json:
        session.print_json({"revoked": what, "tenant": tenant, "at": at})
    else:
        session.answer(f"{line(what)} is revoked for tenant {line(tenant)}")


async def _rows(blobs: BlobStore, policy: TenantPolicy) -> list[dict[str, Any]]:
    revoked = await read_revoked(blobs, policy.name)
    scene = Scene(target(os.environ).namespace, f"{policy.name}/", round(time.time() * 1000), revoked)
    return [_row(permit, policy, scene) for permit in await kept_approvals(blobs, policy.name)]


def _row(permit: Permit, policy: TenantPolicy, scene: Scene) -> dict[str, Any]:
    flaw = flaw_of_standing(permit, policy, scene) if policy.approvals.tenant else "the policy has none for a tenant"
    return {
        "digest": permit.digest,
        "calls": [_call(call) for call in calls_of(permit.asked)],
        "by": [str(answer.get("by")) for answer in permit.answers],
        "expires_at": min((str(answer.get("expires_at")) for answer in permit.answers), default=None),
        "holds": flaw is None,
        "why_not": flaw,
    }


def _call(call: Mapping[str, object]) -> dict[str, object]:
    return {name: call.get(name) for name in ("name", "capabilities", "risk")}


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    calls = "; ".join(f"{call['name']} ({', '.join(map(str, call['capabilities'] or ()))})" for call in row["calls"])
    holds = Text("yes", style="green") if row["holds"] else Text(f"no: {line(row['why_not'])}", style="yellow")
    return (row["digest"][:SHORT], line(calls), line(", ".join(row["by"])), line(str(row["expires_at"])), holds)
