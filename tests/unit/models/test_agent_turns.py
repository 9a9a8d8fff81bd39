"""An agent's turns from the wire to a provider and back, over the real SDKs, also from one provider to another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from activities.blobs import DirectoryBlobs
from activities.models.catalogue import load_catalogue
from activities.models.means import Means
from activities.tools.files import read
from tests.support.answers import Answer, Called, Said, Thought
from tests.support.anthropic_server import AnthropicServer
from tests.support.model_calls import Attempt, attempt_with, means_of, model_args, output_of
from tests.support.openai_server import OpenAIServer
from workflows.contracts.calls import ModelOutput
from workflows.contracts.conversation import Message, Part, Ref, ToolAnswer

READ = f"fs.read@{read.card.digest[:12]}"
PRICE = "price: {input: 1, output: 5}"
TWO = (Called("fs_read", '{"path": "a"}', "c1"), Called("fs_read", '{"path": "b"}', "c2"))
THINKS = Answer(blocks=(Thought("Both, I think.", "sig"), Said(["I look."]), *TWO))
CALLS = Answer(blocks=(Said(["I look."]), *TWO))


@dataclass(slots=True)
class Agent:
    """What the workflow knows of a conversation, and the providers that it goes to."""

    means: Means
    anthropic: AnthropicServer
    openai: OpenAIServer
    transcript: Ref | None = None
    said: list[ModelOutput] = field(default_factory=list)

    async def turn(self, provider: str, message: Message) -> ModelOutput:
        args = model_args(
            alias=provider,
            model="m",
            messages=(message,),
            system=None if self.transcript else "Be careful.",
            transcript=self.transcript,
            toolset=(READ,),
            max_tokens=8000,
            agent=True,
        )
        result = await attempt_with(self.means, args, Attempt(provider, key=f"{len(self.said):064x}"))
        self.said.append(output_of(result))
        self.transcript = self.said[-1].transcript
        return self.said[-1]

    async def answered(self, text: str) -> Message:
        """The results of the last turn's calls: the first by reference, the second as it is."""
        ref = await self.means.transcripts.keep(text.encode(), "t")
        parts = (Part(ref=ref), Part(text=text))
        calls = zip(self.said[-1].tool_calls, parts, strict=True)
        return Message(role="user", results=tuple(ToolAnswer(id=use.id, content=(part,)) for use, part in calls))


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """An agent that both providers ask for two tools, always the same."""
    async with AsyncExitStack() as stack:
        anthropic = await stack.enter_async_context(AnthropicServer(THINKS, CALLS))
        openai = await stack.enter_async_context(OpenAIServer(CALLS))
        file = tmp_path / "models.yaml"
        file.write_text(f"""
models:
  anthropic: {{provider: anthropic, model: m, base_url: '{anthropic.url}', thinking: 2000, max_tokens: 8000, {PRICE}}}
  openai: {{provider: openai, model: m, base_url: '{openai.base_url}', {PRICE}}}
""")
        catalogue = load_catalogue(file, None, environ={})
        stack.push_async_callback(catalogue.close)
        yield Agent(means_of(catalogue, read, blobs=DirectoryBlobs(tmp_path / "blobs")), anthropic, openai)


def kinds(message: dict[str, Any]) -> list[str]:
    return [block["type"] for block in message["content"]]


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_turns_go_on_from_what_was_kept(agent: Agent, provider: str) -> None:
    await agent.turn(provider, Message(role="user", content=(Part(text="Read both."),)))
    for number in range(3):
        await agent.turn(provider, await agent.answered(f"{number}" * 600))
    assert [[use.name for use in output.tool_calls] for output in agent.said] == [["fs.read"] * 2] * 4
    assert len({use.id for output in agent.said for use in output.tool_calls}) == 8
    server = agent.anthropic if provider == "anthropic" else agent.openai
    assert len(server.requests) == 4
    assert "2" * 600 in str(server.requests[-1].body["messages"])


async def test_conversation_moves_between_providers_and_thoughts_stay_with_theirs(agent: Agent) -> None:
    await agent.turn("anthropic", Message(role="user", content=(Part(text="Read both."),)))
    await agent.turn("openai", await agent.answered("one"))
    assert "Both, I think." not in str(agent.openai.requests[0].body)
    agent.anthropic.answers[0] = Answer()
    await agent.turn("anthropic", await agent.answered("two"))
    last = agent.anthropic.requests[-1].body
    assert [kinds(message) for message in last["messages"] if message["role"] == "assistant"] == [
        ["thinking", "text", "tool_use", "tool_use"],
        ["text", "tool_use", "tool_use"],
    ]
    assert "thinking" not in last  # it may not begin in the middle of a turn
    await agent.turn("anthropic", Message(role="user", content=(Part(text="Stop."),)))
    assert agent.anthropic.requests[-1].body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
