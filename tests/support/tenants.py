"""A tenant with a budget on the real server: its policy, its ledger, and what a worker would tell it."""

from __future__ import annotations

import base64
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from activities.ledger_messages import place, with_seal
from activities.seal import SealKeys
from tests.support.runs import SEAL_KEY, policy_of
from workflows.contracts.leases import Ask, Batch, Units, WindowLimits
from workflows.contracts.names import LEDGER, LEDGER_QUEUE, QUERY_BOOK, UPDATE_BATCH, ledger_id, workflow_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

    from tests.support.runs import Run, Runs
    from workflows.contracts.leases import Back, Found

KEYS = SealKeys(base64.b64decode(SEAL_KEY))
NONE: dict[str, object] = {"tokens": None, "cost_usd": None, "steps": None, "tool_calls": None}


@dataclass(frozen=True)
class Tenant:
    """A tenant of its own for each test, because a ledger outlives its test."""

    client: Client
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:10]}")

    @property
    def ledger(self) -> str:
        """The workflow id of its ledger."""
        return ledger_id(self.name)

    def policy(self, *windows: Mapping[str, object], **parts: object) -> dict[str, Any]:
        """A policy with this tenant alone, whose budgets are these."""
        budgets = {"tenant": [{**NONE, **window} for window in windows]}
        policy = policy_of(budgets=budgets, **parts)
        policy["tenants"] = {self.name: policy["tenants"].pop("default")}
        return policy

    async def start(self, runs: Runs, graph: Mapping[str, object]) -> Run:
        """Start a run of the tenant."""
        raw = {"v": 1, "graph": dict(graph)}
        return await runs.start_raw(raw, id=workflow_id(self.name, str(graph["graph"]), runs.key()))

    async def book(self) -> dict[str, Any]:
        """What its ledger has written down."""
        found: dict[str, Any] = await self.client.get_workflow_handle(self.ledger).query(QUERY_BOOK)
        return found

    async def spent(self, per: str = "day") -> dict[str, int]:
        """What is spent of a window, by unit."""
        amount = (await self.book())["windows"][per]["amount"]
        return dict(zip(("tokens", "cost_nano", "steps", "wall_ms", "tool_calls"), amount, strict=True))

    async def leased(self) -> int:
        """How many tokens runs hold."""
        return int((await self.book())["leased"][0])

    async def send(
        self, *messages: Ask | Back | Found, seals: SealKeys = KEYS, update_id: str = "", ahead_ms: int = 0
    ) -> dict[str, Any]:
        """Tell the ledger something as a worker with these keys would; it is started if there is none."""
        update_id = update_id or uuid.uuid4().hex
        sent_ms = time.time_ns() // 1_000_000 + ahead_ms
        batch = Batch(sent_ms=sent_ms, messages=messages).model_dump(mode="json")
        sealed = with_seal(seals, batch, place(self.client.namespace, self.ledger, update_id, answer=False))
        return await self.update(sealed, update_id)

    async def update(self, sent: object, update_id: str) -> dict[str, Any]:
        """Send an update as it is."""
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            LEDGER,
            id=self.ledger,
            task_queue=LEDGER_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        answer: dict[str, Any] = await self.client.execute_update_with_start_workflow(
            UPDATE_BATCH, sent, id=update_id, start_workflow_operation=operation
        )
        return answer


def ask(run: str, *, tokens: int, run_id: str = "r", fence: int = 1, ms: int = 60_000, **window: int) -> Ask:
    """A run asks for tokens, under a budget of so many in a day or whatever window is named."""
    limits = window or {"day": 1000}
    return Ask(
        workflow_id=run,
        run_id=run_id,
        fence=fence,
        used=Units(),
        want=Units(tokens=tokens),
        need=Units(tokens=tokens),
        until_ms=time.time_ns() // 1_000_000 + ms,
        windows=tuple(WindowLimits(per=per, tokens=limit) for per, limit in limits.items()),
    )
