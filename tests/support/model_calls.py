"""Model calls as the engine would make them, and what their progress said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from temporalio.testing import ActivityEnvironment

from activities.blobs import DirectoryBlobs
from activities.models.call import call_model
from activities.models.catalogue import Catalogue
from activities.models.means import Means
from activities.ports import BlobStore
from activities.redaction import Redactor
from activities.tools.declare import Tool
from activities.tools.registry import Toolbox
from activities.transcripts import Transcripts
from workflows.contracts.calls import Call, CallResult, DecisionRecord, Message, ModelArgs, ModelOutput, Part

DECISION = DecisionRecord(verdict="allow", policy="0" * 16, digest="0" * 16)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt Temporal makes, at which call of which run."""

    provider: str = "anthropic"
    number: int = 1
    key: str = "a" * 64
    run: str = "t/g/1"


FIRST = Attempt()


@dataclass(slots=True)
class Heard:
    """A progress callback that remembers."""

    said: list[tuple[str, int]] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)

    def __call__(self, tail: str, chars: int, /, *, tool: str | None = None) -> None:
        self.said.append((tail, chars))
        if tool is not None:
            self.tools.append(tool)


def model_args(prompt: str = "Review this.", **fields: object) -> ModelArgs:
    """Arguments of a call with one message of the user."""
    given: dict[str, object] = {
        "alias": "default",
        "model": "claude-haiku-4-5",
        "messages": (Message(role="user", content=(Part(text=prompt),)),),
        "max_tokens": 1024,
        **fields,
    }
    return ModelArgs.model_validate(given)


def model_call(args: ModelArgs, *, key: str = "a" * 64) -> Call:
    """A decided call with these arguments."""
    return Call(
        name="model.anthropic",
        args=args.model_dump(mode="json"),
        activation="review#1",
        index=1,
        node="review",
        key=key,
        decision=DECISION,
    )


async def attempt_call(
    catalogue: Catalogue, args: ModelArgs, attempt: Attempt = FIRST, heard: Heard | None = None
) -> CallResult:
    """One attempt, made inside an activity as Temporal would."""
    return await attempt_with(means_of(catalogue), args, attempt, heard)


async def attempt_with(
    means: Means, args: ModelArgs, attempt: Attempt = FIRST, heard: Heard | None = None
) -> CallResult:
    """The same with all that a worker has."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt.number, workflow_id=attempt.run)
    call = model_call(args, key=attempt.key)
    return await environment.run(call_model, means, attempt.provider, call, heard or Heard())


def means_of(
    catalogue: Catalogue, *tools: Tool, blobs: BlobStore | None = None, redactor: Redactor | None = None
) -> Means:
    """What a worker with these models and tools gives a call; without `blobs` it can keep no conversation."""
    store = blobs or DirectoryBlobs(Path("/nowhere"))
    return Means(catalogue, Toolbox(tools), Transcripts(store), redactor or Redactor())


def output_of(result: CallResult) -> ModelOutput:
    """The output of a result."""
    return ModelOutput.model_validate(result.output)
