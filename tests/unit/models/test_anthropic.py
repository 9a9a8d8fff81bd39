"""The Anthropic provider, by the real SDK, against a server that speaks the real protocol."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.models.catalogue import Catalogue
from tests.support.anthropic_server import Answer, AnthropicServer
from tests.support.model_calls import Heard, attempt_call, model_args, output_of

At = Callable[..., Catalogue]
CLOSED = {
    "type": "object",
    "required": ["findings"],
    "properties": {"findings": {"type": "array", "items": {"type": "string", "minLength": 2}}},
}
OPEN = {"type": "object", "required": ["findings"], "properties": {"findings": {"type": "array"}}}


async def failure_of(catalogue: Catalogue, **fields: object) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await attempt_call(catalogue, model_args("Review this.", **fields))
    return caught.value


async def test_text_comes_with_usage_cost_and_request_id(catalogue_at: At) -> None:
    usage = {"input_tokens": 25, "output_tokens": 15, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 3}
    async with AnthropicServer(Answer(usage=usage)) as server:
        result = await attempt_call(catalogue_at(server.url), model_args(system="Be brief."))
    output = output_of(result)
    assert (output.text, output.stop_reason, output.request_id) == ("Hello, world.", "end_turn", "req_1")
    assert result.usage is not None
    assert result.usage.tokens == 25 + 15 + 7 + 3
    assert result.usage.cost_nano == 25 * 1000 + 15 * 5000 + 7 * 100 + 3 * 1250
    assert (result.usage.cache_read_tokens, result.usage.cache_write_tokens) == (7, 3)


async def test_request_is_what_the_api_expects(catalogue_at: At) -> None:
    async with AnthropicServer(key="sk-ant-canary-0123456789+/=abcdef") as server:
        await attempt_call(catalogue_at(server.url), model_args("Review this.", system="Be brief.", max_tokens=77))
    (request,) = server.requests
    assert request.body["stream"] is True
    assert (request.body["model"], request.body["max_tokens"]) == ("claude-haiku-4-5", 77)
    assert request.body["system"] == "Be brief."
    assert request.body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Review this."}]}]


async def test_temperature_goes_to_the_version_that_takes_it(catalogue_at: At) -> None:
    async with AnthropicServer() as server:
        await attempt_call(catalogue_at(server.url), model_args(temperature=0.2))
    assert server.requests[0].body["temperature"] == 0.2
    assert server.requests[0].headers["anthropic-version"] == "2023-06-01"


async def test_closed_schema_is_sent_as_a_grammar(catalogue_at: At) -> None:
    async with AnthropicServer(Answer(parts=['{"findings": ["a', 'b"]}'])) as server:
        result = await attempt_call(catalogue_at(server.url), model_args(output_schema=CLOSED))
    assert output_of(result).output == {"findings": ["ab"]}
    config = server.requests[0].body["output_config"]
    assert isinstance(config, dict)
    assert config["format"]["type"] == "json_schema"
    assert "system" not in server.requests[0].body


async def test_open_schema_is_asked_for_in_words(catalogue_at: At) -> None:
    async with AnthropicServer(Answer(parts=['```json\n{"findings": [{"line": 1}]}\n```'])) as server:
        result = await attempt_call(catalogue_at(server.url), model_args(system="Cite lines.", output_schema=OPEN))
    assert output_of(result).output == {"findings": [{"line": 1}]}
    system = str(server.requests[0].body["system"])
    assert system.startswith("Cite lines.")
    assert '"required":["findings"]' in system
    assert "output_config" not in server.requests[0].body


@pytest.mark.parametrize("text", ["no json", '{"findings": ["x"]}', '{"findings": [NaN]}', "[1]"])
async def test_answer_that_misses_the_schema_fails_and_says_what_it_cost(catalogue_at: At, text: str) -> None:
    async with AnthropicServer(Answer(parts=[text])) as server:
        error = await failure_of(catalogue_at(server.url), output_schema=CLOSED)
    assert (error.type, error.non_retryable) == ("ModelFailed", True)
    assert error.details[0]["billed"] == "yes"
    assert error.details[0]["usage"]["cost_nano"] == 25 * 1000 + 15 * 5000
    assert len(server.requests) == 1


async def test_slow_stream_is_told_as_it_grows(catalogue_at: At) -> None:
    heard = Heard()
    parts = ["x" * 300, "y" * 300, "z" * 300]
    async with AnthropicServer(Answer(parts=parts, pause_s=0.05)) as server:
        await attempt_call(catalogue_at(server.url), model_args(), heard=heard)
    assert [chars for _, chars in heard.said] == [0, 300, 600, 900]
    assert heard.said[-1][0] == "y" * 100 + "z" * 300


@pytest.mark.parametrize("cut", ["close", "end", "error", "garbage"])
async def test_cut_stream_may_be_billed_and_is_not_sent_again(catalogue_at: At, cut: str) -> None:
    async with AnthropicServer(Answer(cut=cut, error="overloaded_error")) as server:
        error = await failure_of(catalogue_at(server.url))
    assert (error.type, error.non_retryable) == ("MaybeBilled", True)
    assert error.details[0] == {"billed": "maybe"}
    assert len(server.requests) == 1


async def test_answer_that_hides_its_usage_is_not_free(catalogue_at: At) -> None:
    async with AnthropicServer(Answer(usage=None)) as server:
        error = await failure_of(catalogue_at(server.url))
    assert error.type == "MaybeBilled"


async def test_stream_that_stalls_ends_at_the_timeout(catalogue_at: At) -> None:
    async with AnthropicServer(Answer(cut="hang")) as server:
        error = await failure_of(catalogue_at(server.url, ", timeout: 200ms"))
        await asyncio.wait_for(server.requests[0].gone.wait(), 5)
    assert (error.type, error.non_retryable) == ("MaybeBilled", True)


async def test_cancelling_closes_the_stream(catalogue_at: At) -> None:
    async with AnthropicServer(Answer(cut="hang")) as server:
        call = asyncio.create_task(attempt_call(catalogue_at(server.url), model_args()))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(server.requests[0].gone.wait(), 5)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
async def test_busy_provider_is_left_for_temporal_to_ask_again(catalogue_at: At, status: int) -> None:
    async with AnthropicServer(Answer(status=status)) as server:
        error = await failure_of(catalogue_at(server.url))
    assert (error.type, error.non_retryable, error.next_retry_delay) == ("ModelFailed", False, None)
    assert error.details[0]["billed"] == "no"
    assert f"the provider answered {status}: api_error: something is wrong" in error.message
    assert len(server.requests) == 1  # the SDK does not repeat by itself


@pytest.mark.parametrize(("header", "delay_s"), [("7", 7), ("0.5", 0.5), ("3600", 120), ("soon", None), ("nan", None)])
async def test_retry_after_sets_the_next_delay(catalogue_at: At, header: str, delay_s: float | None) -> None:
    async with AnthropicServer(Answer(status=429, headers={"retry-after": header})) as server:
        error = await failure_of(catalogue_at(server.url))
    assert error.next_retry_delay == (None if delay_s is None else timedelta(seconds=delay_s))


@pytest.mark.parametrize("status", [400, 404, 413, 422, 307])
async def test_request_that_cannot_be_mended_is_not_sent_again(catalogue_at: At, status: int) -> None:
    async with AnthropicServer(Answer(status=status, headers={"location": "http://127.0.0.1:9/"})) as server:
        error = await failure_of(catalogue_at(server.url))
    assert (error.type, error.non_retryable) == ("ModelFailed", True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key_is_a_missing_credential(catalogue_at: At, status: int) -> None:
    async with AnthropicServer(Answer(status=status, error="authentication_error")) as server:
        error = await failure_of(catalogue_at(server.url))
    assert (error.type, error.non_retryable) == ("CredentialMissing", True)
    assert "`env:CANARY_KEY`" in error.message


@pytest.mark.parametrize("environ", [{}, {"CANARY_KEY": "  "}, {"CANARY_KEY": "sk\nx: y"}, {"CANARY_KEY": "sk-ü"}])
async def test_missing_or_odd_key_is_found_before_anything_is_sent(catalogue_at: At, environ: dict[str, str]) -> None:
    async with AnthropicServer() as server:
        error = await failure_of(catalogue_at(server.url, environ=environ))
    assert (error.type, error.non_retryable) == ("CredentialMissing", True)
    assert "`env:CANARY_KEY`" in error.message
    assert server.requests == []


async def test_connection_that_is_refused_is_tried_again(catalogue_at: At) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = await failure_of(catalogue_at(f"http://127.0.0.1:{port}"))
    assert (error.type, error.non_retryable, error.details[0]) == ("ModelFailed", False, {"billed": "no"})


async def test_result_over_the_limit_fails_once_and_says_what_it_cost(catalogue_at: At) -> None:
    async with AnthropicServer(Answer(parts=["x" * 1_100_000])) as server:
        error = await failure_of(catalogue_at(server.url))
    assert (error.type, error.non_retryable) == ("ResultTooLarge", True)
    assert error.details[0]["billed"] == "yes"
