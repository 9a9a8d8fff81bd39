"""Somebody else's workflows, in the same namespace: they may schedule our activities and go on as our runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RetryPolicy
from temporalio.worker import (
    ContinueAsNewInput,
    Interceptor,
    StartActivityInput,
    StartChildWorkflowInput,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)

from activities.seal import SealKeys
from tests.support.runs import TIMEOUT_S, Run
from workflows.contracts.names import SEAL_HEADER, WORKFLOW
from workflows.contracts.run import Carry, RunCard
from workflows.engine.engine import Engine
from workflows.engine.events import DrainRequested, RunStarted
from workflows.engine.machine import RunFacts
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from temporalio.worker import WorkflowInterceptorClassInput

    from tests.support.runs import Runs


class BelievesAll(SealKeys):
    """What a worker would be without the check: any seal will do, and none."""

    def holds(self, *claim: object) -> bool:
        """Yes."""
        del claim
        return True


class _Shows(WorkflowOutboundInterceptor):
    """Puts the seal that the stranger has got hold of into the headers of whatever it asks for."""

    def start_activity(self, given: StartActivityInput) -> workflow.ActivityHandle[Any]:
        return self.next.start_activity(replace(given, headers=_shown()))

    def continue_as_new(self, given: ContinueAsNewInput) -> NoReturn:
        self.next.continue_as_new(replace(given, headers=_shown()))

    async def start_child_workflow(self, given: StartChildWorkflowInput) -> workflow.ChildWorkflowHandle[Any, Any]:
        return await self.next.start_child_workflow(replace(given, headers=_shown()))


def _shown() -> dict[str, Payload]:
    seal = getattr(workflow.instance(), "seal", None)
    return {} if seal is None else {SEAL_HEADER: Payload(data=bytes.fromhex(seal))}


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Shows(outbound))


class _WithSeal(Interceptor):
    def workflow_interceptor_class(self, given: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        del given
        return _Inbound


@workflow.defn(name="StrangerGoesOn", sandboxed=False)
class StrangerGoesOn:
    """Goes on as one of our runs, with an input of its own making."""

    @workflow.run
    async def run(self, raw: dict[str, Any], task_queue: str, seal: str | None = None) -> None:
        self.seal = seal
        workflow.continue_as_new(args=[raw], workflow=WORKFLOW, task_queue=task_queue)


@workflow.defn(name="StrangerBears", sandboxed=False)
class StrangerBears:
    """Starts one of our runs as its child."""

    @workflow.run
    async def run(self, raw: dict[str, Any], task_queue: str, child: str, seal: str | None = None) -> None:
        self.seal = seal
        child_handle = await workflow.start_child_workflow(
            WORKFLOW,
            raw,
            id=child,
            task_queue=task_queue,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        )
        assert child_handle.id == child


@workflow.defn(name="StrangerCalls", sandboxed=False)
class StrangerCalls:
    """Schedules one of our activities with an argument of its own making."""

    @workflow.run
    async def run(
        self,
        name: str,
        argument: Any,  # noqa: ANN401 - whatever it likes
        task_queue: str,
        activity_id: str | None = None,
        seal: str | None = None,
    ) -> Any:  # noqa: ANN401 - whatever it gives
        self.seal = seal
        return await workflow.execute_activity(
            name,
            argument,
            task_queue=task_queue,
            activity_id=activity_id,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=10)),
        )


@asynccontextmanager
async def stranger(runs: Runs) -> AsyncIterator[str]:
    """The task queue of the stranger's own worker."""
    queue = f"{runs.task_queue}-stranger"
    worker = Worker(
        runs.client,
        task_queue=queue,
        workflows=[StrangerGoesOn, StrangerBears, StrangerCalls],
        workflow_runner=UnsandboxedWorkflowRunner(),
        interceptors=[_WithSeal()],
    )
    async with worker:
        yield queue


def forged_carry(runs: Runs, graph: dict[str, Any], run_card: RunCard) -> dict[str, Any]:
    """An input as our own code carries it, of a run that never was."""
    facts = RunFacts(runs.client.namespace, "default/g/forged", "r", "r", None)
    engine = Engine(compile_graph(graph), run_card, facts)
    engine.apply(DrainRequested(1))
    engine.apply(RunStarted(1))
    carry = Carry(card=run_card, snapshot=engine.snapshot())
    return {"v": 1, "graph": graph, "carry": carry.model_dump(mode="json")}


async def go_on(runs: Runs, *inputs: Mapping[str, object], seal: bytes | None = None) -> list[Run]:
    """Runs of ours that seem to continue others, which were never ours; all at once, as the server takes a second."""
    async with stranger(runs) as queue:
        shown = None if seal is None else seal.hex()
        handles = [
            await runs.client.start_workflow(
                "StrangerGoesOn", args=[raw, runs.task_queue, shown], id=f"default/g/{runs.key()}", task_queue=queue
            )
            for raw in inputs
        ]
        async with asyncio.timeout(TIMEOUT_S):
            for handle in handles:
                while (await handle.describe()).workflow_type != WORKFLOW:  # noqa: ASYNC110 - the server changes it
                    await asyncio.sleep(0.02)
    return [Run(runs.client.get_workflow_handle(handle.id), runs.client) for handle in handles]


async def bear(runs: Runs, raw: Mapping[str, object], seal: bytes | None = None) -> Run:
    """A run of ours that a stranger's workflow started as its child."""
    child, shown = f"default/g/{runs.key()}", None if seal is None else seal.hex()
    async with stranger(runs) as queue:
        given = [raw, runs.task_queue, child, shown]
        await runs.client.execute_workflow("StrangerBears", args=given, id=f"stranger/{runs.key()}", task_queue=queue)
    return Run(runs.client.get_workflow_handle(child), runs.client)


async def call(
    runs: Runs, name: str, argument: object, activity_id: str | None = None, seal: bytes | None = None
) -> Any:  # noqa: ANN401 - what the activity gives
    """What one of our activities does for a stranger."""
    given = [name, argument, runs.task_queue, activity_id, None if seal is None else seal.hex()]
    async with stranger(runs) as queue:
        return await runs.client.execute_workflow(
            "StrangerCalls", args=given, id=f"default/g/{runs.key()}", task_queue=queue
        )
