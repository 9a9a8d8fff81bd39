"""A worker that holds the conversation with pydantic-ai's `TemporalAgent`, written as its documentation shows."""

from __future__ import annotations

import asyncio
import os
import warnings

from pydantic_ai import Agent
from pydantic_ai.durable_exec.temporal import AgentPlugin, PydanticAIPlugin, TemporalAgent
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import UsageLimits
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.compare import conversation

WORKFLOW = "PydanticSide"


def asked(messages: list[ModelMessage]) -> str:
    """The first words of the person."""
    parts = (part for message in messages if isinstance(message, ModelRequest) for part in message.parts)
    return next(str(part.content) for part in parts if isinstance(part, UserPromptPart))


def script(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """The scripted model."""
    del info
    said = sum(isinstance(message, ModelResponse) for message in messages)
    if said < conversation.turns_of(asked(messages)):
        call = ToolCallPart(conversation.TOOL, conversation.ARGUMENTS, tool_call_id=f"call_{said}")
        return ModelResponse(parts=[call])
    return ModelResponse(parts=[TextPart(conversation.FINAL)])


agent = Agent(FunctionModel(script), name="reader", instructions=conversation.SYSTEM)


@agent.tool_plain(name=conversation.TOOL, description=conversation.TOOL_DESCRIPTION)
async def next_page(report: str) -> str:
    """The next page."""
    info = activity.info()
    return conversation.page(f"{report} {info.workflow_id} {info.activity_id}")


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its successor holds the same conversation (durability_side.py)
    durable = TemporalAgent(agent)


@workflow.defn(name=WORKFLOW)
class PydanticSide:
    """The conversation, all of it in one run of the agent."""

    @workflow.run
    async def run(self, turns: int) -> str:
        """The final answer."""
        limits = UsageLimits(request_limit=None)
        result = await durable.run(conversation.prompt(turns), usage_limits=limits)
        return str(result.output)


async def serve() -> None:
    """Serve until the parent ends us."""
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], plugins=[PydanticAIPlugin()])
    queue = os.environ["COMPARE_QUEUE"]
    async with Worker(client, task_queue=queue, workflows=[PydanticSide], plugins=[AgentPlugin(durable)]):
        conversation.say_ready()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
