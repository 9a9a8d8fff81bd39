"""What holds for every provider, whoever answers: asked of the real SDK on loopback and of a script alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.models.catalogue import Catalogue, load_catalogue
from tests.support.anthropic_server import Answer, AnthropicServer
from tests.support.model_calls import Attempt, Heard, attempt_call, model_args, output_of
from tests.support.openai_server import OpenAIServer
from workflows.contracts.calls import ModelArgs

PRICE = "price: {input: 1, output: 5}"
SCHEMA = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer"}},
    "additionalProperties": False,
}
Make = Callable[[Answer], Awaitable[Catalogue]]


def reply_of(answer: Answer) -> dict[str, object]:
    """An answer of the server in the words of a script."""
    seconds = answer.headers.get("retry-after")
    error = {"status": answer.status, "message": f"{answer.error}: {answer.message}"}
    if answer.status != 200:
        return {"default": True, "error": {**error, **({"retry_after": f"{seconds}s"} if seconds else {})}}
    delay = {"delay": "1h"} if answer.cut == "hang" else {}
    return {"default": True, "text": "".join(answer.parts), "usage": answer.usage, **delay}


@pytest.fixture(params=["anthropic", "openai", "scripted"])
async def provider(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Attempt, Make]]:
    """How to attempt a call, and how to make a catalogue that gives one answer."""
    file = tmp_path / "models.yaml"
    async with AsyncExitStack() as stack:

        async def make(answer: Answer) -> Catalogue:
            if request.param == "scripted":
                (tmp_path / "replies.yaml").write_text(json.dumps({"replies": [reply_of(answer)]}))
                entry = "provider: scripted, script: replies.yaml"
            elif request.param == "openai":
                completions = await stack.enter_async_context(OpenAIServer(answer))
                entry = f"provider: openai, base_url: '{completions.base_url}', api_key: env:K"
            else:
                server = await stack.enter_async_context(AnthropicServer(answer))
                entry = f"provider: anthropic, base_url: '{server.url}', api_key: env:K"
            file.write_text(f"models: {{default: {{{entry}, model: m, {PRICE}}}}}")
            catalogue = load_catalogue(file, None, environ={"K": "key"})
            stack.push_async_callback(catalogue.close)
            return catalogue

        yield Attempt(request.param), make


def asked(**fields: object) -> ModelArgs:
    return model_args("Count.", model="m", **fields)


async def failure_of(catalogue: Catalogue, attempt: Attempt, **fields: object) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await attempt_call(catalogue, asked(**fields), attempt)
    return caught.value


async def test_answer_has_one_shape_and_one_account(provider: tuple[Attempt, Make]) -> None:
    attempt, make = provider
    result = await attempt_call(await make(Answer(parts=["one ", "two"])), asked(), attempt)
    output = output_of(result).model_dump(exclude={"request_id"}, exclude_defaults=True)
    assert output == {"text": "one two", "stop_reason": "end_turn"}
    assert result.usage is not None
    usage = result.usage.model_dump(exclude={"latency_ms"}, exclude_defaults=True)
    cost_nano = 25 * 1000 + 15 * 5000
    assert usage == {"tokens": 40, "input_tokens": 25, "output_tokens": 15, "cost_nano": cost_nano}


async def test_progress_begins_with_nothing_and_ends_with_all(provider: tuple[Attempt, Make]) -> None:
    attempt, make = provider
    heard = Heard()
    await attempt_call(await make(Answer(parts=["x" * 300, "y" * 300])), asked(), attempt, heard)
    assert heard.said[0] == ("", 0)
    assert heard.said[-1] == ("x" * 100 + "y" * 300, 600)
    assert [chars for _, chars in heard.said] == sorted(chars for _, chars in heard.said)


async def test_structured_answer_is_parsed_and_checked(provider: tuple[Attempt, Make]) -> None:
    attempt, make = provider
    result = await attempt_call(await make(Answer(parts=['{"n": ', "7}"])), asked(output_schema=SCHEMA), attempt)
    assert output_of(result).output == {"n": 7}
    error = await failure_of(await make(Answer(parts=['{"n": "7"}'])), attempt, output_schema=SCHEMA)
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == ("ModelFailed", True, "yes")


@pytest.mark.parametrize(
    ("status", "kind", "final"),
    [
        (429, "ModelFailed", False),
        (529, "ModelFailed", False),
        (400, "ModelFailed", True),
        (401, "CredentialMissing", True),
    ],
)
async def test_error_status_means_the_same(
    provider: tuple[Attempt, Make], status: int, kind: str, *, final: bool
) -> None:
    attempt, make = provider
    error = await failure_of(await make(Answer(status=status, headers={"retry-after": "3"})), attempt)
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == (kind, final, "no")
    assert "api_error: something is wrong" in error.message
    if not final:
        assert error.next_retry_delay is not None
        assert error.next_retry_delay.total_seconds() == 3


async def test_cancelling_ends_a_call_at_once(provider: tuple[Attempt, Make]) -> None:
    attempt, make = provider
    call = asyncio.create_task(attempt_call(await make(Answer(cut="hang")), asked(), attempt))
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(call, 5)
