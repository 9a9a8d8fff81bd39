"""Somebody else's workflows, in the same namespace: they may schedule our activities and go on as our runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.support.runs import TIMEOUT_S, Run
from workflows.contracts.names import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.runs import Runs


@workflow.defn(name="StrangerGoesOn", sandboxed=False)
class StrangerGoesOn:
    """Goes on as one of our runs, with an input of its own making."""

    @workflow.run
    async def run(self, raw: dict[str, Any], task_queue: str) -> None:
        workflow.continue_as_new(args=[raw], workflow=WORKFLOW, task_queue=task_queue)


@workflow.defn(name="StrangerCalls", sandboxed=False)
class StrangerCalls:
    """Schedules one of our activities with an argument of its own making."""

    @workflow.run
    async def run(self, name: str, argument: Any, task_queue: str) -> Any:  # noqa: ANN401 - whatever it likes
        return await workflow.execute_activity(
            name,
            argument,
            task_queue=task_queue,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=10)),
        )


@asynccontextmanager
async def stranger(runs: Runs) -> AsyncIterator[str]:
    """The task queue of the stranger's own worker."""
    queue = f"{runs.task_queue}-stranger"
    workflows = [StrangerGoesOn, StrangerCalls]
    async with Worker(runs.client, task_queue=queue, workflows=workflows, workflow_runner=UnsandboxedWorkflowRunner()):
        yield queue


async def go_on(runs: Runs, *inputs: Mapping[str, object]) -> list[Run]:
    """Runs of ours that seem to continue others, which were never ours; all at once, as the server takes a second."""
    async with stranger(runs) as queue:
        handles = [
            await runs.client.start_workflow(
                "StrangerGoesOn", args=[raw, runs.task_queue], id=f"default/g/{runs.key()}", task_queue=queue
            )
            for raw in inputs
        ]
        async with asyncio.timeout(TIMEOUT_S):
            for handle in handles:
                while (await handle.describe()).workflow_type != WORKFLOW:  # noqa: ASYNC110 - the server changes it
                    await asyncio.sleep(0.02)
    return [Run(runs.client.get_workflow_handle(handle.id), runs.client) for handle in handles]


async def call(runs: Runs, name: str, argument: object) -> Any:  # noqa: ANN401 - what the activity gives
    """What one of our activities does for a stranger."""
    async with stranger(runs) as queue:
        return await runs.client.execute_workflow(
            "StrangerCalls", args=[name, argument, runs.task_queue], id=f"default/g/{runs.key()}", task_queue=queue
        )
