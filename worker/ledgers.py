"""The part of a worker that keeps the tenants' ledgers, and its way to them."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.worker import Worker

from activities.leases import Leases, LedgerAdmission
from worker.broker import Broker
from worker.connect import worker_identity
from worker.ledger_guard import LedgerGuard
from worker.sandbox import sandboxed
from workflows.contracts.names import LEDGER_QUEUE
from workflows.engine.sharing import windows
from workflows.registry import LEDGERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client

    from activities.seal import SealKeys
    from policies.document import PolicyDocument

STICKY_WAIT = timedelta(milliseconds=500)
"""How long a message waits for the worker that had the ledger: so long is a killed worker missed."""
POLLS = 2
"""Messages are few, because workers join them."""


def leases_of(client: Client, policy: PolicyDocument, seals: SealKeys) -> Leases:
    """The local activities that take leases."""
    return Leases(Broker(client, seals), {name: windows(tenant) for name, tenant in policy.tenants.items()})


@asynccontextmanager
async def keeping_ledgers(client: Client, policy: PolicyDocument, seals: SealKeys) -> AsyncIterator[None]:
    """Keep ledgers of the namespace meanwhile; nothing is done where no tenant has a budget.

    Every worker of a namespace that knows of a budget helps, on a queue that all of them share: the ledger of a
    tenant outlives the task queues of its runs.
    """
    async with AsyncExitStack() as stack:
        if any(windows(tenant) for tenant in policy.tenants.values()):
            await stack.enter_async_context(ledger_worker(client, seals))
        yield


def ledger_worker(client: Client, seals: SealKeys) -> Worker:
    """A worker of Temporal's with the ledgers' workflow. Nobody else can have it act: its activities are local."""
    return Worker(
        client,
        task_queue=LEDGER_QUEUE,
        workflows=LEDGERS,
        identity=worker_identity(),
        activities=[LedgerAdmission(seals, client.namespace).admit],
        no_remote_activities=True,
        workflow_runner=sandboxed(),
        interceptors=[LedgerGuard(seals)],
        max_concurrent_workflow_task_polls=POLLS,
        sticky_queue_schedule_to_start_timeout=STICKY_WAIT,
    )
