"""An image of the workspace, from `fs.view` by reference to the request that a provider is sent."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.dispatch import Reach
from activities.models.catalogue import load_catalogue
from activities.redaction import Redactor
from activities.tools.declare import Effect, Media, Risk, Tool, ToolContext, tool
from tests.support.answers import Answer, Called, Said
from tests.support.anthropic_server import AnthropicServer
from tests.support.calls import attempt, call, card_digest, reach
from tests.support.cards import run_card
from tests.support.pictures import PDF, png
from tests.support.simulator import Simulator
from workflows.contracts.calls import CallResult
from workflows.contracts.conversation import MEDIA_TOKENS, Content
from workflows.contracts.failures import FailureType
from workflows.engine.events import CallSucceeded

SECRET = "sk-live-0123456789abcdef"
VIEW = Called("fs_view", '{"path": "a.png"}', "c1")


@pytest.fixture(name="server")
async def make_server() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer(Answer(blocks=(Said(["I look."]), VIEW)), Answer(blocks=(Said(["Black."]),))) as server:
        yield server


def worker(root: Path, server: AnthropicServer) -> Reach:
    file = root / "models.yaml"
    price = "price: {input: 1, output: 5}"
    file.write_text(f"models: {{default: {{provider: anthropic, model: m, base_url: '{server.url}', {price}}}}}")
    return reach(root, catalogue=load_catalogue(file, None, environ={}))


async def turn(parts: Reach, message: dict[str, Any], number: int, **changes: Any) -> dict[str, Any]:
    """One turn of an agent that has `fs.view`."""
    entry = parts.catalogue.get("default")
    assert entry is not None
    toolset = [f"fs.view@{card_digest(parts, 'fs.view')[:12]}"]
    args = {"alias": "default", "model": "m", "messages": [message], "max_tokens": 100, "agent": True}
    made = call("default", {**args, "toolset": toolset, **changes}, entry.card.digest, "model", key=f"{number:064}")
    output: dict[str, Any] = (await attempt(parts, made, activity_type="model.anthropic"))["output"]
    return output


async def viewed(parts: Reach, path: str = "a.png") -> Content:
    """What an agent's call of `fs.view` gives."""
    asked = call("fs.view", {"path": path}, card_digest(parts, "fs.view"), content=True)
    result = CallResult.model_validate(await attempt(parts, asked))
    assert (result.output, result.content is None) == (None, False)
    assert result.content is not None
    return result.content


def answered(content: Content) -> dict[str, Any]:
    """The result as the engine passes it on in the next call."""
    node = {"kind": "agent", "model": "default", "prompt": "Do it.", "tools": ["pure"], "next": "end"}
    asked = [{"tool": ["pure"]}, {"model": ["default"]}]
    graph: dict[str, Any] = {"graph": "g", "version": "1.0.0", "capabilities": asked, "output": "${result}"}
    run = Simulator({**graph, "start": "a", "nodes": {"a": node}}, run_card())
    run.say("start")
    run.say('turn a#1:1 {"calls": [["pure", {"x": 1}]]}')
    run.feed(CallSucceeded(run.now_ms, "a#1:2", None, content=content))
    args: Any = next(one.payload["args"] for one in reversed(run.every_call) if one.model)
    (result,) = args["messages"][0]["results"]
    return {**result, "id": "c1"}


async def test_an_image_comes_to_the_provider_as_it_is_and_history_has_a_reference(
    tmp_path: Path, server: AnthropicServer
) -> None:
    parts = worker(tmp_path, server)
    data = png(300, 200)
    (tmp_path / "work" / "a.png").write_bytes(data)
    first = await turn(parts, {"role": "user", "content": [{"text": "What is in a.png?"}]}, 1)
    assert [use["name"] for use in first["tool_calls"]] == ["fs.view"]
    content = await viewed(parts)
    assert content.text == f"`a.png`: image/png of {len(data)} bytes"
    told = {"role": "user", "results": [answered(content)]}
    second = await turn(parts, told, 2, transcript=first["transcript"])
    assert second["text"] == "Black."
    (result,) = server.requests[-1].body["messages"][-1]["content"]
    assert result["content"][0] == {"type": "text", "text": content.text}
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(data).decode()}
    assert result["content"][1]["type"] == "image"
    assert result["content"][1]["source"] == source
    grown = second["transcript_bytes"] - first["transcript_bytes"]
    assert grown == MEDIA_TOKENS + len(content.text) + len("Black.")


async def test_media_are_kept_under_the_tenant_whole(tmp_path: Path, server: AnthropicServer) -> None:
    parts = worker(tmp_path, server)
    (tmp_path / "work" / "plan").write_bytes(PDF)
    content = await viewed(parts, "plan")
    assert content.ref is not None
    assert (content.media, content.ref.size_bytes, content.whole) == ("application/pdf", len(PDF), None)
    assert content.ref.uri.startswith("blob:default/")
    assert await parts.blobs.get(content.ref.digest, "default") == PDF


@pytest.mark.parametrize(
    "hidden",
    [
        SECRET.encode(),
        SECRET.encode("utf-16-be"),
        SECRET.encode("utf-16-le"),
        SECRET.encode().hex().encode(),
        base64.b64encode(f"user:{SECRET}".encode()),
        b"\0raw key \xff",
    ],
)
async def test_a_document_with_a_secret_in_it_is_not_kept(
    tmp_path: Path, server: AnthropicServer, hidden: bytes
) -> None:
    careless = worker(tmp_path, server)
    (tmp_path / "work" / "a.pdf").write_bytes(PDF + b"(" + hidden + b")")
    parts = dataclasses.replace(careless, redactor=Redactor([SECRET, b"\0raw key \xff"]))
    with pytest.raises(ApplicationError, match="holds the value of a secret, which cannot be taken out of") as caught:
        await viewed(parts, "a.pdf")
    assert (caught.value.type, caught.value.non_retryable) == ("ToolFailed", True)
    assert not (tmp_path / "blobs").exists()
    content = await viewed(careless, "a.pdf")  # without the redactor it is kept
    assert content.ref is not None
    assert hidden in await careless.blobs.get(content.ref.digest, "default")


async def test_no_value_of_a_secret_is_in_the_note(tmp_path: Path, server: AnthropicServer) -> None:
    parts = dataclasses.replace(worker(tmp_path, server), redactor=Redactor([SECRET]))
    (tmp_path / "work" / f"{SECRET}.png").write_bytes(png())
    assert (await viewed(parts, f"{SECRET}.png")).text.startswith("`[redacted].png`: image/png of ")


def drawing(effect: Effect, data: bytes) -> Tool:
    @tool("text.draw", effect=effect, risk=Risk.LOW, timeout="5s")
    async def draw(context: ToolContext) -> Media:
        """Draw it."""
        return Media(data, "image/png")

    return draw


@pytest.mark.parametrize("effect", [Effect.READ, Effect.ONCE])
@pytest.mark.parametrize("content", [False, True])
async def test_who_is_no_agent_is_shown_nothing_and_no_effect_is_called_undone(
    tmp_path: Path, effect: Effect, *, content: bool
) -> None:
    secret = SECRET.encode() if content else b""
    parts = reach(tmp_path, drawing(effect, png() + secret))
    parts = dataclasses.replace(parts, redactor=Redactor([SECRET]))
    asked = call("text.draw", {}, card_digest(parts, "text.draw"), content=content)
    words = "holds the value of a secret" if content else "it gave image/png, which only an agent can be shown"
    with pytest.raises(ApplicationError, match=words) as caught:
        await attempt(parts, asked)
    kind = FailureType.UNCERTAIN if effect is Effect.ONCE else FailureType.TOOL_FAILED
    assert (caught.value.type, caught.value.non_retryable) == (kind, True)
