"""Turns of an agent, as the engine would ask for them, answered by a provider that remembers what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.blobs import DirectoryBlobs
from activities.models.aliases import Catalogue, Entry
from activities.models.means import Means
from activities.models.provider import Ask, Progress, Reply, Tokens
from activities.redaction import Redactor
from activities.tools.files import read
from activities.transcripts import Transcript
from tests.support.model_calls import Attempt, attempt_with, means_of, output_of
from workflows.contracts.calls import ModelArgs, ModelOutput
from workflows.contracts.conversation import Message, Part, Ref, ToolAnswer, ToolUse
from workflows.contracts.run import ModelCard, PriceCard

CARD = ModelCard(
    alias="default", provider="told", model="m", max_tokens=100, context=1000, price=PriceCard(output=5), digest="d"
)
ATTEMPT = Attempt("told", run="t/g/1")
READ = f"fs.read@{read.card.digest[:12]}"
USED = Tokens(input=10, output=2)


class Answering:
    """A provider that gives its replies in turn and keeps what it was asked."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = list(replies)
        self.asked: list[Ask] = []

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        self.asked.append(ask)
        progress("", 0)
        return self._replies.pop(0)

    async def close(self) -> None:
        pass


@dataclass
class Talk:
    """An agent's conversation on one worker: `transcript` is where its next turn goes on from."""

    means: Means
    provider: Answering
    transcript: Ref | None = None
    outputs: list[ModelOutput] = field(default_factory=list)

    async def turn(self, *messages: Message, run: str = ATTEMPT.run, **fields: Any) -> ModelOutput:
        """One more turn, or what `fields` make of it."""
        args = {"toolset": (READ,), "transcript": self.transcript, **fields}
        result = await attempt_with(self.means, agent_args(*messages, **args), Attempt("told", run=run))
        assert result.usage is not None
        output = output_of(result)
        self.transcript = output.transcript
        self.outputs.append(output)
        return output

    async def failure(self, *messages: Message, **fields: Any) -> ApplicationError:
        """The failure that a turn is to end with; the conversation stands where it stood."""
        with pytest.raises(ApplicationError) as caught:
            await self.turn(*messages, **fields)
        return caught.value

    async def kept(self) -> Transcript:
        """The conversation as another worker, which has nothing in its cache, finds it."""
        return await means_of(self.means.catalogue, blobs=self.means.transcripts._store).transcripts.load(
            self.transcript, "t"
        )


def talk(root: Path, *replies: Reply, redactor: Redactor | None = None) -> Talk:
    """A conversation that has not begun, kept in a directory."""
    provider = Answering(replies)
    catalogue = Catalogue({"default": Entry(CARD, provider)})
    return Talk(means_of(catalogue, read, blobs=DirectoryBlobs(root / "blobs"), redactor=redactor), provider)


def agent_args(*messages: Message, **fields: object) -> ModelArgs:
    """What the engine gives an agent's turn."""
    given = {"alias": "default", "model": "m", "messages": messages, "max_tokens": 100, "agent": True, **fields}
    return ModelArgs.model_validate(given)


def says(text: str = "", *calls: ToolUse, stop: str = "end_turn", raw: tuple[dict[str, object], ...] = ()) -> Reply:
    """A provider's reply."""
    return Reply(text, "tool_use" if calls else stop, USED, tool_calls=calls, raw=raw)


def wants(name: str, path: str = "a.py") -> ToolUse:
    """A call of `fs.read`."""
    return ToolUse(id=name, name="fs.read", args={"path": path})


def found(name: str, *content: Part, denied: bool = False) -> ToolAnswer:
    """A result as the engine passes it on."""
    return ToolAnswer(id=name, content=content or (Part(text="found"),), is_error=denied, denied=denied)
