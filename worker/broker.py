"""The worker's way to the tenants' ledgers: what many runs have to say goes there in one update."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError, RPCStatusCode

from activities.leases import LedgerUnreachable
from activities.ledger_messages import is_sealed, place, with_seal
from worker.closed_runs import used_by
from workflows.contracts.leases import Ask, Back, Batch, Found, Replies, Reply, Units
from workflows.contracts.names import LEDGER, LEDGER_QUEUE, UPDATE_BATCH, ledger_id

if TYPE_CHECKING:
    from temporalio.client import Client

    from activities.seal import SealKeys
    from workflows.contracts.leases import Doubt, Message

log = logging.getLogger(__name__)

GATHER_S = 0.001
"""How long a message waits for others; while an update is under way, they wait for that."""
MOST_MESSAGES = 100
PATIENCE = timedelta(seconds=4)
"""How long an update may take."""
WAIT_S = {"ask": 6.0, "back": 3.0}
"""How long a message may take in all. Whoever asks, asks again after that; whoever gives back goes on without."""
TASK_TIMEOUT = timedelta(seconds=2)
"""How soon the loss of the worker that kept the ledger is noticed; its tasks take milliseconds."""
HOPE = 2
"""How often a message is sent: a ledger may be just going on in a new history."""


@dataclass(slots=True)
class _Waiting:
    """A message, and whoever waits for what becomes of it."""

    message: Message
    reply: asyncio.Future[Reply]


@dataclass(slots=True)
class _Line:
    """What waits to be told to one ledger; `task` tells it."""

    waiting: list[_Waiting] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Broker:
    """Joins messages into sealed batches, one of each tenant at a time: a busy ledger gets larger ones."""

    def __init__(self, client: Client, seals: SealKeys) -> None:
        self._client = client
        self._seals = seals
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)
        self._looking: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def tell(self, tenant: str, message: Ask | Back) -> Reply:
        """What the tenant's ledger says; after a refusal, again once doubtful leases of others were looked into."""
        try:
            async with asyncio.timeout(WAIT_S[message.kind]):
                reply = await self._send(tenant, message)
                looking = [task for (whose, _), task in self._looking.items() if whose == tenant]
                if reply.refused is None or not looking:
                    return reply
                await asyncio.wait(looking)
                return await self._send(tenant, message)
        except TimeoutError:
            raise LedgerUnreachable(f"the ledger of tenant `{tenant}` does not answer: is a worker up?") from None

    async def _send(self, tenant: str, message: Message) -> Reply:
        line = self._lines[tenant]
        waiting = _Waiting(message, asyncio.get_running_loop().create_future())
        line.waiting.append(waiting)
        if line.task is None:
            line.task = asyncio.create_task(self._work(tenant, line))
        return await waiting.reply

    async def _work(self, tenant: str, line: _Line) -> None:
        try:
            await asyncio.sleep(GATHER_S)
            while line.waiting:
                batch, line.waiting = line.waiting[:MOST_MESSAGES], line.waiting[MOST_MESSAGES:]
                await self._deliver(tenant, batch)
        finally:
            line.task = None

    async def _deliver(self, tenant: str, waiting: list[_Waiting]) -> None:
        try:
            said = await self._update(tenant, [one.message for one in waiting])
        except LedgerUnreachable as error:
            for one in waiting:
                if not one.reply.done():
                    one.reply.set_exception(LedgerUnreachable(str(error)))
            return
        for one, reply in zip(waiting, said.replies, strict=True):
            if not one.reply.done():
                one.reply.set_result(reply)
        for doubt in said.doubts:
            self._look(tenant, doubt)

    async def _update(self, tenant: str, messages: list[Message]) -> Replies:
        ledger, update_id = ledger_id(tenant), uuid.uuid4().hex
        batch = Batch(sent_ms=time.time_ns() // 1_000_000, messages=tuple(messages)).model_dump(mode="json")
        sealed = with_seal(self._seals, batch, place(self._client.namespace, ledger, update_id, answer=False))
        try:
            raw = await self._execute(ledger, update_id, sealed)
        except WorkflowUpdateFailedError as error:
            raise LedgerUnreachable(f"the ledger of tenant `{tenant}` refused: {error.cause}") from None
        except (RPCError, TemporalError, TimeoutError) as error:
            raise LedgerUnreachable(f"the ledger of tenant `{tenant}` cannot be reached: {_cause(error)}") from None
        return self._believed(tenant, raw, place(self._client.namespace, ledger, update_id, answer=True), len(messages))

    async def _execute(self, ledger: str, update_id: str, sealed: dict[str, object]) -> object:
        """Send an update to a ledger, or start it with one; the same id again gives the same answer."""
        handle = self._client.get_workflow_handle(ledger)
        for left in reversed(range(HOPE)):
            try:
                return await handle.execute_update(
                    UPDATE_BATCH, sealed, id=update_id, rpc_timeout=PATIENCE, result_type=dict
                )
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    break
                if not left:
                    raise
        return await self._client.execute_update_with_start_workflow(
            UPDATE_BATCH,
            sealed,
            id=update_id,
            rpc_timeout=PATIENCE,
            result_type=dict,
            start_workflow_operation=WithStartWorkflowOperation(
                LEDGER,
                id=ledger,
                task_queue=LEDGER_QUEUE,
                task_timeout=TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary="what the runs of a tenant may use together",
            ),
        )

    def _believed(self, tenant: str, raw: object, where: dict[str, object], count: int) -> Replies:
        if not is_sealed(self._seals, raw, where):
            words = "its answer is not sealed by a worker of this deployment; if no stranger has meddled with it"
            raise LedgerUnreachable(
                f"the ledger of tenant `{tenant}` is not believed: {words}, give all workers the same DETENT_SEAL_KEY"
            )
        try:
            said = Replies.model_validate(raw)
        except ValidationError as error:
            raise LedgerUnreachable(f"the ledger of tenant `{tenant}` answers something else: {error}") from None
        if len(said.replies) != count:
            raise LedgerUnreachable(f"the ledger of tenant `{tenant}` answers {len(said.replies)} of {count} messages")
        return said

    def _look(self, tenant: str, doubt: Doubt) -> None:
        """Find out whether a run that holds a lease is closed, and tell the ledger what it had used."""
        key = (tenant, f"{doubt.workflow_id}@{doubt.run_id}")
        if key not in self._looking:
            task = asyncio.create_task(self._reconcile(tenant, doubt))
            self._looking[key] = task
            task.add_done_callback(lambda _: self._looking.pop(key, None))

    async def _reconcile(self, tenant: str, doubt: Doubt) -> None:
        try:
            used = await used_by(self._client, doubt.workflow_id, doubt.run_id)
            if used is None:
                return
            run = {"workflow_id": doubt.workflow_id, "run_id": doubt.run_id, "fence": doubt.fence}
            await self._send(tenant, Found(**run, used=Units.of(used)))
        except (RPCError, TemporalError, LedgerUnreachable, ValueError) as error:
            log.warning("the lease of %r stays counted as spent: %s", doubt.workflow_id, error)


def _cause(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0][:200]
