"""Execution records made from a run's histories: replayed offline and followed, they say where every token went."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activities.blobs_places import open_blobs
from activities.ports import BlobError
from cli.call_records import CallLog, settled_by_call
from cli.exits import CommandError, Exit
from cli.followed import follow, is_first, started_with
from policies.units import NANO
from worker.connect import converter
from worker.settings import blobs_place
from workflows.contracts.conversation import Ref
from workflows.contracts.records import (
    INLINE_BYTES,
    Inline,
    LifetimeRecord,
    Opened,
    PlanExecution,
    TaskExecution,
)
from workflows.engine.clock import parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from temporalio.client import WorkflowHistory

    from activities.ports import BlobStore
    from cli.executions import Execution, Executions
    from workflows.contracts.records import CallRecord, Kept, Record
    from workflows.contracts.run import RunView

ATTEMPTED = frozenset({"tool", "model"})
"""Nodes that do one thing: whatever attempts their calls took, they are attempts at it."""


async def records_of(histories: Sequence[WorkflowHistory], namespace: str) -> list[Record]:
    """The run's own record and one of each execution, those that ended in the order in which they did, then the rest.

    `histories` are the run's executions at Temporal, oldest first. Larger values go into the blob store.
    """
    store = open_blobs(blobs_place(os.environ))
    data = converter(store)
    followed = await follow(histories, namespace)
    view = followed.last_view()
    log = CallLog(data, settled_by_call(seen.record for seen in followed.records))
    for history in histories:
        await log.read(history)
    started = await started_with(histories[0], data)
    maker = Maker(followed.executions, view, log, Header.of(histories, view), store)
    return await maker.records(started.input, whole=is_first(histories[0]) and followed.executions.whole)


@dataclass(frozen=True, slots=True)
class Header:
    """What every record of a run begins with."""

    common: Mapping[str, Any]
    tenant: str
    first_run_id: str

    @classmethod
    def of(cls, histories: Sequence[WorkflowHistory], view: RunView) -> Header:
        """Of a run by its histories, oldest first, and its view."""
        last = histories[-1].events[0].workflow_execution_started_event_attributes
        first_run_id = last.first_execution_run_id or last.original_execution_run_id
        common = {
            "graph": f"{view.graph}@{view.version}",
            "graph_digest": view.graph_digest,
            "lifetime_id": view.id,
            "run_id": last.original_execution_run_id,
            "first_run_id": first_run_id,
            "tenant": view.tenant,
        }
        return cls(common, view.tenant, first_run_id)

    def exec_id(self, activation: str) -> str:
        """The id of an execution: a run's first execution at Temporal never changes, nor does an activation."""
        return f"{self.first_run_id}/{activation}"


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes records of what was seen: `view` is the run at the end, `log` has its calls."""

    executions: Executions
    view: RunView
    log: CallLog
    header: Header
    store: BlobStore

    async def records(self, given: object, *, whole: bool) -> list[Record]:
        """All of them, the run's own first; `given` is its input."""
        live = {node.activation: node.status for node in self.view.nodes if node.ended_at is None}
        executions: list[TaskExecution | PlanExecution] = []
        for one in sorted(self.executions.found.values(), key=_order):
            one.status = live.get(one.activation, one.status)
            executions.append(await self._execution(one))
        lifetime = self._lifetime(executions, whole=whole)
        output = await self._keep(self.view.output) if self.view.phase == "completed" else None
        return [lifetime.model_copy(update={"input": await self._keep(given), "output": output}), *executions]

    def _lifetime(self, executions: Sequence[TaskExecution | PlanExecution], *, whole: bool) -> LifetimeRecord:
        view = self.view
        cost_nano = sum(one.cost_nano for one in executions)
        return LifetimeRecord(
            **self.header.common,
            whole=whole,
            phase=view.phase,
            executions=len(executions),
            started_at=view.started_at,
            ended_at=view.ended_at,
            tokens_used=sum(one.tokens_used for one in executions),
            cost_nano=cost_nano,
            cost_usd=cost_nano / NANO,
            error=view.error,
        )

    async def _execution(self, one: Execution) -> TaskExecution | PlanExecution:
        calls = self.log.of(one.activation)
        fields = {**self.header.common, **self._fields(one, calls)}
        if one.kind == "plan":
            opened = tuple(Opened(branch=branch, to=to) for branch, to in one.opened)
            chosen = {"next": one.edge, "reason": "rule"} if one.status == "ok" else None
            result = None if chosen is None else await self._keep(chosen)
            return PlanExecution(**fields, opened=opened, result=result)
        result = await self._keep(one.result) if one.status == "ok" else None
        return TaskExecution(**fields, result=result)

    def _fields(self, one: Execution, calls: Sequence[CallRecord]) -> dict[str, Any]:
        started_at = calls[0].scheduled_at if calls else rfc3339(one.created_ms)
        cost_nano = sum(call.cost_nano for call in calls)
        return {
            "exec_id": self.header.exec_id(one.activation),
            "name": one.node,
            "node_kind": one.kind,
            "activation": one.activation,
            "branch": one.branch,
            "visit": one.visit,
            "attempt": _attempt(one, calls),
            "iteration": one.visit - 1,
            "seq": one.seq,
            "ended_seq": one.ended_seq,
            "moment": one.moment,
            "status": one.status,
            "outcome": one.outcome,
            "edge_taken": one.edge,
            "parents": tuple(map(self.header.exec_id, one.parents)),
            "created_at": rfc3339(one.created_ms),
            "started_at": started_at,
            "ended_at": None if one.ended_ms is None else rfc3339(one.ended_ms),
            "latency_ms": None if one.ended_ms is None else max(0, one.ended_ms - parse_rfc3339(started_at)),
            "tokens_used": sum(call.tokens_used for call in calls),
            "cost_nano": cost_nano,
            "cost_usd": cost_nano / NANO,
            "calls": calls,
            "error": one.error,
        }

    async def _keep(self, value: object) -> Kept:
        """The value, or its reference once it is in the store, under the run's tenant."""
        data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        if len(data) <= INLINE_BYTES:
            return Inline(inline=value)
        digest = hashlib.sha256(data).hexdigest()
        try:
            await self.store.put(data, self.header.tenant)
        except BlobError as error:
            message = f"a result of {len(data):,} bytes is to be kept by reference: {error}"
            raise CommandError("BlobError", message, Exit.UNEXPECTED) from error
        return Ref(uri=f"blob:{self.header.tenant}/{digest}", digest=digest, size_bytes=len(data))


def _order(one: Execution) -> tuple[bool, int]:
    return (one.ended_seq is None, one.seq if one.ended_seq is None else one.ended_seq)


def _attempt(one: Execution, calls: Sequence[CallRecord]) -> int:
    """How often it was tried: by Temporal, by the engine after a lost answer, by a person."""
    if one.kind in ATTEMPTED:
        return max(1, sum(call.attempts for call in calls))
    return one.generation + 1
