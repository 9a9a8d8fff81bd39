"""A worker that holds the conversation with pydantic-ai's `TemporalDurability`, which can continue as new.

It does so whenever Temporal suggests it. This is the successor of what pydantic_side.py uses.
"""

from __future__ import annotations

import asyncio
import os

from pydantic_ai import Agent, RunContext
from pydantic_ai.durable_exec.temporal import AgentPlugin, PydanticAIPlugin, TemporalDurability
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.usage import UsageLimits
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.compare import conversation
from benchmarks.compare.pydantic_side import asked, script

WORKFLOW = "DurabilitySide"


def go_on(context: RunContext[None]) -> None:
    """Carry the whole conversation over, which is what the run needs to resume."""
    turns = conversation.turns_of(asked(context.messages))
    workflow.continue_as_new(args=[turns, context.messages])


durability = TemporalDurability[None](continue_as_new=go_on)
agent = Agent(FunctionModel(script), name="reader", instructions=conversation.SYSTEM, capabilities=[durability])


@agent.tool_plain(name=conversation.TOOL, description=conversation.TOOL_DESCRIPTION)
async def next_page(report: str) -> str:
    """The next page."""
    info = activity.info()
    return conversation.page(f"{report} {info.workflow_id} {info.workflow_run_id} {info.activity_id}")


@workflow.defn(name=WORKFLOW)
class DurabilitySide:
    """The conversation, in as many executions as it takes."""

    @workflow.run
    async def run(self, turns: int, before: list[ModelMessage] | None = None) -> str:
        """The final answer."""
        asking = None if before else conversation.prompt(turns)
        limits = UsageLimits(request_limit=None)
        result = await agent.run(asking, message_history=before, usage_limits=limits)
        return str(result.output)


async def serve() -> None:
    """Serve until the parent ends us."""
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], plugins=[PydanticAIPlugin()])
    queue = os.environ["COMPARE_QUEUE"]
    async with Worker(client, task_queue=queue, workflows=[DurabilitySide], plugins=[AgentPlugin(agent)]):
        conversation.say_ready()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
