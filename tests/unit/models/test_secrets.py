"""The key is a canary: it may reach the provider, and nothing else."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from activities.models.catalogue import Catalogue, load_catalogue
from activities.models.secret import Secret, resolve
from activities.models.stream_text import StreamText
from tests.support.anthropic_server import Answer, AnthropicServer
from tests.support.model_calls import Heard, attempt_call, model_args
from tests.unit.models.conftest import KEY

At = Callable[..., Catalogue]
FORMS = (KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode())


def assert_clean(*texts: object) -> None:
    for text in map(str, texts):
        for form in FORMS:
            assert form not in text


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 529])
async def test_key_that_the_provider_echoes_goes_nowhere(
    catalogue_at: At, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    heard, parts = Heard(), [f"key {KEY[:9]}", f"{KEY[9:]} url {FORMS[1]}", f" b64 {FORMS[2]}."]
    answer = Answer(status=status, parts=parts, message=" ".join(FORMS))
    async with AnthropicServer(answer) as server:
        catalogue = catalogue_at(server.url)
        try:
            result = await attempt_call(catalogue, model_args(), heard=heard)
        except ApplicationError as error:
            chain = "".join(traceback.format_exception(error))
            assert_clean(chain, error.details, repr(error), error.__cause__)
        else:
            assert status == 200
            assert_clean(result)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert_clean(heard.said, caplog.text, [record.__dict__ for record in caplog.records])
    assert_clean(catalogue.cards(), repr(catalogue.get("default")), vars(catalogue))


@pytest.mark.parametrize("cut", ["close", "error", "garbage"])
async def test_key_is_not_in_what_a_broken_stream_leaves(catalogue_at: At, cut: str) -> None:
    async with AnthropicServer(Answer(cut=cut, parts=[KEY], message=KEY)) as server:
        with pytest.raises(ApplicationError) as caught:
            await attempt_call(catalogue_at(server.url), model_args())
    assert_clean("".join(traceback.format_exception(caught.value)), caught.value.details)


async def test_provider_without_a_key_is_sent_none_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"x-gateway: {KEY}\nx-other: {KEY}\nauthorization: Bearer {KEY}")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    file = tmp_path / "models.yaml"
    async with AnthropicServer() as server:
        entry = f"{{provider: anthropic, model: m, base_url: '{server.url}', price: {{input: 0, output: 0}}}}"
        file.write_text(f"models: {{default: {entry}}}\n")
        catalogue = load_catalogue(None, file, environ={"ANTHROPIC_API_KEY": KEY})
        await attempt_call(catalogue, model_args(model="m"))
        await catalogue.close()
    assert_clean(server.requests[0].headers)
    assert "authorization" not in server.requests[0].headers


async def test_redirect_takes_the_key_nowhere(catalogue_at: At) -> None:
    async with AnthropicServer() as thief:
        moved = Answer(status=307, headers={"location": f"{thief.url}/v1/messages"})
        async with AnthropicServer(moved) as server:
            with pytest.raises(ApplicationError):
                await attempt_call(catalogue_at(server.url), model_args())
    assert thief.requests == []


PLAIN = st.characters(min_codepoint=33, max_codepoint=126)


@given(key=st.text(PLAIN, min_size=12, max_size=60), data=st.data())
def test_growing_text_never_shows_more_than_a_crumb_of_the_key(key: str, data: st.DataObject) -> None:
    between = st.text("ab ", max_size=450)
    text = "".join(data.draw(between) + key for _ in range(3)) + data.draw(between)
    heard = Heard()
    shown = StreamText(Secret("env:K", key), heard)
    while text:
        size = data.draw(st.integers(1, 300))
        shown.add(text[:size])
        text = text[size:]
    crumbs = {key[at : at + 8] for at in range(len(key) - 7)} - {"[redacted]"[at : at + 8] for at in range(3)}
    assert not [tail for tail, _ in heard.said for crumb in crumbs if crumb in tail and not crumb.isspace()]


def test_reference_without_a_value_resolves_to_nothing() -> None:
    assert resolve("env:NAME", {}) is None
    assert resolve("NAME", {"NAME": "x"}) is None
    assert resolve("env:NAME", {"NAME": " x\n"}) == Secret("env:NAME", "x")
