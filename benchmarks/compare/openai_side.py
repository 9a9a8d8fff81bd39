"""A worker that holds the conversation with temporalio's plugin for openai-agents, as its documentation shows."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from agents import Agent, Model, ModelProvider, ModelResponse, Runner, TResponseInputItem, Usage, set_tracing_disabled
from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
from temporalio.openai_agents.workflow import activity_as_tool
from temporalio.worker import Worker

from benchmarks.compare import conversation

WORKFLOW = "OpenAISide"
ATTEMPT = timedelta(seconds=conversation.ATTEMPT_S)


class Script(Model):
    """The scripted model."""

    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        """One tool call for every turn, then the final answer."""
        del given
        asked: str | list[TResponseInputItem] = named["input"]
        items = [{"content": asked}] if isinstance(asked, str) else [dict(item) for item in asked]
        said = sum(item.get("type") == "function_call" for item in items)
        if said < conversation.turns_of(str(items[0]["content"])):
            return answer(call(said))
        return answer(final())

    def stream_response(self, *given: Any, **more: Any) -> AsyncIterator[TResponseStreamEvent]:
        """Nobody streams here."""
        raise NotImplementedError


def call(number: int) -> ResponseFunctionToolCall:
    """The wish to read the next page."""
    return ResponseFunctionToolCall(
        type="function_call",
        id=f"fc_{number}",
        call_id=f"call_{number}",
        name=conversation.TOOL,
        arguments=json.dumps(conversation.ARGUMENTS),
        status="completed",
    )


def final() -> ResponseOutputMessage:
    """The last words."""
    text = ResponseOutputText(type="output_text", text=conversation.FINAL, annotations=[])
    return ResponseOutputMessage(id="msg", type="message", role="assistant", status="completed", content=[text])


def answer(item: ResponseFunctionToolCall | ResponseOutputMessage) -> ModelResponse:
    """A response of one item."""
    return ModelResponse(output=[item], usage=Usage(), response_id=None)


class Provider(ModelProvider):
    """Knows one model."""

    def get_model(self, model_name: str | None) -> Model:
        """The scripted one."""
        del model_name
        return Script()


@activity.defn(name=conversation.TOOL)
async def next_page(report: str) -> str:
    """Read the next page of the report."""
    info = activity.info()
    return conversation.page(f"{report} {info.workflow_id} {info.activity_id}")


@workflow.defn(name=WORKFLOW)
class OpenAISide:
    """The conversation, all of it in one run of the agent."""

    @workflow.run
    async def run(self, turns: int) -> str:
        """The final answer."""
        tools = [activity_as_tool(next_page, start_to_close_timeout=ATTEMPT)]
        agent = Agent(name="reader", instructions=conversation.SYSTEM, tools=tools)
        result = await Runner.run(agent, conversation.prompt(turns), max_turns=turns + 1)
        return str(result.final_output)


async def serve() -> None:
    """Serve until the parent ends us."""
    set_tracing_disabled(True)
    plugin = OpenAIAgentsPlugin(
        model_params=ModelActivityParameters(start_to_close_timeout=ATTEMPT), model_provider=Provider()
    )
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], plugins=[plugin])
    queue = os.environ["COMPARE_QUEUE"]
    async with Worker(client, task_queue=queue, workflows=[OpenAISide], activities=[next_page]):
        conversation.say_ready()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
