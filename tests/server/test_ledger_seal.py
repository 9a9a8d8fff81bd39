"""Strangers do not write in a tenant's book, and nobody believes one of theirs.

Each attack is made twice: against a ledger, and against one whose worker believes every seal, where it works.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from temporalio import workflow
from temporalio.client import WithStartWorkflowOperation, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.leases import LedgerUnreachable
from activities.ledger_messages import place, with_seal
from activities.seal import SealKeys
from tests.server.stranger import BelievesAll
from tests.support.tenants import KEYS, Tenant, ask
from worker.broker import Broker
from worker.ledgers import ledger_worker
from workflows.contracts.leases import Batch
from workflows.contracts.names import LEDGER, LEDGER_QUEUE, UPDATE_BATCH

if TYPE_CHECKING:
    from temporalio.client import Client

pytestmark = pytest.mark.server
BELIEVER = BelievesAll(bytes(32))
STRANGE = SealKeys(b"s" * 32)


@pytest.fixture
def tenant(temporal_client: Client) -> Tenant:
    return Tenant(temporal_client)


def batch(tokens: int = 900) -> dict[str, object]:
    """A message that holds most of the tenant's budget."""
    return Batch(sent_ms=_now_ms(), messages=(ask("x/g/1", tokens=tokens),)).model_dump(mode="json")


def _now_ms() -> int:
    return ask("x/g/1", tokens=1, ms=0).until_ms


async def refusal(tenant: Tenant, sent: object, update_id: str | None = None) -> ApplicationError:
    """What a stranger is told."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await tenant.update(sent, update_id or uuid.uuid4().hex)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


async def length(tenant: Tenant) -> int:
    """How many events the ledger's history has."""
    return (await tenant.client.get_workflow_handle(tenant.ledger).describe()).history_length


def sealed(tenant: Tenant, keys: SealKeys, update_id: str, ledger: str | None = None) -> dict[str, object]:
    """A message with a seal for some place."""
    where = place(tenant.client.namespace, ledger or tenant.ledger, update_id, answer=False)
    return with_seal(keys, batch(), where)


@pytest.mark.parametrize("attack", ["no seal", "a stranger's key", "another update's", "another tenant's", "changed"])
async def test_a_message_without_its_seal_leaves_no_trace(temporal_client: Client, tenant: Tenant, attack: str) -> None:
    update_id = uuid.uuid4().hex
    sent = {
        "no seal": batch(),
        "a stranger's key": sealed(tenant, STRANGE, update_id),
        "another update's": sealed(tenant, KEYS, "of-an-earlier-one"),
        "another tenant's": sealed(tenant, KEYS, update_id, "detent/tenant/other"),
        "changed": {**sealed(tenant, KEYS, update_id), "sent_ms": _now_ms() + 1},
    }[attack]
    async with ledger_worker(temporal_client, KEYS):
        await tenant.send(ask("x/g/0", tokens=10))
        before = await length(tenant)
        assert (await refusal(tenant, sent, update_id)).type == "Unsealed"
        assert await tenant.leased() == 10
        assert await length(tenant) == before
    believer = replace_name(tenant)
    async with ledger_worker(temporal_client, BELIEVER):
        await believer.update(sent, update_id)
        assert await believer.leased() == 900


def replace_name(tenant: Tenant) -> Tenant:
    """Another tenant, whose ledger a believer keeps."""
    return replace(tenant, name=f"{tenant.name}-believer")


async def test_what_is_no_batch_is_refused_whoever_sealed_it(temporal_client: Client, tenant: Tenant) -> None:
    async with ledger_worker(temporal_client, KEYS):
        await tenant.send(ask("x/g/0", tokens=10))
        junks: list[dict[str, object]] = [{"messages": []}, {"sent_ms": 1, "messages": [{"kind": "gift"}]}, {"v": 1}]
        for junk in junks:
            update_id = uuid.uuid4().hex
            where = place(temporal_client.namespace, tenant.ledger, update_id, answer=False)
            cause = await refusal(tenant, with_seal(KEYS, junk, where), update_id)
            assert (cause.type, "no batch of messages" in cause.message) == ("LedgerRefused", True)
        assert (await refusal(tenant, "junk")).type == "Unsealed"


async def test_an_old_message_is_not_taken_however_it_is_sealed(temporal_client: Client, tenant: Tenant) -> None:
    async with ledger_worker(temporal_client, KEYS):
        await tenant.send(ask("x/g/0", tokens=10))
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await tenant.send(ask("x/g/1", tokens=900), ahead_ms=-700_000)
        assert "takes no message that old" in str(caught.value.cause)
        assert await tenant.leased() == 10


@workflow.defn(name=LEDGER, sandboxed=False)
class Generous:
    """A stranger's ledger, which has something for everybody."""

    @workflow.run
    async def run(self, *sent: Any) -> None:
        """Wait for ever."""
        del sent
        await workflow.wait_condition(lambda: False)

    @workflow.update(name=UPDATE_BATCH)
    async def batch(self, *sent: Any) -> dict[str, Any]:
        """Give."""
        granted = {"granted": {"tokens": 10**9}, "expires_ms": 10**14, "fence": 1}
        return {"replies": [granted for _ in sent[0]["messages"]], "seal": "AAAA"}


async def test_a_strangers_ledger_is_not_believed(temporal_client: Client, tenant: Tenant) -> None:
    strange = Worker(
        temporal_client, task_queue=LEDGER_QUEUE, workflows=[Generous], workflow_runner=UnsandboxedWorkflowRunner()
    )
    async with strange:
        with pytest.raises(LedgerUnreachable, match="is not believed"):
            await Broker(temporal_client, KEYS).tell(tenant.name, ask("x/g/1", tokens=900))
        reply = await Broker(temporal_client, BELIEVER).tell(tenant.name, ask("x/g/1", tokens=900))
        assert reply.granted.tokens == 10**9


async def test_a_history_that_a_stranger_wrote_in_is_not_believed_any_more(
    temporal_client: Client, tenant: Tenant
) -> None:
    """The stranger's worker has accepted an unsealed message; ours takes the ledger over, and replays it."""
    async with ledger_worker(temporal_client, BELIEVER):
        await tenant.update(batch(), uuid.uuid4().hex)
    async with ledger_worker(temporal_client, KEYS):
        with pytest.raises(LedgerUnreachable, match="is not believed"):
            await Broker(temporal_client, KEYS).tell(tenant.name, ask("x/g/2", tokens=10))


@pytest.mark.parametrize("carry", [{"leased": [0, 0, 0, 0, 0]}, None])
async def test_a_ledger_that_is_started_with_a_book_does_not_open(
    temporal_client: Client, tenant: Tenant, carry: object
) -> None:
    async with ledger_worker(temporal_client, KEYS):
        handle = await temporal_client.start_workflow(
            LEDGER, {"v": 1, "carry": carry}, id=tenant.ledger, task_queue=LEDGER_QUEUE
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == "ForgedInput"
        assert (await Broker(temporal_client, KEYS).tell(tenant.name, ask("x/g/1", tokens=9))).granted.tokens == 9


async def test_whoever_writes_to_a_ledger_that_does_not_open_is_told(temporal_client: Client, tenant: Tenant) -> None:
    update_id = uuid.uuid4().hex
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        LEDGER,
        {"v": 1, "carry": {}},
        id=tenant.ledger,
        task_queue=LEDGER_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    async with ledger_worker(temporal_client, KEYS):
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await temporal_client.execute_update_with_start_workflow(
                UPDATE_BATCH,
                sealed(tenant, KEYS, update_id),
                id=update_id,
                start_workflow_operation=operation,
                rpc_timeout=timedelta(seconds=10),
            )
        assert "the ledger is not open" in str(caught.value.cause)
