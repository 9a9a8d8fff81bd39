"""Whatever a conversation was, once it is repaired both providers take it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from activities.models.chat_request import request_of as chat_request
from activities.models.endpoint import read_endpoint
from activities.models.messages_options import MessagesOptions
from activities.models.messages_request import request_of as messages_request
from activities.models.provider import ToolOffer
from tests.support import anthropic_rules, openai_rules
from tests.support.asks import READ, SEARCH, ask_of
from tests.support.conversations import CONVERSATIONS, DIGEST, user
from workflows.contracts.conversation import Message
from workflows.contracts.repair import repair

LOCAL = read_endpoint("http://127.0.0.1:1/v1")
TOOLS = st.sampled_from([(), (READ,), (SEARCH, READ)])
THINKING = st.sampled_from([None, 2000, "adaptive"])


@given(CONVERSATIONS, TOOLS, THINKING)
def test_both_providers_take_it(messages: list[Message], tools: tuple[ToolOffer, ...], thinking: int | None) -> None:
    asked = ask_of(*repair([*messages, user("Well?")]), tools=tools, system="S.", max_tokens=8000)
    ask = replace(asked, opened={DIGEST: b"content"})
    sent = {**messages_request(ask, MessagesOptions(thinking=thinking)), "stream": True}
    assert anthropic_rules.problem_of(sent, "2026-10-21", {}, counted=False) is None
    assert openai_rules.problem_of({**chat_request(ask, LOCAL), "stream": True}) is None
